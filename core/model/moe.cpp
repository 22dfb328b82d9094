// SPDX-License-Identifier: Apache-2.0
// The mixture of experts: float32 router, best top_k by softmax, SwiGLU experts, weighted sum in expert-index
// order.
#include "core/model/activations.h"

namespace fulgurite {

void moeForward(ForwardContext& context, int index, const float* normed, float* branch) {
    const ModelConfig& config = context.weights.config;
    const LayerWeights& layer = context.weights.layers[static_cast<std::size_t>(index)];
    const std::size_t hidden = static_cast<std::size_t>(config.hidden_size);
    const std::size_t width = context.shard.expert_width.count;
    const std::size_t experts = static_cast<std::size_t>(config.num_experts);
    const std::size_t top_k = static_cast<std::size_t>(config.top_k);
    const std::size_t rows = context.rows;
    const std::size_t slots = rows * top_k;
    Workspace::Buffers& b = context.buffers;

    float* logits = b.router_logits.atLeast(rows * experts);
    const kernels::LinearTask router[] = {{normed, hidden, rows, layer.router, logits, experts}};
    context.exact.linear(std::span(router), context.queue);
    context.offer(TapPoint::RouterLogits, index, logits, experts);
    if (context.placement != nullptr) {
        expertsOnDevice(context, index, normed, logits, branch);
        return;
    }
    b.expert_ids.resize(slots);
    float* weights = b.expert_weights.atLeast(slots);
    context.ops.route({logits, rows, experts, top_k, b.expert_ids.data(), weights}, context.queue);
    dropExperts(context, index, weights);
    if (context.tap != nullptr) {
        context.tap->onRouting(index, b.expert_ids, {weights, slots}, rows);
    }
    ExpertPlan& plan = b.plan;
    plan.build(b.expert_ids, top_k, context.shard.experts.count, context.shard.experts.first);
    float* ordered_weights = b.ordered_weights.atLeast(slots);
    for (std::size_t i = 0; i < slots; ++i) {
        ordered_weights[i] = weights[i - i % top_k + static_cast<std::size_t>(plan.choice[i])];
    }

    const std::size_t here = plan.source.size(); // slots of this rank's experts

    // A single token feeds all of its experts from where it lies.
    const bool single = rows == 1;
    const float* in = normed;
    if (!single) {
        float* gathered = b.expert_in.atLeast(here * hidden);
        context.ops.gather({normed, plan.source.data(), here, hidden, gathered}, context.queue);
        in = gathered;
    }
    float* gate = b.expert_gate.atLeast(here * width);
    float* up = b.expert_up.atLeast(here * width);
    float* out = b.expert_out.atLeast(here * hidden);
    b.tasks.clear();
    for (std::size_t e = 0; e < plan.groups.size(); ++e) {
        const ExpertPlan::Group& g = plan.groups[e];
        if (g.count > 0) {
            const float* x = single ? in : in + g.first * hidden;
            b.tasks.push_back({x, hidden, g.count, layer.experts[e].gate, gate + g.first * width, width});
            b.tasks.push_back({x, hidden, g.count, layer.experts[e].up, up + g.first * width, width});
        }
    }
    context.ops.linear(b.tasks, context.queue);
    context.ops.swiglu({gate, up, gate, here * width}, context.queue);
    b.tasks.clear();
    for (std::size_t e = 0; e < plan.groups.size(); ++e) {
        const ExpertPlan::Group& g = plan.groups[e];
        if (g.count > 0) {
            b.tasks.push_back(
                {gate + g.first * width, width, g.count, layer.experts[e].down, out + g.first * hidden, hidden});
        }
    }
    context.ops.linear(b.tasks, context.queue);
    context.ops.combine({out, plan.slots.data(), ordered_weights, rows, top_k, hidden, branch}, context.queue);
    sumOverRanks(context, branch, rows * hidden);
}

} // namespace fulgurite
