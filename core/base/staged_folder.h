// SPDX-License-Identifier: Apache-2.0
// A folder that appears whole or not at all: filled as TARGET.partial beside the target, then renamed. What a
// killed process left behind is removed by the next one that writes the same target.
#pragma once

#include <filesystem>

namespace fulgurite {

// A rename reaches the disk with the folder that holds the name. Throws Error{Io}.
void syncFolder(const std::filesystem::path& folder);

class StagedFolder {
  public:
    // `target` must not exist or be an empty folder. Throws Error{InvalidInput} when it is neither,
    // Error{Unavailable} when another process is writing it, Error{Io} with the cause.
    explicit StagedFolder(std::filesystem::path target);
    ~StagedFolder(); // removes what was not committed
    StagedFolder(const StagedFolder&) = delete;
    StagedFolder& operator=(const StagedFolder&) = delete;

    // Where to write until commit().
    const std::filesystem::path& path() const { return temporary_; }
    // Call once, last.
    void commit();

  private:
    std::filesystem::path target_;
    std::filesystem::path temporary_;
    int lock_ = -1; // of the temporary folder
};

} // namespace fulgurite
