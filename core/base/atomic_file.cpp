// SPDX-License-Identifier: Apache-2.0
#include "core/base/atomic_file.h"

#include "core/base/error.h"
#include "core/base/staged_folder.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <random>
#include <unistd.h>
#include <utility>

namespace fulgurite {

namespace {

// A rename would put a file in the place of a device, a pipe or a folder.
bool replaceable(const std::filesystem::path& target) {
    std::error_code ignored;
    const std::filesystem::file_status status = std::filesystem::status(target, ignored);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
        fail(ErrorKind::InvalidInput, "{}: is no file but a device, a pipe or a folder; name a file to write",
             target.string());
    }
    return true;
}

// A hidden neighbour with the target's name at its end, so that whoever looks for what was left behind knows of what.
std::filesystem::path neighbour(const std::filesystem::path& target) {
    std::random_device random;
    return target.parent_path() / fmt::format(".{:08x}.{}.partial", random(), target.filename().string());
}

} // namespace

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)) {
    if (replaceable(target_)) {
        do {
            temporary_ = neighbour(target_);
            fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        } while (fd_ < 0 && errno == EEXIST);
    }
    check(fd_ >= 0, "create");
}

AtomicFile::~AtomicFile() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
    if (!temporary_.empty()) {
        ::unlink(temporary_.c_str());
    }
}

void AtomicFile::check(bool ok, const char* what) const {
    if (!ok) {
        fail(ErrorKind::Io, "{}: cannot {}: {}", temporary_.string(), what, std::strerror(errno));
    }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        check(n > 0, "write");
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
}

void AtomicFile::reserve(std::uint64_t bytes) {
    if (bytes == 0) {
        return;
    }
    // Not posix_fallocate: where the file system cannot reserve, it would write every block.
    while (::fallocate(fd_, 0, 0, static_cast<off_t>(bytes)) != 0) {
        if (errno == EINTR) {
            continue;
        }
        if (errno == EOPNOTSUPP || errno == ENOSYS) {
            check(::ftruncate(fd_, static_cast<off_t>(bytes)) == 0, "resize");
            return;
        }
        const int error = errno;
        fail(ErrorKind::Io, "{}: cannot reserve {} bytes: {}", temporary_.string(), bytes, std::strerror(error));
    }
}

void AtomicFile::writeAt(std::uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        check(n > 0, "write");
        bytes = bytes.subspan(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
}

void AtomicFile::commit() {
    check(::fsync(fd_) == 0, "sync");
    check(::close(std::exchange(fd_, -1)) == 0, "close");
    check(::rename(temporary_.c_str(), target_.c_str()) == 0, "rename");
    temporary_.clear();
    try {
        syncFolder(std::filesystem::absolute(target_).parent_path());
    } catch (const Error&) {
        // A folder that may not be read, or a file system that cannot sync one: the file is there, and whole.
    }
}

void writeFileAtomically(const std::filesystem::path& path, std::string_view content) {
    AtomicFile file(path);
    file.write(content);
    file.commit();
}

} // namespace fulgurite
