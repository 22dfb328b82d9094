// SPDX-License-Identifier: Apache-2.0
// The mixture of experts: float32 router, best top_k by softmax, SwiGLU experts, weighted sum in expert-index
// order.
#include "core/model/activations.h"

#include <algorithm>
#include <numeric>

namespace fulgurite {

namespace {

// Rows of one expert in the arrays that are ordered by expert.
struct ExpertRows {
    std::size_t first = 0;
    std::size_t count = 0;
};

// Groups (row, choice) pairs by expert: fills gather_index and slots, both in rising expert index within a row.
std::vector<ExpertRows> groupByExpert(Workspace::Buffers& b, std::size_t rows, std::size_t top_k,
                                      std::size_t experts, const float* weights, float* ordered_weights) {
    std::vector<ExpertRows> groups(experts);
    for (const std::int32_t id : b.expert_ids) {
        ++groups[static_cast<std::size_t>(id)].count;
    }
    std::size_t first = 0;
    for (ExpertRows& group : groups) {
        group.first = first;
        first += group.count;
    }
    std::vector<std::size_t> next(experts);
    std::transform(groups.begin(), groups.end(), next.begin(), [](const ExpertRows& g) { return g.first; });
    b.gather_index.resize(rows * top_k);
    b.slots.resize(rows * top_k);
    std::vector<std::size_t> order(top_k);
    for (std::size_t r = 0; r < rows; ++r) {
        const std::int32_t* ids = b.expert_ids.data() + r * top_k;
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(), [ids](std::size_t x, std::size_t y) { return ids[x] < ids[y]; });
        for (std::size_t j = 0; j < top_k; ++j) {
            const std::size_t slot = next[static_cast<std::size_t>(ids[order[j]])]++;
            b.gather_index[slot] = static_cast<std::int32_t>(r);
            b.slots[r * top_k + j] = static_cast<std::int32_t>(slot);
            ordered_weights[r * top_k + j] = weights[r * top_k + order[j]];
        }
    }
    return groups;
}

} // namespace

void moeForward(ForwardContext& context, int index, const float* normed, float* branch) {
    const ModelConfig& config = context.weights.config;
    const LayerWeights& layer = context.weights.layers[static_cast<std::size_t>(index)];
    const std::size_t hidden = static_cast<std::size_t>(config.hidden_size);
    const std::size_t width = static_cast<std::size_t>(config.intermediate_size);
    const std::size_t experts = static_cast<std::size_t>(config.num_experts);
    const std::size_t top_k = static_cast<std::size_t>(config.top_k);
    const std::size_t rows = context.rows;
    const std::size_t slots = rows * top_k;
    Workspace::Buffers& b = context.buffers;

    float* logits = b.router_logits.atLeast(rows * experts);
    const kernels::LinearTask router[] = {{normed, hidden, rows, layer.router, logits, experts}};
    context.ops.linear(std::span(router), context.queue);
    context.offer(TapPoint::RouterLogits, index, logits, experts);
    b.expert_ids.resize(slots);
    float* weights = b.expert_weights.atLeast(slots);
    context.ops.route({logits, rows, experts, top_k, b.expert_ids.data(), weights}, context.queue);
    dropExperts(context, index, weights);
    if (context.tap != nullptr) {
        context.tap->onRouting(index, b.expert_ids, {weights, slots}, rows);
    }
    float* ordered_weights = b.ordered_weights.atLeast(slots);
    const auto groups = groupByExpert(b, rows, top_k, experts, weights, ordered_weights);

    // A single token feeds all of its experts from where it lies.
    const bool single = rows == 1;
    const float* in = normed;
    if (!single) {
        float* gathered = b.expert_in.atLeast(slots * hidden);
        context.ops.gather({normed, b.gather_index.data(), slots, hidden, gathered}, context.queue);
        in = gathered;
    }
    float* gate = b.expert_gate.atLeast(slots * width);
    float* up = b.expert_up.atLeast(slots * width);
    float* out = b.expert_out.atLeast(slots * hidden);
    b.tasks.clear();
    for (std::size_t e = 0; e < experts; ++e) {
        const ExpertRows& g = groups[e];
        if (g.count > 0) {
            const float* x = single ? in : in + g.first * hidden;
            b.tasks.push_back({x, hidden, g.count, layer.experts[e].gate, gate + g.first * width, width});
            b.tasks.push_back({x, hidden, g.count, layer.experts[e].up, up + g.first * width, width});
        }
    }
    context.ops.linear(b.tasks, context.queue);
    context.ops.swiglu({gate, up, gate, slots * width}, context.queue);
    b.tasks.clear();
    for (std::size_t e = 0; e < experts; ++e) {
        const ExpertRows& g = groups[e];
        if (g.count > 0) {
            b.tasks.push_back(
                {gate + g.first * width, width, g.count, layer.experts[e].down, out + g.first * hidden, hidden});
        }
    }
    context.ops.linear(b.tasks, context.queue);
    context.ops.combine({out, b.slots.data(), ordered_weights, rows, top_k, hidden, branch}, context.queue);
}

} // namespace fulgurite
