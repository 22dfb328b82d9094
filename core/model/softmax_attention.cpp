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

// Pages of one sequence that cover its old and new tokens, from the rank's first key head on.
void collectPages(ForwardContext& context, SequenceState& state, int layer, std::size_t tokens) {
    Workspace::Buffers& buffers = context.buffers;
    // The same for keys and values: a head's part of a page is head_dim x kPageTokens either way round.
    const std::size_t offset = context.state.first_kv_head * context.headDim() * kPageTokens;
    buffers.key_pages.clear();
    buffers.value_pages.clear();
    for (std::size_t page = 0; page * kPageTokens < tokens; ++page) {
        KvPage& kv = state.page(layer, page);
        buffers.key_pages.push_back(kv.keys.data() + offset);
        buffers.value_pages.push_back(kv.values.data() + offset);
    }
}

void store(ForwardContext& context, const SequenceChunk& chunk, const Projections& p) {
    context.ops.kv_store({.k = p.k,
                          .v = p.v,
                          .stride = p.stride,
                          .rows = chunk.tokens.size(),
                          .kv_heads = context.shard.kv_heads.count,
                          .head_dim = context.headDim(),
                          .key_pages = context.buffers.key_pages.data(),
                          .value_pages = context.buffers.value_pages.data(),
                          .first_position = chunk.state->position()},
                         context.queue);
}

void attend(ForwardContext& context, int layer, const SequenceChunk& chunk, const Projections& p, float* out) {
    const ModelWeights& weights = context.weights;
    const std::size_t heads = context.shard.heads.count;
    const std::size_t kv_heads = context.shard.kv_heads.count;
    const std::size_t dim = context.headDim();
    const std::size_t rows = chunk.tokens.size();
    const std::size_t position = chunk.state->position();
    for (const auto& [x, count] : {std::pair{p.q, heads}, std::pair{p.k, kv_heads}}) {
        context.ops.rope({.x = x,
                          .stride = p.stride,
                          .rows = rows,
                          .heads = count,
                          .head_dim = dim,
                          .rotary_dim = static_cast<std::size_t>(weights.config.rotary_dim),
                          .inv_freq = context.vector(weights.inv_freq),
                          .first_position = position},
                         context.queue);
    }
    Workspace::Buffers& buffers = context.buffers;
    collectPages(context, *chunk.state, layer, position + rows);
    if (context.state.writes_kv) {
        store(context, chunk, p);
    }
    if (context.state.waits_for_kv) {
        context.comm->barrier(context.queue);
    }
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
    const std::size_t inner = context.inner();
    const std::size_t kv = context.shard.kv_heads.count * context.headDim();
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
    // q and k are rotated in place by now.
    offerHeads(context, TapPoint::Projections, layer, projected, {.keys = true});
    offerHeads(context, TapPoint::HeadOutput, layer, attended, {});
    scaleHeads(context, layer, attended);
    offerHeads(context, TapPoint::HeadGated, layer, attended, {});
    const kernels::LinearTask output[] = {{attended, inner, rows, w.out, branch, hidden}};
    context.ops.linear(std::span(output), context.queue);
    sumOverRanks(context, branch, rows * hidden);
}

} // namespace fulgurite
