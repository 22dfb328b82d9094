// SPDX-License-Identifier: Apache-2.0
// The mixture of experts on a device: choices and rows stay there, unless somebody looks at them or changes them.
#include "core/model/activations.h"

namespace fulgurite {

void expertsOnDevice(ForwardContext& context, int index, const float* normed, const float* logits, float* branch) {
    const ModelConfig& config = context.weights.config;
    const LayerWeights& layer = context.weights.layers[static_cast<std::size_t>(index)];
    const std::size_t hidden = static_cast<std::size_t>(config.hidden_size);
    const std::size_t top_k = static_cast<std::size_t>(config.top_k);
    const std::size_t rows = context.rows;
    const std::size_t slots = rows * top_k;
    Workspace::Buffers& b = context.buffers;
    static_assert(sizeof(std::int32_t) == sizeof(float));
    auto* ids = reinterpret_cast<std::int32_t*>(b.device_ids.atLeast(slots));
    float* weights = b.expert_weights.atLeast(slots);
    context.ops.route({logits, rows, static_cast<std::size_t>(config.num_experts), top_k, ids, weights},
                      context.queue);
    if (context.tap != nullptr || context.intervened) {
        kernels::DeviceQueue& stream = *context.queue.device();
        b.expert_ids.resize(slots);
        b.copied.resize(slots);
        stream.copyOut(b.expert_ids.data(), ids, slots * sizeof(std::int32_t));
        stream.copyOut(b.copied.data(), weights, slots * sizeof(float));
        dropExperts(context, index, b.copied.data());
        stream.copyIn(weights, b.copied.data(), slots * sizeof(float));
        if (context.tap != nullptr) {
            context.tap->onRouting(index, b.expert_ids, b.copied, rows);
        }
    }
    if (layer.experts.empty()) { // more ranks than experts: this one adds nothing
        b.copied.assign(rows * hidden, 0.0f);
        context.queue.device()->copyIn(branch, b.copied.data(), rows * hidden * sizeof(float));
        sumOverRanks(context, branch, rows * hidden);
        return;
    }
    const ExpertWeights& like = layer.experts.front();
    context.ops.experts({.x = normed,
                         .rows = rows,
                         .top_k = top_k,
                         .ids = ids,
                         .weights = weights,
                         .experts = context.placement->experts(index),
                         .like = {like.gate, like.up, like.down},
                         .first = context.shard.experts.first,
                         .count = layer.experts.size(),
                         .out = branch},
                        context.queue);
    sumOverRanks(context, branch, rows * hidden);
}

} // namespace fulgurite
