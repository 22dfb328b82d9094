// SPDX-License-Identifier: Apache-2.0
// The lightning layer: out W_o (norm(q S) * sigmoid(W_g u)), with q, k, v = silu(W_qkv u) packed per head.
#include "core/model/activations.h"

namespace fulgurite {

void lightningForward(ForwardContext& context, int layer, const float* normed, float* branch) {
    const ModelConfig& config = context.weights.config;
    const LightningWeights& w = context.weights.layers[static_cast<std::size_t>(layer)].lightning;
    const std::size_t hidden = static_cast<std::size_t>(config.hidden_size);
    const std::size_t dim = context.headDim();
    const std::size_t inner = context.inner();
    const std::size_t rows = context.rows;
    float* qkv = context.buffers.projected.atLeast(rows * 3 * inner);
    float* gate = context.buffers.gate.atLeast(rows * inner);
    float* attended = context.buffers.attended.atLeast(rows * inner);

    const kernels::LinearTask inputs[] = {{normed, hidden, rows, w.qkv, qkv, 3 * inner},
                                          {normed, hidden, rows, w.gate, gate, inner}};
    context.ops.linear(std::span(inputs), context.queue);
    context.ops.silu(qkv, rows * 3 * inner, context.queue);
    offerHeads(context, TapPoint::Projections, layer, qkv, {.per_head = 3});
    offerHeads(context, TapPoint::HeadGate, layer, gate, {});
    std::size_t row = 0;
    for (const SequenceChunk& chunk : context.batch) {
        context.ops.lightning_attention(
            {.qkv = qkv + row * 3 * inner,
             .rows = chunk.tokens.size(),
             .heads = context.shard.heads.count,
             .head_dim = dim,
             .rates = context.vector(w.decay_rates),
             .state = chunk.state->lightning(layer).data() + context.state.first_head * dim * dim,
             .out = attended + row * inner},
            context.queue);
        row += chunk.tokens.size();
    }
    offerHeads(context, TapPoint::HeadOutput, layer, attended, {});
    kernels::NormGateParams norm{
        .norm = {attended, context.vector(w.norm), attended, rows, inner, context.weights.inner_norm_eps},
        .gate = gate};
    if (context.comm != nullptr) {
        // The norm is over all heads: the sums of squares are all that the ranks must exchange for it.
        float* squares = context.buffers.squares.atLeast(rows);
        context.ops.sum_squares({attended, rows, inner, squares}, context.queue);
        sumOverRanks(context, squares, rows);
        norm.squares = squares;
        norm.total_width = static_cast<std::size_t>(config.num_heads) * dim;
    }
    context.ops.norm_gate(norm, context.queue);
    scaleHeads(context, layer, attended);
    offerHeads(context, TapPoint::HeadGated, layer, attended, {});
    const kernels::LinearTask output[] = {{attended, inner, rows, w.out, branch, hidden}};
    context.ops.linear(std::span(output), context.queue);
    sumOverRanks(context, branch, rows * hidden);
}

} // namespace fulgurite
