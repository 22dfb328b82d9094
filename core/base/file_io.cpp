// SPDX-License-Identifier: Apache-2.0
#include "core/base/file_io.h"

#include "core/base/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

namespace fulgurite {

std::string readTextFile(const std::filesystem::path& path, std::size_t max_bytes) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) {
        fail(error == std::errc::no_such_file_or_directory ? ErrorKind::NotFound : ErrorKind::Io, "{}: {}",
             path.string(), error.message());
    }
    if (size > max_bytes) {
        fail(ErrorKind::InvalidInput, "{}: {} bytes, more than the {} bytes such a file may have", path.string(),
             size, max_bytes);
    }
    std::string content(size, '\0');
    std::ifstream stream(path, std::ios::binary);
    if (!stream.read(content.data(), static_cast<std::streamsize>(size))) {
        fail(ErrorKind::Io, "{}: cannot read {} bytes", path.string(), size);
    }
    return content;
}

namespace {

// Closes the descriptor and removes the temporary file unless released.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::filesystem::path path)
        : path_(std::move(path)), fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
        check(fd_ >= 0, "create");
    }
    ~TemporaryFile() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        if (!path_.empty()) {
            ::unlink(path_.c_str());
        }
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    void write(std::string_view content) {
        while (!content.empty()) {
            const ssize_t n = ::write(fd_, content.data(), content.size());
            if (n < 0 && errno == EINTR) {
                continue;
            }
            check(n > 0, "write");
            content.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    void commitAs(const std::filesystem::path& target) {
        check(::fsync(fd_) == 0, "sync");
        check(::close(std::exchange(fd_, -1)) == 0, "close");
        check(::rename(path_.c_str(), target.c_str()) == 0, "rename");
        path_.clear();
    }

  private:
    void check(bool ok, const char* what) const {
        if (!ok) {
            fail(ErrorKind::Io, "{}: cannot {}: {}", path_.string(), what, std::strerror(errno));
        }
    }

    std::filesystem::path path_;
    int fd_;
};

} // namespace

void writeFileAtomically(const std::filesystem::path& path, std::string_view content) {
    TemporaryFile file(path.string() + ".partial");
    file.write(content);
    file.commitAs(path);
}

} // namespace fulgurite
