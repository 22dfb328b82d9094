// SPDX-License-Identifier: Apache-2.0
// The vectors of one encoder in a mapped file that only grows (docs/formats/images.md). Which row belongs to which
// image is the database's knowledge: rows beyond what it has committed are leftovers of a process that died, and
// are cut off.
#pragma once

#include "kernels/vector_scan.h"

#include <cstddef>
#include <filesystem>
#include <span>

namespace fulgurite::cascade {

class VectorFile {
  public:
    // Opens or creates; keeps the first `committed` rows. Throws Error{Corrupt} for a file of another kind or width
    // or with fewer rows, Error{Io}.
    VectorFile(std::filesystem::path path, std::size_t width, std::size_t committed);
    ~VectorFile();
    VectorFile(const VectorFile&) = delete;
    VectorFile& operator=(const VectorFile&) = delete;

    std::size_t rows() const { return rows_; }
    std::size_t width() const { return width_; }
    // [width] floats; valid until the next append.
    const float* row(std::size_t index) const { return data_ + index * width_; }
    kernels::VectorRows view() const { return {data_, DType::F32, nullptr, rows_, width_, width_}; }

    // Adds whole rows and returns the index of the first. They are on the disk when sync() returns, which must be
    // before the database says that they exist.
    std::size_t append(std::span<const float> values);
    void sync();

  private:
    void map();
    void unmap();
    [[noreturn]] void raise(const char* what) const;

    std::filesystem::path path_;
    std::size_t width_;
    std::size_t rows_ = 0;
    int fd_ = -1;
    void* mapping_ = nullptr;
    std::size_t mapped_bytes_ = 0;
    const float* data_ = nullptr;
};

} // namespace fulgurite::cascade
