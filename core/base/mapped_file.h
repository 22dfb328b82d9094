// SPDX-License-Identifier: Apache-2.0
// A whole file mapped read-only and shared, so that a second process or a second start reuses the page cache.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace fulgurite {

class MappedFile {
  public:
    // Throws Error{NotFound | Io} with the path. An empty file maps to an empty span.
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return {data_, size_}; }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace fulgurite
