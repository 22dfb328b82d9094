// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/encoder_set.h"

#include "core/base/error.h"

#include <algorithm>
#include <fmt/ranges.h>

namespace fulgurite::cascade {

namespace {

std::string nameOf(const std::filesystem::path& folder) {
    const std::filesystem::path clean = folder.lexically_normal();
    return clean.has_filename() ? clean.filename().string() : clean.parent_path().filename().string();
}

} // namespace

EncoderSet::EncoderSet(const std::vector<std::filesystem::path>& folders) {
    for (const std::filesystem::path& folder : folders) {
        const std::string id = nameOf(folder);
        if (std::any_of(list_.begin(), list_.end(), [&](const EncoderInfo& info) { return info.id == id; })) {
            continue;
        }
        const clip::ClipConfig config = clip::ClipConfig::load(folder);
        list_.push_back({.id = id,
                         .folder = folder,
                         .width = static_cast<std::size_t>(config.projection),
                         .image_size = config.vision.image_size,
                         .patch = config.vision.patch_size,
                         .image_flops = clip::imageFlops(config),
                         .text_flops = clip::textFlops(config, kCaptionTokens)});
    }
    std::stable_sort(list_.begin(), list_.end(),
                     [](const EncoderInfo& a, const EncoderInfo& b) { return a.image_flops < b.image_flops; });
}

const EncoderInfo& EncoderSet::info(const std::string& id) const {
    for (const EncoderInfo& info : list_) {
        if (info.id == id) {
            return info;
        }
    }
    std::vector<std::string> names;
    for (const EncoderInfo& info : list_) {
        names.push_back(info.id);
    }
    fail(ErrorKind::NotFound, "there is no encoder '{}'; there are: {}", id,
         names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
}

std::shared_ptr<const clip::ClipModel> EncoderSet::model(const std::string& id) {
    const EncoderInfo& wanted = info(id);
    const std::lock_guard lock(mutex_);
    auto& model = loaded_[id];
    if (!model) {
        model = clip::ClipModel::load(wanted.folder);
    }
    return model;
}

} // namespace fulgurite::cascade
