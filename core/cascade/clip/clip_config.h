// SPDX-License-Identifier: Apache-2.0
// config.json of a CLIP dual encoder, and what encoding costs by its closed form.
#pragma once

#include "core/base/types.h"
#include "core/model/encoder/encoder.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace fulgurite::clip {

struct VisionConfig {
    EncoderShape shape; // pre norm
    int image_size = 224;
    int patch_size = 32;

    int grid() const { return image_size / patch_size; } // patches along a side; what is left over is not seen
    int patches() const { return grid() * grid(); }
    int tokens() const { return patches() + 1; }                   // the class token first
    int patchWidth() const { return 3 * patch_size * patch_size; } // channel, row, column
};

struct TextConfig {
    EncoderShape shape; // pre norm, causal
    int vocabulary = 49408;
    int positions = 77;
    TokenId end = 49407; // eos_token_id of the file; 2 in the published ones, which means "the largest id"
};

struct ClipConfig {
    VisionConfig vision;
    TextConfig text;
    int projection = 512;

    // Absent fields take CLIP ViT-B/32's values; vision_config_dict and text_config_dict, where present, win over
    // the objects without "_dict". `name` is what errors call the file. Throws Error{InvalidInput | Unsupported}.
    static ClipConfig parse(std::string_view json, const std::string& name);
    static ClipConfig load(const std::filesystem::path& folder);
};

// The vision part alone, as a field of another model's configuration ("vision_config" of MiniMax-VL-01).
VisionConfig parseVisionConfig(std::string_view json, const std::string& name);

// Floating-point operations, two for a multiply-add: matrix products and attention products, as the published
// profiles count. `tokens` with begin and end.
double imageFlops(const ClipConfig& config);
double textFlops(const ClipConfig& config, std::size_t tokens);

// Weights and biases of a tower with its embeddings and projection.
std::int64_t imageParameters(const ClipConfig& config);
std::int64_t textParameters(const ClipConfig& config);

} // namespace fulgurite::clip
