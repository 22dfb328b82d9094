// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/folder_watch.h"

#include <array>
#include <filesystem>
#include <poll.h>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>

namespace fulgurite::cascade {

FolderWatch::FolderWatch() : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

FolderWatch::~FolderWatch() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

bool FolderWatch::add(const std::string& folder) {
    constexpr std::uint32_t kEvents =
        IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR;
    return ::inotify_add_watch(fd_, folder.c_str(), kEvents) >= 0;
}

// A new descriptor: the kernel then drops all watches of the old one.
void FolderWatch::set(const std::vector<std::string>& folders) {
    if (fd_ >= 0) {
        ::close(fd_);
    }
    fd_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    for (const std::string& folder : folders) {
        namespace fs = std::filesystem;
        std::error_code code;
        if (!add(folder)) {
            continue;
        }
        fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, code);
        for (; !code && it != fs::recursive_directory_iterator(); it.increment(code)) {
            std::error_code ignored;
            if (it->is_directory(ignored) && !it->is_symlink(ignored) && !add(it->path().string())) {
                return;
            }
        }
    }
}

bool FolderWatch::wait(std::chrono::milliseconds timeout) {
    if (fd_ < 0) {
        std::this_thread::sleep_for(timeout);
        return false;
    }
    pollfd ready{fd_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(timeout.count())) <= 0) {
        return false;
    }
    std::array<char, 16384> events{};
    while (::read(fd_, events.data(), events.size()) > 0) {
    }
    return true;
}

} // namespace fulgurite::cascade
