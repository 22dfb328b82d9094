// SPDX-License-Identifier: Apache-2.0
// The encoders that cascades can be made of: CLIP folders by name, from the cheapest to the dearest. A model is
// loaded when it is first used.
#pragma once

#include "core/cascade/clip/clip_model.h"

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fulgurite::cascade {

struct EncoderInfo {
    std::string id; // the folder's name, with its parent's where two have the same
    std::filesystem::path folder;
    std::size_t width = 0;
    int image_size = 0;
    int patch = 0;
    double image_flops = 0;
    double text_flops = 0; // of a caption of kCaptionTokens
};

inline constexpr std::size_t kCaptionTokens = 16;

class EncoderSet {
  public:
    // Reads every config.json. Throws Error that names the folder.
    explicit EncoderSet(const std::vector<std::filesystem::path>& folders);

    const std::vector<EncoderInfo>& list() const { return list_; } // by rising image_flops
    // Throws Error{NotFound} that lists what there is.
    const EncoderInfo& info(const std::string& id) const;
    // From any thread. Throws what ClipModel::load throws.
    std::shared_ptr<const clip::ClipModel> model(const std::string& id);

  private:
    std::vector<EncoderInfo> list_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const clip::ClipModel>> loaded_;
};

// Names, sizes and times of the files that a checkpoint's hash is made of: cheap, where hashing them may take
// seconds. Two checkpoints of one folder never have the same.
std::string stampOf(const std::filesystem::path& folder);

} // namespace fulgurite::cascade
