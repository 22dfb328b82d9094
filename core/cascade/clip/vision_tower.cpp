// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/clip/vision_tower.h"

#include "core/model/weight_views.h"

#include <algorithm>

namespace fulgurite::clip {

namespace {

// The convolution's kernel as a matrix: its stride is its size, so every patch is multiplied once.
kernels::WeightMatrix patchMatrix(const TensorView& view) {
    if (view.data == nullptr) {
        return {};
    }
    const auto rows = static_cast<std::size_t>(view.shape[0]);
    return {view.data, view.dtype, rows, static_cast<std::size_t>(view.elements()) / rows};
}

// patches [count, grid * grid, (channel, row, column)], patches in row-major order.
void flattenPatches(const VisionConfig& config, const float* pixels, std::size_t count, float* patches) {
    const auto side = static_cast<std::size_t>(config.image_size);
    const auto patch = static_cast<std::size_t>(config.patch_size);
    const auto grid = static_cast<std::size_t>(config.grid());
    for (std::size_t image = 0; image < count; ++image) {
        for (std::size_t p = 0; p < grid * grid; ++p) {
            const std::size_t corner = p / grid * patch * side + p % grid * patch;
            for (std::size_t channel = 0; channel < 3; ++channel) {
                const float* plane = pixels + (image * 3 + channel) * side * side + corner;
                for (std::size_t row = 0; row < patch; ++row, patches += patch) {
                    std::copy_n(plane + row * side, patch, patches);
                }
            }
        }
    }
}

} // namespace

VisionTower::VisionTower(const VisionConfig& config, TensorBinder& binder, const std::string& prefix)
    : config_(config) {
    const std::int64_t width = config.shape.width;
    const std::int64_t patch = config.patch_size;
    class_ = vectorOf(binder.take({prefix + "embeddings.class_embedding"}, {width}));
    patch_ = patchMatrix(binder.take({prefix + "embeddings.patch_embedding.weight"}, {width, 3, patch, patch}));
    positions_ = vectorOf(binder.take({prefix + "embeddings.position_embedding.weight"}, {config.tokens(), width}));
    binder.ignore(prefix + "embeddings.position_ids");
    first_norm_ = takeLayerNorm(binder, prefix + "pre_layrnorm", width); // so spelled in every checkpoint
    layers_ = takeEncoderLayers(binder, config.shape, prefix + "encoder.layers.", EncoderLayerNames::clip());
}

void VisionTower::embed(const float* pixels, std::size_t count, float* hidden, ClipRuntime& runtime) const {
    const auto width = static_cast<std::size_t>(config_.shape.width);
    const auto tokens = static_cast<std::size_t>(config_.tokens());
    const auto patches = static_cast<std::size_t>(config_.patches());
    runtime.patches.resize(std::max(runtime.patches.size(), count * patches * patch_.cols));
    runtime.embedded.resize(std::max(runtime.embedded.size(), count * patches * width));
    flattenPatches(config_, pixels, count, runtime.patches.data());
    const kernels::LinearTask task[] = {
        {runtime.patches.data(), patch_.cols, count * patches, patch_, runtime.embedded.data(), width}};
    runtime.ops.common.linear(std::span(task), queueOf(runtime.workspace, runtime.pool));
    for (std::size_t image = 0; image < count; ++image) {
        for (std::size_t token = 0; token < tokens; ++token) {
            const float* content =
                token == 0 ? class_.data() : &runtime.embedded[(image * patches + token - 1) * width];
            const float* position = &positions_[token * width];
            float* out = hidden + (image * tokens + token) * width;
            std::transform(content, content + width, position, out, [](float a, float b) { return a + b; });
        }
    }
}

void VisionTower::forward(const float* pixels, std::size_t count, float* hidden, ClipRuntime& runtime) const {
    const auto width = static_cast<std::size_t>(config_.shape.width);
    const auto tokens = static_cast<std::size_t>(config_.tokens());
    embed(pixels, count, hidden, runtime);
    runtime.ops.encoder.layer_norm({hidden, first_norm_.weight.data(), first_norm_.bias.data(), hidden,
                                    count * tokens, width, config_.shape.norm_eps},
                                   queueOf(runtime.workspace, runtime.pool));
    const std::vector<std::size_t> lengths(count, tokens);
    runEncoder(config_.shape, layers_, {lengths, hidden}, runtime.ops, runtime.pool, runtime.workspace);
}

} // namespace fulgurite::clip
