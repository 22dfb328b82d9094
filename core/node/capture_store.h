// SPDX-License-Identifier: Apache-2.0
// The captures in an engine's data folder: named by content, opened on demand, kept open.
#pragma once

#include "core/probe/capture/capture_file.h"

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace fulgurite::node {

// All members may be called from any thread.
class CaptureStore {
  public:
    // Removes what an engine that was killed left half written. The folder is made with the first capture.
    explicit CaptureStore(std::filesystem::path folder);

    const std::filesystem::path& folder() const { return folder_; }
    // Where a capture of that name lies, or will. Throws Error{NotFound} for what cannot be a name.
    std::filesystem::path pathOf(const std::string& id) const;
    bool has(const std::string& id) const;
    // A message for somebody elsewhere: without the folder's path, which is no business of his.
    std::string withoutFolder(std::string message) const;
    // Throws Error{NotFound | Corrupt | Unsupported | Io}. A view of a capture that is removed meanwhile stays
    // valid.
    std::shared_ptr<const capture::CaptureFile> open(const std::string& id);
    // nullptr when there is none, or only a damaged one, which may be taken again.
    std::shared_ptr<const capture::CaptureFile> whole(const std::string& id);
    void remove(const std::string& id);

    struct Listing {
        std::vector<std::pair<std::string, capture::CaptureInfo>> captures; // newest first
        std::vector<std::pair<std::string, std::string>> broken;            // name and what is wrong with it
    };
    Listing list();

  private:
    std::filesystem::path folder_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const capture::CaptureFile>> open_;
};

} // namespace fulgurite::node
