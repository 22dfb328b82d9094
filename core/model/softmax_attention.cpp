// SPDX-License-Identifier: Apache-2.0
// The softmax layer: grouped-query causal attention with rotary embedding of the first rotary_dim dims of each
// head.
#include "core/model/activations.h"

namespace fulgurite {

namespace {

static_assert(kPageTokens == kernels::kPageTokens);

struct Projections {
    float* q;
    float* k;
    float* v;
    std::size_t stride;
};

// Pages of one sequence that cover its old and new tokens.
void collectPages(Workspace::Buffers& buffers, SequenceState& state, int layer, std::size_t tokens) {
    buffers.key_pages.clear();
    buffers.value_pages.clear();
    for (std::size_t page = 0; page * kPageTokens < tokens; ++page) {
        KvPage& kv = state.page(layer, page);
        buffers.key_pages.push_back(kv.keys.data());
        buffers.value_pages.push_back(kv.values.data());
    }
}

void attend(ForwardContext& context, int layer, const SequenceChunk& chunk, const Projections& p, float* out) {
    const ModelWeights& weights = context.weights;
    const std::size_t heads = static_cast<std::size_t>(weights.config.num_heads);
    const std::size_t kv_heads = static_cast<std::size_t>(weights.config.num_kv_heads);
    const std::size_t dim = static_cast<std::size_t>(weights.config.head_dim);
    const std::size_t rows = chunk.tokens.size();
    const std::size_t position = chunk.state->position();
    for (const auto& [x, count] : {std::pair{p.q, heads}, std::pair{p.k, kv_heads}}) {
        context.ops.rope({.x = x,
                          .stride = p.stride,
                          .rows = rows,
                          .heads = count,
                          .head_dim = dim,
                          .rotary_dim = static_cast<std::size_t>(weights.config.rotary_dim),
                          .inv_freq = weights.inv_freq.data(),
                          .first_position = position},
                         context.queue);
    }
    Workspace::Buffers& buffers = context.buffers;
    collectPages(buffers, *chunk.state, layer, position + rows);
    context.ops.kv_store({.k = p.k,
                          .v = p.v,
                          .stride = p.stride,
                          .rows = rows,
                          .kv_heads = kv_heads,
                          .head_dim = dim,
                          .key_pages = buffers.key_pages.data(),
                          .value_pages = buffers.value_pages.data(),
                          .first_position = position},
                         context.queue);
    context.ops.softmax_attention({.q = p.q,
                                   .q_stride = p.stride,
                                   .rows = rows,
                                   .heads = heads,
                                   .kv_heads = kv_heads,
                                   .head_dim = dim,
                                   .key_pages = buffers.key_pages.data(),
                                   .value_pages = buffers.value_pages.data(),
                                   .first_position = position,
                                   .out = out},
                                  context.queue);
}

} // namespace

void softmaxForward(ForwardContext& context, int layer, const float* normed, float* branch) {
    const ModelConfig& config = context.weights.config;
    const SoftmaxWeights& w = context.weights.layers[static_cast<std::size_t>(layer)].softmax;
    const std::size_t hidden = static_cast<std::size_t>(config.hidden_size);
    const std::size_t inner =
        static_cast<std::size_t>(config.num_heads) * static_cast<std::size_t>(config.head_dim);
    const std::size_t kv =
        static_cast<std::size_t>(config.num_kv_heads) * static_cast<std::size_t>(config.head_dim);
    const std::size_t rows = context.rows;
    const std::size_t stride = inner + 2 * kv;
    float* projected = context.buffers.projected.atLeast(rows * stride);
    const Projections p{projected, projected + inner, projected + inner + kv, stride};
    const kernels::LinearTask inputs[] = {{normed, hidden, rows, w.q, p.q, stride},
                                          {normed, hidden, rows, w.k, p.k, stride},
                                          {normed, hidden, rows, w.v, p.v, stride}};
    context.ops.linear(std::span(inputs), context.queue);

    float* attended = context.buffers.attended.atLeast(rows * inner);
    std::size_t row = 0;
    for (const SequenceChunk& chunk : context.batch) {
        const std::size_t offset = row * stride;
        attend(context, layer, chunk, {p.q + offset, p.k + offset, p.v + offset, stride}, attended + row * inner);
        row += chunk.tokens.size();
    }
    context.offer(TapPoint::Projections, layer, projected, stride); // q and k are rotated in place by now
    context.offer(TapPoint::HeadOutput, layer, attended, inner);
    scaleHeads(context, layer, attended);
    context.offer(TapPoint::HeadGated, layer, attended, inner);
    const kernels::LinearTask output[] = {{attended, inner, rows, w.out, branch, hidden}};
    context.ops.linear(std::span(output), context.queue);
}

} // namespace fulgurite
