// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/encoder_set.h"

#include "core/base/error.h"

#include <algorithm>
#include <fmt/ranges.h>

namespace fulgurite::cascade {

namespace {

std::filesystem::path withoutSlash(const std::filesystem::path& folder) {
    const std::filesystem::path clean = std::filesystem::absolute(folder).lexically_normal();
    return clean.has_filename() ? clean : clean.parent_path();
}

// The shortest end of the path that no other encoder is called by.
std::string nameOf(const std::filesystem::path& folder, const std::vector<EncoderInfo>& others) {
    const std::filesystem::path whole = withoutSlash(folder);
    const auto taken = [&](const std::string& name) {
        return std::any_of(others.begin(), others.end(), [&](const EncoderInfo& info) { return info.id == name; });
    };
    std::string name = whole.filename().string();
    for (auto above = whole.parent_path(); taken(name) && above.has_relative_path(); above = above.parent_path()) {
        name = above.filename().string() + "/" + name;
    }
    return name;
}

bool isListed(const std::filesystem::path& folder, const std::vector<EncoderInfo>& list) {
    return std::any_of(list.begin(), list.end(), [&](const EncoderInfo& info) {
        std::error_code code;
        return info.folder == folder || std::filesystem::equivalent(info.folder, folder, code);
    });
}

} // namespace

EncoderSet::EncoderSet(const std::vector<std::filesystem::path>& folders) {
    for (const std::filesystem::path& folder : folders) {
        if (isListed(folder, list_)) {
            continue;
        }
        const clip::ClipConfig config = clip::ClipConfig::load(folder);
        list_.push_back({.id = nameOf(folder, list_),
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

std::string stampOf(const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    std::vector<std::string> parts;
    std::error_code code;
    for (fs::directory_iterator it(folder, code); !code && it != fs::directory_iterator(); it.increment(code)) {
        const std::string name = it->path().filename().string();
        const bool counts = name == "config.json" || name == "preprocessor_config.json" ||
                            name.find(".safetensors") != std::string::npos;
        std::error_code ignored;
        if (counts && it->is_regular_file(ignored)) {
            parts.push_back(fmt::format("{} {} {}", name, it->file_size(ignored),
                                        it->last_write_time(ignored).time_since_epoch().count()));
        }
    }
    std::sort(parts.begin(), parts.end());
    return fmt::format("{}", fmt::join(parts, "\n"));
}

} // namespace fulgurite::cascade
