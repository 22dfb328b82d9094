// SPDX-License-Identifier: Apache-2.0
// A file that appears whole or not at all: written under a temporary name beside the target, synced, then renamed. Of
// several that write one target at the same time, the last one to be done has its own there, whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace fulgurite {

class AtomicFile {
  public:
    // Creates a file whose name ends in the target's and ".partial" and that nobody else has. Every member throws
    // Error{Io} with path and cause.
    explicit AtomicFile(std::filesystem::path target);
    ~AtomicFile(); // removes the temporary file unless committed
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(std::span<const std::byte> bytes);
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
    // Takes the room on the disk at once, so that a full one is told before the work that fills the file.
    void reserve(std::uint64_t bytes);
    // Independent of write(), which goes on where it was.
    void writeAt(std::uint64_t offset, std::span<const std::byte> bytes);
    // Replaces the target; call once, last.
    void commit();
    // What commit() renames.
    const std::filesystem::path& temporary() const { return temporary_; }

  private:
    void check(bool ok, const char* what) const;

    std::filesystem::path target_;
    std::filesystem::path temporary_;
    int fd_ = -1;
};

// The whole content at once.
void writeFileAtomically(const std::filesystem::path& path, std::string_view content);

} // namespace fulgurite
