// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/clip/clip_model.h"

#include "core/model/weight_views.h"

#include <algorithm>

namespace fulgurite::clip {

TextTower::TextTower(const TextConfig& config, TensorBinder& binder, const std::string& prefix) : config_(config) {
    const std::int64_t width = config.shape.width;
    tokens_ = matrixOf(binder.take({prefix + "embeddings.token_embedding.weight"}, {config.vocabulary, width}));
    positions_ =
        vectorOf(binder.take({prefix + "embeddings.position_embedding.weight"}, {config.positions, width}));
    binder.ignore(prefix + "embeddings.position_ids");
    layers_ = takeEncoderLayers(binder, config.shape, prefix + "encoder.layers.", EncoderLayerNames::clip());
    final_norm_ = takeLayerNorm(binder, prefix + "final_layer_norm", width);
}

std::size_t pooledPosition(const TextConfig& config, std::span<const TokenId> ids) {
    constexpr TokenId kPublishedMistake = 2;
    const auto largest = std::max_element(ids.begin(), ids.end());
    const bool by_size = config.end == kPublishedMistake || *largest == config.vocabulary - 1;
    const auto found = by_size ? largest : std::find(ids.begin(), ids.end(), config.end);
    return found == ids.end() ? ids.size() - 1 : static_cast<std::size_t>(found - ids.begin());
}

void TextTower::forward(std::span<const TokenIds> texts, float* pooled, ClipRuntime& runtime) const {
    const auto width = static_cast<std::size_t>(config_.shape.width);
    std::vector<std::size_t> lengths;
    TokenIds ids;
    std::vector<std::int32_t> ends; // rows of the end tokens
    for (const TokenIds& text : texts) {
        ends.push_back(static_cast<std::int32_t>(ids.size() + pooledPosition(config_, text)));
        lengths.push_back(text.size());
        ids.insert(ids.end(), text.begin(), text.end());
    }
    kernels::Queue& queue = queueOf(runtime.workspace, runtime.pool);
    runtime.hidden.resize(std::max(runtime.hidden.size(), ids.size() * width));
    float* hidden = runtime.hidden.data();
    runtime.ops.common.embed({tokens_, ids.data(), ids.size(), hidden}, queue);
    float* row = hidden;
    for (const std::size_t length : lengths) {
        std::transform(row, row + length * width, positions_.data(), row, [](float a, float b) { return a + b; });
        row += length * width;
    }
    runEncoder(config_.shape, layers_, {lengths, hidden}, runtime.ops, runtime.pool, runtime.workspace);
    runtime.ops.common.gather({hidden, ends.data(), ends.size(), width, pooled}, queue);
    runtime.ops.encoder.layer_norm({pooled, final_norm_.weight.data(), final_norm_.bias.data(), pooled, ends.size(),
                                    width, config_.shape.norm_eps},
                                   queue);
}

} // namespace fulgurite::clip
