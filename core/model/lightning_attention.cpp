// SPDX-License-Identifier: Apache-2.0
// The lightning layer: out W_o (norm(q S) * sigmoid(W_g u)), with q, k, v = silu(W_qkv u) packed per head.
#include "core/model/activations.h"

namespace fulgurite {

void lightningForward(ForwardContext& context, int layer, const float* normed, float* branch) {
    const ModelConfig& config = context.weights.config;
    const LightningWeights& w = context.weights.layers[static_cast<std::size_t>(layer)].lightning;
    const std::size_t hidden = static_cast<std::size_t>(config.hidden_size);
    const std::size_t heads = static_cast<std::size_t>(config.num_heads);
    const std::size_t dim = static_cast<std::size_t>(config.head_dim);
    const std::size_t inner = heads * dim;
    const std::size_t rows = context.rows;
    float* qkv = context.buffers.projected.atLeast(rows * 3 * inner);
    float* gate = context.buffers.gate.atLeast(rows * inner);
    float* attended = context.buffers.attended.atLeast(rows * inner);

    const kernels::LinearTask inputs[] = {{normed, hidden, rows, w.qkv, qkv, 3 * inner},
                                          {normed, hidden, rows, w.gate, gate, inner}};
    context.ops.linear(std::span(inputs), context.queue);
    context.ops.silu(qkv, rows * 3 * inner, context.queue);
    context.offer(TapPoint::Projections, layer, qkv, 3 * inner);
    context.offer(TapPoint::HeadGate, layer, gate, inner);
    std::size_t row = 0;
    for (const SequenceChunk& chunk : context.batch) {
        context.ops.lightning_attention({.qkv = qkv + row * 3 * inner,
                                         .rows = chunk.tokens.size(),
                                         .heads = heads,
                                         .head_dim = dim,
                                         .rates = w.decay_rates.data(),
                                         .state = chunk.state->lightning(layer).data(),
                                         .out = attended + row * inner},
                                        context.queue);
        row += chunk.tokens.size();
    }
    context.offer(TapPoint::HeadOutput, layer, attended, inner);
    context.ops.norm_gate(
        {.norm = {attended, w.norm.data(), attended, rows, inner, context.weights.inner_norm_eps}, .gate = gate},
        context.queue);
    scaleHeads(context, layer, attended);
    context.offer(TapPoint::HeadGated, layer, attended, inner);
    const kernels::LinearTask output[] = {{attended, inner, rows, w.out, branch, hidden}};
    context.ops.linear(std::span(output), context.queue);
}

} // namespace fulgurite
