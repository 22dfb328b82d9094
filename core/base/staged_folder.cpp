// SPDX-License-Identifier: Apache-2.0
#include "core/base/staged_folder.h"

#include "core/base/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

namespace fulgurite {

namespace fs = std::filesystem;

namespace {

// "out/" names the same folder as "out", and its neighbour is "out.partial".
fs::path withoutSlash(fs::path path) {
    path = path.lexically_normal();
    return path.has_filename() ? path : path.parent_path();
}

void checkTarget(const fs::path& target) {
    std::error_code error;
    const fs::file_status status = fs::status(target, error);
    if (fs::exists(status) && (!fs::is_directory(status) || !fs::is_empty(target, error) || error)) {
        fail(ErrorKind::InvalidInput, "{}: must be a new or empty folder that can be written{}", target.string(),
             error ? ": " + error.message() : "");
    }
}

} // namespace

void syncFolder(const fs::path& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || ::fsync(fd) != 0) {
        const int error = errno;
        if (fd >= 0) {
            ::close(fd);
        }
        fail(ErrorKind::Io, "{}: cannot sync: {}", folder.string(), std::strerror(error));
    }
    ::close(fd);
}

StagedFolder::StagedFolder(fs::path target)
    : target_(withoutSlash(std::move(target))), temporary_(target_.string() + ".partial") {
    checkTarget(target_);
    std::error_code error;
    fs::create_directories(temporary_, error);
    lock_ = error ? -1 : ::open(temporary_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock_ < 0) {
        fail(ErrorKind::Io, "{}: cannot create the folder: {}", temporary_.string(),
             error ? error.message() : std::strerror(errno));
    }
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock_);
        fail(ErrorKind::Unavailable, "{}: another process is writing this folder", temporary_.string());
    }
    for (const auto& left_behind : fs::directory_iterator(temporary_, error)) {
        fs::remove_all(left_behind.path(), error);
    }
}

StagedFolder::~StagedFolder() {
    if (!temporary_.empty()) {
        std::error_code ignored;
        fs::remove_all(temporary_, ignored);
    }
    ::close(lock_);
}

void StagedFolder::commit() {
    checkTarget(target_);
    syncFolder(temporary_);
    std::error_code error;
    fs::rename(temporary_, target_, error);
    if (error) {
        fail(ErrorKind::Io, "{}: cannot rename to {}: {}", temporary_.string(), target_.string(), error.message());
    }
    temporary_.clear();
    syncFolder(fs::absolute(target_).parent_path());
}

} // namespace fulgurite
