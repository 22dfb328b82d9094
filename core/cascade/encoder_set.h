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
    std::string id; // the folder's name
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
    // Reads every config.json. Throws Error that names the folder; of two folders of one name the first counts.
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

} // namespace fulgurite::cascade
