// SPDX-License-Identifier: Apache-2.0
// A whole file mapped read-only and shared, so that a second process or a second start reuses the page cache.
#pragma once

#include "core/base/mapping_guard.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace fulgurite {

class MappedFile {
  public:
    // What happens to a reader when the file is cut or its disk fails while it is mapped.
    enum class WhenGone {
        End,  // SIGBUS ends the program
        Zeros // what is gone reads as zeros and intact() turns false: whoever has read must ask
    };

    // Throws Error{NotFound | Io} with the path. An empty file maps to an empty span.
    explicit MappedFile(const std::filesystem::path& path, WhenGone gone = WhenGone::End);
    ~MappedFile();
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return {data_, size_}; }
    const std::filesystem::path& path() const { return path_; }
    bool intact() const { return !guard_ || guard_->intact(); }

  private:
    std::filesystem::path path_;
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::unique_ptr<MappingGuard> guard_; // goes before the mapping does
};

} // namespace fulgurite
