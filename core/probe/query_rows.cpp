// SPDX-License-Identifier: Apache-2.0
#include "core/probe/query_rows.h"

namespace fulgurite::probe {

std::size_t QueryRows::bytesPerRow(const ModelConfig& config) {
    const auto hidden = static_cast<std::size_t>(config.hidden_size);
    const auto inner = static_cast<std::size_t>(config.num_heads) * static_cast<std::size_t>(config.head_dim);
    const auto layers = static_cast<std::size_t>(config.layerCount());
    return (layers * (3 * hidden + inner) + hidden) * sizeof(float);
}

QueryTap::QueryTap(std::vector<std::size_t> positions, const ModelConfig& config, bool inside)
    : positions_(std::move(positions)), inside_(inside) {
    const auto layers = static_cast<std::size_t>(config.layerCount());
    rows_.hidden.resize(layers + 1);
    rows_.after_attention.resize(layers);
    rows_.gated.resize(layers);
    rows_.attention.resize(layers);
}

void QueryTap::begin(std::size_t first, std::size_t rows) {
    SequenceTap::begin(first, rows);
    const auto from = std::lower_bound(positions_.begin(), positions_.end(), first);
    rows_.positions.assign(from, std::lower_bound(from, positions_.end(), first + rows));
}

bool QueryTap::wants(TapPoint point, int /*layer*/) const {
    if (rows_.positions.empty()) {
        return false;
    }
    return point == TapPoint::Hidden || (inside_ && (point == TapPoint::HeadGated || point == TapPoint::Attention ||
                                                     point == TapPoint::AttentionSum));
}

void QueryTap::onValues(TapPoint point, int layer, std::span<const float> values, std::size_t rows) {
    auto& all = point == TapPoint::Hidden         ? rows_.hidden
                : point == TapPoint::AttentionSum ? rows_.after_attention
                : point == TapPoint::HeadGated    ? rows_.gated
                                                  : rows_.attention;
    const std::size_t width = values.size() / rows;
    std::vector<float>& kept = all[static_cast<std::size_t>(layer)];
    kept.clear();
    for (const std::size_t position : rows_.positions) {
        const auto row = values.subspan((position - first()) * width, width);
        kept.insert(kept.end(), row.begin(), row.end());
    }
}

} // namespace fulgurite::probe
