// SPDX-License-Identifier: Apache-2.0
// Who writes which run, and whether someone watches: locks on single bytes of a file beside the runs file
// (FILE-lock). The kernel drops them with the process that held them, so that nothing is left to clean after a
// kill.
#pragma once

#include "core/store/runs/run_types.h"

#include <filesystem>

namespace fulgurite {

class RunLock {
  public:
    // Takes the run for writing. Throws Error{Unavailable} while another owner, in this process or another, has it.
    RunLock(const std::filesystem::path& database, RunId run);
    ~RunLock();
    RunLock(const RunLock&) = delete;
    RunLock& operator=(const RunLock&) = delete;

    // True while a RunWatch exists for the file.
    bool watched() const;

  private:
    int fd_ = -1;
};

// Asks writers of the file to be at most 100 ms late. Where the folder cannot be written, does nothing.
class RunWatch {
  public:
    explicit RunWatch(const std::filesystem::path& database);
    ~RunWatch();
    RunWatch(const RunWatch&) = delete;
    RunWatch& operator=(const RunWatch&) = delete;

  private:
    int fd_ = -1;
};

// Which runs have an owner, without taking them. Keeps the file open between questions.
class RunOwners {
  public:
    explicit RunOwners(const std::filesystem::path& database);
    ~RunOwners();
    RunOwners(const RunOwners&) = delete;
    RunOwners& operator=(const RunOwners&) = delete;

    bool owned(RunId run);

  private:
    std::filesystem::path path_;
    int fd_ = -1; // -1 until the file exists
};

} // namespace fulgurite
