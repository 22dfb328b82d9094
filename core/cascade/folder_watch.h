// SPDX-License-Identifier: Apache-2.0
// Says when something in a set of folder trees has changed (inotify), and which trees it cannot answer for: the
// system limits the number of watches, a folder may not be there, and of a file system on another machine the
// kernel hears nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fulgurite::cascade {

enum class Unwatched : std::uint8_t {
    Limit,   // the system has no more watches to give
    Missing, // the folder is not there
    Remote,  // it lies on a network file system, or one of a program's
};

class FolderWatch {
  public:
    // `most`: watches at most, beside the system's limit.
    explicit FolderWatch(std::size_t most = SIZE_MAX);
    ~FolderWatch();
    FolderWatch(const FolderWatch&) = delete;
    FolderWatch& operator=(const FolderWatch&) = delete;

    // Watches these trees instead of what was watched before. The trees that are not watched whole, and why.
    std::map<std::string, Unwatched> set(const std::vector<std::string>& folders);
    // Waits at most so long for a change; true when there was one. Takes all changes that are there.
    bool wait(std::chrono::milliseconds timeout);
    std::size_t watched() const { return watched_; } // folders

  private:
    bool add(const std::string& folder); // false: no more watches
    bool addTree(const std::string& folder);

    std::size_t most_;
    std::size_t watched_ = 0;
    int fd_ = -1;
};

// For a person: what is not watched and how to change it. `seconds`: how often the folders are looked through
// instead. Empty for what another message says already.
std::string describe(Unwatched why, std::size_t watched, double seconds);

} // namespace fulgurite::cascade
