// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/vector_file.h"

#include "core/base/error.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fulgurite::cascade {

namespace {

constexpr std::size_t kHeaderBytes = 64; // rows start aligned for every vector unit
// Address space is taken in steps, so that appending a few rows does not map anew each time.
constexpr std::size_t kMapStep = std::size_t{64} << 20;

struct Header {
    char magic[8] = {'F', 'G', 'V', 'E', 'C', 'T', 'O', 'R'};
    std::uint32_t version = 1;
    std::uint32_t width = 0;
};

} // namespace

void VectorFile::raise(const char* what) const {
    fail(ErrorKind::Io, "{}: {}: {}", path_.string(), what, std::strerror(errno));
}

VectorFile::VectorFile(std::filesystem::path path, std::size_t width, std::size_t committed)
    : path_(std::move(path)), width_(width) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) {
        raise("cannot be opened");
    }
    struct stat status {};
    ::fstat(fd_, &status);
    Header header;
    header.width = static_cast<std::uint32_t>(width);
    const Header expected = header;
    const std::size_t wanted = kHeaderBytes + committed * width * sizeof(float);
    if (status.st_size == 0 && committed == 0) {
        if (::pwrite(fd_, &header, sizeof(header), 0) != sizeof(header)) {
            raise("cannot be written");
        }
    } else if (::pread(fd_, &header, sizeof(header), 0) != sizeof(header) ||
               std::memcmp(&header, &expected, sizeof(header)) != 0 ||
               static_cast<std::size_t>(status.st_size) < wanted) {
        ::close(fd_);
        fd_ = -1;
        fail(ErrorKind::Corrupt,
             "{}: not the file of {} vectors of {} that the library expects; delete it together with "
             "images.fulgurite "
             "to build both anew",
             path_.string(), committed, width);
    }
    if (::ftruncate(fd_, static_cast<off_t>(wanted)) != 0) {
        raise("cannot be cut to its rows");
    }
    rows_ = committed;
    map();
}

VectorFile::~VectorFile() {
    unmap();
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

// Mapping past the end of a file is allowed; only rows below rows_ are ever touched.
void VectorFile::map() {
    const std::size_t needed = kHeaderBytes + rows_ * width_ * sizeof(float);
    if (needed <= mapped_bytes_) {
        return;
    }
    unmap();
    const std::size_t bytes = (needed / kMapStep + 1) * kMapStep;
    void* mapping = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd_, 0);
    if (mapping == MAP_FAILED) {
        raise("cannot be mapped");
    }
    mapping_ = mapping;
    mapped_bytes_ = bytes;
    data_ = reinterpret_cast<const float*>(static_cast<const char*>(mapping) + kHeaderBytes);
}

void VectorFile::unmap() {
    if (mapping_ != nullptr) {
        ::munmap(mapping_, mapped_bytes_);
        mapping_ = nullptr;
        mapped_bytes_ = 0;
    }
}

std::size_t VectorFile::append(std::span<const float> values) {
    const std::size_t first = rows_;
    const char* bytes = reinterpret_cast<const char*>(values.data());
    std::size_t left = values.size_bytes();
    auto offset = static_cast<off_t>(kHeaderBytes + rows_ * width_ * sizeof(float));
    while (left > 0) {
        const ssize_t written = ::pwrite(fd_, bytes, left, offset);
        if (written < 0 && errno != EINTR) {
            raise("cannot be written; is the disk full?");
        }
        const std::size_t done = static_cast<std::size_t>(std::max<ssize_t>(0, written));
        bytes += done;
        left -= done;
        offset += static_cast<off_t>(done);
    }
    rows_ += values.size() / width_;
    map();
    return first;
}

void VectorFile::sync() {
    if (::fdatasync(fd_) != 0) {
        raise("cannot be synced");
    }
}

} // namespace fulgurite::cascade
