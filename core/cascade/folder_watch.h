// SPDX-License-Identifier: Apache-2.0
// Says when something in a set of folder trees has changed (inotify). Where the system's limit on watches is
// reached, what is beyond it is found by the next scan only.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace fulgurite::cascade {

class FolderWatch {
  public:
    FolderWatch();
    ~FolderWatch();
    FolderWatch(const FolderWatch&) = delete;
    FolderWatch& operator=(const FolderWatch&) = delete;

    // Watches these trees instead of what was watched before.
    void set(const std::vector<std::string>& folders);
    // Waits at most so long for a change; true when there was one. Takes all changes that are there.
    bool wait(std::chrono::milliseconds timeout);

  private:
    bool add(const std::string& folder);

    int fd_ = -1;
};

} // namespace fulgurite::cascade
