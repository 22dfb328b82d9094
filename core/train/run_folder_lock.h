// SPDX-License-Identifier: Apache-2.0
// One trainer to a folder: a lock on FOLDER/run.lock, which the kernel drops with the process that held it, so that
// nothing is left to clean after a kill.
#pragma once

#include <filesystem>

namespace fulgurite {

class RunFolderLock {
  public:
    // Makes the folder where it does not exist. Throws Error{Unavailable} while another trainer, in this process or
    // another, has it, and Error{Io}.
    explicit RunFolderLock(const std::filesystem::path& folder);
    ~RunFolderLock();
    RunFolderLock(const RunFolderLock&) = delete;
    RunFolderLock& operator=(const RunFolderLock&) = delete;

  private:
    int fd_ = -1;
};

} // namespace fulgurite
