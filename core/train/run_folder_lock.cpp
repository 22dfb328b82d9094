// SPDX-License-Identifier: Apache-2.0
#include "core/train/run_folder_lock.h"

#include "core/base/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace fulgurite {

RunFolderLock::RunFolderLock(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
        fail(ErrorKind::Io, "{}: cannot create the folder: {}", folder.string(), error.message());
    }
    const std::filesystem::path file = folder / "run.lock";
    fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) {
        fail(ErrorKind::Io, "{}: cannot be written: {}", file.string(), std::strerror(errno));
    }
    // Some network drives know no locks; there the run is on its own, as everywhere before there was a lock.
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        ::close(fd_);
        fail(
            ErrorKind::Unavailable,
            "{}: another trainer is at work in this folder. Stop that one first, or give this run another \"out\".",
            folder.string());
    }
}

RunFolderLock::~RunFolderLock() {
    ::close(fd_);
}

} // namespace fulgurite
