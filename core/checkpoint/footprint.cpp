// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/footprint.h"

#include <algorithm>

namespace fulgurite {

Footprint footprintOf(const ModelConfig& config, WeightForm form) {
    const double hidden = config.hidden_size;
    const double inner = config.intermediate_size;
    const double experts = static_cast<double>(config.layerCount()) * config.num_experts;
    const double expert_weights = experts * 3 * hidden * inner;
    const double scales = experts * (2 * inner + hidden); // rows of w1 and w3, and of w2
    Footprint result;
    result.weights = 2.0 * static_cast<double>(config.parameterCount());
    if (form == WeightForm::Int8Experts)
        result.weights += scales * 4 - expert_weights;
    result.kv_per_token = 2.0 * 2 * config.softmaxLayerCount() * config.num_kv_heads * config.head_dim;
    result.state_per_sequence =
        4.0 * config.lightningLayerCount() * config.num_heads * config.head_dim * config.head_dim;
    return result;
}

DeviceShare deviceShare(const ModelConfig& config, WeightForm form, int ranks) {
    const Footprint all = footprintOf(config, form);
    const double heads = std::max(1.0, static_cast<double>(config.num_kv_heads) / ranks);
    return {.weights = all.weights / ranks,
            .kv_per_token = all.kv_per_token / config.num_kv_heads * heads,
            .state_per_sequence = all.state_per_sequence / ranks};
}

double longestContext(const DeviceShare& share, double bytes) {
    const double left = bytes - share.weights - share.state_per_sequence;
    return share.kv_per_token > 0 ? left / share.kv_per_token : left;
}

} // namespace fulgurite
