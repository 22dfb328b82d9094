// SPDX-License-Identifier: Apache-2.0
// A folder for states on their way that is one model's alone, and goes when the process ends in whatever way.
#pragma once

#include <filesystem>
#include <string>

namespace fulgurite::node {

// The folder is locked for as long as this lives. A process that was killed leaves its folder, as large as the
// memory for states, without the lock: whoever can lock one removes it. Numbers of processes would not do, because
// processes of several containers may share the base and not see each other. Where there are no locks (NFS) none is
// removed.
class StatesFolder {
  public:
    // Makes one in `base`, which is made too, and removes those of the dead. Where none can be made, path() is
    // still one that nobody else has: who writes there hears why not.
    explicit StatesFolder(const std::filesystem::path& base);
    ~StatesFolder(); // with what is in it
    StatesFolder(const StatesFolder&) = delete;
    StatesFolder& operator=(const StatesFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
    int lock_ = -1;
};

} // namespace fulgurite::node
