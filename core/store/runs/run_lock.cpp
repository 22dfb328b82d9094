// SPDX-License-Identifier: Apache-2.0
// Open file description locks: unlike the older fcntl locks they also hold between threads of one process, and
// closing another descriptor of the same file does not drop them.
#include "core/store/runs/run_lock.h"

#include "core/base/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace fulgurite {

namespace {

constexpr off_t watch_byte = 0; // run ids begin at 1

std::filesystem::path lockPath(const std::filesystem::path& database) {
    return database.string() + "-lock";
}

struct flock byteLock(short type, off_t byte) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    return lock;
}

int openForWriting(const std::filesystem::path& database) {
    return ::open(lockPath(database).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
}

// Whether a lock of `type` would meet one that exists.
bool wouldWait(int fd, short type, off_t byte) {
    struct flock lock = byteLock(type, byte);
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

} // namespace

RunLock::RunLock(const std::filesystem::path& database, RunId run) : fd_(openForWriting(database)) {
    if (fd_ < 0)
        fail(ErrorKind::Io, "{}: cannot be written ({}). Make the folder of the runs file writable.",
             lockPath(database).string(), std::strerror(errno));
    struct flock lock = byteLock(F_WRLCK, static_cast<off_t>(run));
    if (::fcntl(fd_, F_OFD_SETLK, &lock) == 0)
        return;
    const int error = errno;
    ::close(fd_);
    if (error == EAGAIN || error == EACCES)
        fail(ErrorKind::Unavailable,
             "{}: run {} is being written by another program. Stop that one first, or begin a new run.",
             database.string(), run);
    fail(ErrorKind::Io, "{}: cannot be locked ({}). Keep runs files on a local disk.", lockPath(database).string(),
         std::strerror(error));
}

RunLock::~RunLock() {
    ::close(fd_);
}

bool RunLock::watched() const {
    return wouldWait(fd_, F_WRLCK, watch_byte);
}

RunWatch::RunWatch(const std::filesystem::path& database) : fd_(openForWriting(database)) {
    struct flock lock = byteLock(F_RDLCK, watch_byte);
    if (fd_ >= 0)
        ::fcntl(fd_, F_OFD_SETLK, &lock);
}

RunWatch::~RunWatch() {
    if (fd_ >= 0)
        ::close(fd_);
}

RunOwners::RunOwners(const std::filesystem::path& database) : path_(lockPath(database)) {}

RunOwners::~RunOwners() {
    if (fd_ >= 0)
        ::close(fd_);
}

bool RunOwners::owned(RunId run) {
    if (fd_ < 0)
        fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    return fd_ >= 0 && wouldWait(fd_, F_WRLCK, static_cast<off_t>(run));
}

} // namespace fulgurite
