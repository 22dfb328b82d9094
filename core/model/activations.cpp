// SPDX-License-Identifier: Apache-2.0
#include "core/model/activations.h"

#include <algorithm>

namespace fulgurite {

void Workspace::Buffers::prepare(const ModelConfig& config, std::size_t rows, std::size_t wanted_rows) {
    const auto size = [](std::int64_t value) { return static_cast<std::size_t>(value); };
    const std::size_t width = size(config.hidden_size);
    const std::size_t heads = size(config.num_heads) * size(config.head_dim);
    const std::size_t kv_heads = size(config.num_kv_heads) * size(config.head_dim);
    const std::size_t chosen = rows * size(config.top_k);
    for (FloatBuffer* buffer : {&hidden, &normed, &branch}) {
        buffer->atLeast(rows * width);
    }
    projected.atLeast(rows * std::max(3 * heads, heads + 2 * kv_heads));
    gate.atLeast(rows * heads);
    attended.atLeast(rows * heads);
    router_logits.atLeast(rows * size(config.num_experts));
    for (FloatBuffer* buffer : {&expert_weights, &ordered_weights}) {
        buffer->atLeast(chosen);
    }
    for (FloatBuffer* buffer : {&expert_in, &expert_out}) {
        buffer->atLeast(chosen * width);
    }
    for (FloatBuffer* buffer : {&expert_gate, &expert_up}) {
        buffer->atLeast(chosen * size(config.intermediate_size));
    }
    wanted.atLeast(wanted_rows * width);
    tasks.reserve(2 * std::min(chosen, size(config.num_experts)));
    expert_ids.reserve(chosen);
    gather_index.reserve(wanted_rows);
    plan.reserve(chosen, size(config.num_experts));
}

} // namespace fulgurite
