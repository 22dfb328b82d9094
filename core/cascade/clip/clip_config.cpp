// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/clip/clip_config.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/config_reader.h"

namespace fulgurite::clip {

namespace {

constexpr std::int64_t kLargestWidth = 1 << 15;

kernels::Activation activationOf(const ConfigReader& config) {
    const std::string name = config.text("hidden_act", "quick_gelu");
    if (name == "quick_gelu") {
        return kernels::Activation::QuickGelu;
    }
    if (name == "gelu") {
        return kernels::Activation::Gelu;
    }
    fail(ErrorKind::Unsupported, "{}: hidden_act '{}' is not supported; quick_gelu and gelu are", config.name(),
         name);
}

EncoderShape shapeOf(const ConfigReader& config, int width, int heads, int intermediate) {
    EncoderShape shape;
    shape.width = static_cast<int>(config.integer("hidden_size", 1, kLargestWidth, width));
    shape.layers = static_cast<int>(config.integer("num_hidden_layers", 1, 1024, 12));
    shape.heads = static_cast<int>(config.integer("num_attention_heads", 1, 1024, heads));
    shape.intermediate = static_cast<int>(config.integer("intermediate_size", 1, 4 * kLargestWidth, intermediate));
    shape.norm = NormPlace::Pre;
    shape.activation = activationOf(config);
    shape.norm_eps = static_cast<float>(config.number("layer_norm_eps", 1e-5));
    if (shape.width % shape.heads != 0) {
        fail(ErrorKind::InvalidInput, "{}: hidden_size {} is not a multiple of num_attention_heads {}",
             config.name(), shape.width, shape.heads);
    }
    return shape;
}

VisionConfig visionOf(const ConfigReader& config) {
    VisionConfig vision;
    vision.shape = shapeOf(config, 768, 12, 3072);
    vision.image_size = static_cast<int>(config.integer("image_size", 1, 4096, 224));
    vision.patch_size = static_cast<int>(config.integer("patch_size", 1, 1024, 32));
    if (config.integer("num_channels", 1, 64, 3) != 3) {
        fail(ErrorKind::Unsupported, "{}: num_channels must be 3", config.name());
    }
    if (vision.patch_size > vision.image_size) {
        fail(ErrorKind::InvalidInput, "{}: patch_size {} is larger than image_size {}", config.name(),
             vision.patch_size, vision.image_size);
    }
    return vision;
}

TextConfig textOf(const ConfigReader& config) {
    TextConfig text;
    text.shape = shapeOf(config, 512, 8, 2048);
    text.shape.causal = true;
    text.vocabulary = static_cast<int>(config.integer("vocab_size", 1, 1 << 24, 49408));
    text.positions = static_cast<int>(config.integer("max_position_embeddings", 2, 1 << 16, 77));
    text.end = static_cast<TokenId>(config.integer("eos_token_id", 0, 1 << 24, 49407));
    return text;
}

ConfigReader part(const ConfigReader& config, const std::string& name) {
    const std::string old = name + "_dict";
    return config.object(config.has(old) ? old : name);
}

// Products of one layer: four of width x width and two of width x intermediate for each token, and twice tokens^2 x
// width for scores and values.
double layerFlops(const EncoderShape& shape, double tokens) {
    const double width = shape.width;
    return 2 * tokens * (4 * width * width + 2 * width * shape.intermediate) + 4 * tokens * tokens * width;
}

std::int64_t layerParameters(const EncoderShape& shape) {
    const std::int64_t width = shape.width;
    const std::int64_t inner = shape.intermediate;
    return 4 * width * width + 4 * width + 2 * width * inner + inner + width + 4 * width;
}

} // namespace

ClipConfig ClipConfig::parse(std::string_view json, const std::string& name) {
    const ConfigReader config = ConfigReader::parse(json, name);
    ClipConfig clip;
    clip.vision = visionOf(part(config, "vision_config"));
    clip.text = textOf(part(config, "text_config"));
    clip.projection = static_cast<int>(config.integer("projection_dim", 1, kLargestWidth, 512));
    return clip;
}

ClipConfig ClipConfig::load(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "config.json";
    return parse(readTextFile(file, std::size_t{1} << 24), file.string());
}

VisionConfig parseVisionConfig(std::string_view json, const std::string& name) {
    return visionOf(ConfigReader::parse(json, name));
}

double imageFlops(const ClipConfig& config) {
    const VisionConfig& v = config.vision;
    return 2.0 * v.patches() * v.patchWidth() * v.shape.width + v.shape.layers * layerFlops(v.shape, v.tokens()) +
           2.0 * v.shape.width * config.projection;
}

double textFlops(const ClipConfig& config, std::size_t tokens) {
    const TextConfig& t = config.text;
    return t.shape.layers * layerFlops(t.shape, static_cast<double>(tokens)) +
           2.0 * t.shape.width * config.projection;
}

std::int64_t imageParameters(const ClipConfig& config) {
    const VisionConfig& v = config.vision;
    const std::int64_t width = v.shape.width;
    return width + width * v.patchWidth() + v.tokens() * width + 4 * width +
           v.shape.layers * layerParameters(v.shape) + width * config.projection;
}

std::int64_t textParameters(const ClipConfig& config) {
    const TextConfig& t = config.text;
    const std::int64_t width = t.shape.width;
    return (std::int64_t{t.vocabulary} + t.positions) * width + 2 * width +
           t.shape.layers * layerParameters(t.shape) + width * config.projection;
}

} // namespace fulgurite::clip
