// SPDX-License-Identifier: Apache-2.0
#include "core/node/states_folder.h"

#include "core/node/sampling_fields.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace fulgurite::node {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "fulgurite-states-";
constexpr int kTries = 4;

// A descriptor that holds the lock of the folder that lies at the path; -1: somebody else has it, or it has gone.
int lockFolder(const fs::path& path) {
    const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) {
        return -1;
    }
    struct stat locked {};
    struct stat there {};
    // Removed by somebody between the two calls, it would be a lock of nothing.
    if (::flock(folder, LOCK_EX | LOCK_NB) == 0 && ::fstat(folder, &locked) == 0 &&
        ::lstat(path.c_str(), &there) == 0 && locked.st_ino == there.st_ino && locked.st_dev == there.st_dev) {
        return folder;
    }
    ::close(folder);
    return -1;
}

void removeOfTheDead(const fs::path& base) {
    std::error_code code;
    for (fs::directory_iterator each(base, code); !code && each != fs::directory_iterator(); each.increment(code)) {
        if (!each->path().filename().string().starts_with(kPrefix)) {
            continue;
        }
        if (const int lock = lockFolder(each->path()); lock >= 0) {
            std::error_code ignored;
            fs::remove_all(each->path(), ignored);
            ::close(lock);
        }
    }
}

} // namespace

StatesFolder::StatesFolder(const fs::path& base) {
    std::error_code ignored;
    fs::create_directories(base, ignored);
    removeOfTheDead(base);
    // Another process may take a new one for a dead one's until it is locked: then there is a next.
    for (int i = 0; i < kTries && lock_ < 0; ++i) {
        path_ = base / fmt::format("{}{}-{}", kPrefix, ::getpid(), newId(""));
        if (::mkdir(path_.c_str(), S_IRWXU) != 0) {
            return;
        }
        lock_ = lockFolder(path_);
        if (lock_ < 0) {
            ::rmdir(path_.c_str());
        }
    }
}

StatesFolder::~StatesFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    if (lock_ >= 0) {
        ::close(lock_);
    }
}

} // namespace fulgurite::node
