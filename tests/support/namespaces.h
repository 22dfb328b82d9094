// SPDX-License-Identifier: Apache-2.0
// For tests that need a network or a disk of their own: Linux namespaces, in which they are root.
#pragma once

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <unistd.h>

namespace fulgurite::test {

inline bool writeAll(const char* path, const std::string& text) {
    const int file = ::open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(file);
    return written;
}

// Moves this process into namespaces of its own, as their root: before it has a second thread, so from main().
// Empty, or why that is not possible here.
inline std::string enterNamespaces() {
    const std::string user = std::to_string(::getuid());
    const std::string group = std::to_string(::getgid());
    const bool mapped = ::unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) == 0;
    if (!mapped && ::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
        return std::string("no namespaces can be made here: ") + std::strerror(errno);
    if (mapped &&
        (!writeAll("/proc/self/setgroups", "deny") || !writeAll("/proc/self/uid_map", "0 " + user + " 1") ||
         !writeAll("/proc/self/gid_map", "0 " + group + " 1")))
        return std::string("no user can be mapped into a namespace here: ") + std::strerror(errno);
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return std::string("mounts cannot be kept to this test: ") + std::strerror(errno);
    return {};
}

} // namespace fulgurite::test
