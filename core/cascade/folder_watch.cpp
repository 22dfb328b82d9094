// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/folder_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>

namespace fulgurite::cascade {

namespace {

// Others may write there without this kernel: NFS, SMB (three numbers), 9P, Ceph, FUSE, as <linux/magic.h> has
// them.
bool isRemote(const std::string& folder) {
    constexpr std::array<std::uint32_t, 7> kRemote{0x6969,     0x517b,     0xff534d42, 0xfe534d42,
                                                   0x01021997, 0x00c36400, 0x65735546};
    struct statfs status {};
    return ::statfs(folder.c_str(), &status) == 0 &&
           std::find(kRemote.begin(), kRemote.end(), static_cast<std::uint32_t>(status.f_type)) != kRemote.end();
}

// The system's limit on watches; 0 where it does not say.
std::size_t systemLimit() {
    std::size_t limit = 0;
    std::ifstream("/proc/sys/fs/inotify/max_user_watches") >> limit;
    return limit;
}

} // namespace

FolderWatch::FolderWatch(std::size_t most) : most_(most), fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

FolderWatch::~FolderWatch() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

// A folder that vanished meanwhile, or that this user may not look into, takes nothing from the others.
bool FolderWatch::add(const std::string& folder) {
    constexpr std::uint32_t kEvents =
        IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR;
    if (fd_ < 0 || watched_ >= most_) {
        return false;
    }
    if (::inotify_add_watch(fd_, folder.c_str(), kEvents) >= 0) {
        ++watched_;
        return true;
    }
    return errno != ENOSPC && errno != ENOMEM;
}

bool FolderWatch::addTree(const std::string& folder) {
    namespace fs = std::filesystem;
    std::error_code code;
    if (!add(folder)) {
        return false;
    }
    fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, code);
    for (; !code && it != fs::recursive_directory_iterator(); it.increment(code)) {
        std::error_code ignored;
        if (it->is_directory(ignored) && !it->is_symlink(ignored) && !add(it->path().string())) {
            return false;
        }
    }
    return true;
}

// A new descriptor: the kernel then drops all watches of the old one.
std::map<std::string, Unwatched> FolderWatch::set(const std::vector<std::string>& folders) {
    if (fd_ >= 0) {
        ::close(fd_);
    }
    fd_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    watched_ = 0;
    std::map<std::string, Unwatched> unwatched;
    for (const std::string& folder : folders) {
        std::error_code ignored;
        if (!std::filesystem::is_directory(folder, ignored)) {
            unwatched[folder] = Unwatched::Missing;
        } else if (!addTree(folder)) {
            unwatched[folder] = Unwatched::Limit;
        } else if (isRemote(folder)) {
            unwatched[folder] = Unwatched::Remote;
        }
    }
    return unwatched;
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

std::string describe(Unwatched why, std::size_t watched, double seconds) {
    const std::string often = fmt::format("it is looked through every {:.0f} seconds instead", std::ceil(seconds));
    switch (why) {
    case Unwatched::Limit: {
        const std::size_t limit = systemLimit();
        return fmt::format("not all of it can be watched for changes: the system gives no more watches than the {} "
                           "that are in use{}; {}. More: sudo sysctl fs.inotify.max_user_watches={}",
                           watched, limit > 0 ? fmt::format(" (its limit for each user is {})", limit) : "", often,
                           std::max<std::size_t>(524288, 4 * limit));
    }
    case Unwatched::Remote:
        return "the system does not tell of changes that other machines make there; " + often;
    case Unwatched::Missing:
        break;
    }
    return {};
}

} // namespace fulgurite::cascade
