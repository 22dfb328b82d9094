// SPDX-License-Identifier: Apache-2.0
// Both kinds of attention block in both directions; formulas in core/model and kernels/backward_ops.h.
#include "core/train/layer_pass.h"

namespace fulgurite {

namespace {

// Calls body(first row, rows) for each sequence.
template <class Body>
void forSequences(const LayerContext& c, const Body& body) {
    std::size_t first = 0;
    for (const std::size_t length : c.lengths) {
        body(first, length);
        first += length;
    }
}

float* activated(const LayerContext& c, LayerActivations& saved) {
    const std::size_t count = c.rows * 3 * c.inner();
    float* qkv = c.scratch.projected.atLeast(count);
    c.grads.copy(saved.projected.data(), count, qkv, c.queue);
    c.ops.silu(qkv, count, c.queue);
    return qkv;
}

kernels::NormGateParams outputGate(const LayerContext& c, const LayerSlots& slots, LayerActivations& saved,
                                   float* out) {
    return {.norm = {saved.attended.data(), c.weight(slots.inner_norm), out, c.rows, c.inner(), kInnerNormEps},
            .gate = saved.gate.data()};
}

} // namespace

void lightningForward(LayerContext& c, std::size_t layer, const float* normed, LayerActivations& saved,
                      float* branch) {
    const LayerSlots& slots = c.model.layout().slots().layers[layer];
    const std::size_t h = c.hidden();
    const std::size_t inner = c.inner();
    const std::size_t dim = c.headDim();
    float* attended = saved.attended.atLeast(c.rows * inner);
    const kernels::LinearTask inputs[] = {
        {normed, h, c.rows, c.matrix(slots.qkv, 3 * inner, h), saved.projected.atLeast(c.rows * 3 * inner),
         3 * inner},
        {normed, h, c.rows, c.matrix(slots.gate, inner, h), saved.gate.atLeast(c.rows * inner), inner}};
    c.products.linear(std::span(inputs), c.queue);
    const float* qkv = activated(c, saved);
    const std::size_t state_size = c.heads() * dim * dim;
    float* state = c.scratch.state.atLeast(state_size);
    forSequences(c, [&](std::size_t first, std::size_t length) {
        c.grads.clear(state, state_size, c.queue);
        c.ops.lightning_attention({.qkv = qkv + first * 3 * inner,
                                   .rows = length,
                                   .heads = c.heads(),
                                   .head_dim = dim,
                                   .rates = c.model.decayRatesAt(layer),
                                   .state = state,
                                   .out = attended + first * inner},
                                  c.queue);
    });
    float* gated = c.scratch.inner.atLeast(c.rows * inner);
    c.ops.norm_gate(outputGate(c, slots, saved, gated), c.queue);
    const kernels::LinearTask output[] = {{gated, inner, c.rows, c.matrix(slots.out, h, inner), branch, h}};
    c.products.linear(std::span(output), c.queue);
}

void lightningBackward(LayerContext& c, std::size_t layer, const float* normed, LayerActivations& saved,
                       const float* dbranch, float* dnormed) {
    const LayerSlots& slots = c.model.layout().slots().layers[layer];
    const std::size_t h = c.hidden();
    const std::size_t inner = c.inner();
    float* gated = c.scratch.inner.atLeast(c.rows * inner);
    c.ops.norm_gate(outputGate(c, slots, saved, gated), c.queue);
    const auto output = c.weightTask(dbranch, h, gated, slots.out, h, inner);
    c.products.linear_weight({&output, 1}, c.queue);
    float* dgated = gated; // no longer needed
    c.linearInput(dbranch, h, slots.out, h, inner, dgated, false);

    float* dattended = c.scratch.inner_gradient.atLeast(c.rows * inner);
    float* dgate = c.scratch.gate_gradient.atLeast(c.rows * inner);
    c.grads.norm_gate({.norm = {saved.attended.data(), c.weight(slots.inner_norm), dgated, c.rows, inner,
                                kInnerNormEps, dattended, false, c.gradients + slots.inner_norm},
                       .gate = saved.gate.data(),
                       .dgate = dgate},
                      c.queue);
    const float* qkv = activated(c, saved);
    float* dqkv = c.scratch.projected_gradient.atLeast(c.rows * 3 * inner);
    forSequences(c, [&](std::size_t first, std::size_t length) {
        c.grads.lightning_attention({.qkv = qkv + first * 3 * inner,
                                     .rows = length,
                                     .heads = c.heads(),
                                     .head_dim = c.headDim(),
                                     .rates = c.model.decayRatesAt(layer),
                                     .dout = dattended + first * inner,
                                     .dqkv = dqkv + first * 3 * inner},
                                    c.queue);
    });
    c.grads.silu({saved.projected.data(), dqkv, dqkv, c.rows * 3 * inner}, c.queue);
    const kernels::LinearWeightGrad inputs[] = {c.weightTask(dqkv, 3 * inner, normed, slots.qkv, 3 * inner, h),
                                                c.weightTask(dgate, inner, normed, slots.gate, inner, h)};
    c.products.linear_weight(std::span(inputs), c.queue);
    c.linearInput(dqkv, 3 * inner, slots.qkv, 3 * inner, h, dnormed, true);
    c.linearInput(dgate, inner, slots.gate, inner, h, dnormed, true);
}

namespace {

// q | k | v of a softmax layer lie side by side in one row.
struct Columns {
    std::size_t k;
    std::size_t v;
    std::size_t stride;

    explicit Columns(const LayerContext& c)
        : k(c.inner()), v(c.inner() + c.kvHeads() * c.headDim()), stride(2 * v - k) {}
};

// Turns q and k of every sequence, or their gradients back.
template <class Rope>
void ropeSequences(const LayerContext& c, float* projected, const Rope& rope) {
    const Columns at(c);
    forSequences(c, [&](std::size_t first, std::size_t length) {
        for (const auto& [column, heads] : {std::pair{std::size_t{0}, c.heads()}, std::pair{at.k, c.kvHeads()}}) {
            rope(kernels::RopeParams{.x = projected + first * at.stride + column,
                                     .stride = at.stride,
                                     .rows = length,
                                     .heads = heads,
                                     .head_dim = c.headDim(),
                                     .rotary_dim = static_cast<std::size_t>(c.model.config().rotary_dim),
                                     .inv_freq = c.model.inverseFrequenciesAt(),
                                     .first_position = 0},
                 c.queue);
        }
    });
}

// Pages enough for `tokens` tokens; reused by every sequence and layer.
void providePages(const LayerContext& c, std::size_t tokens) {
    LayerScratch& s = c.scratch;
    const std::size_t count = (tokens + kernels::kPageTokens - 1) / kernels::kPageTokens;
    while (s.key_pages.size() < count) {
        for (auto* pointers : {&s.key_pages, &s.value_pages}) {
            s.pages.emplace_back(c.kvHeads() * c.headDim() * kernels::kPageTokens, c.place.device, "training");
            pointers->push_back(s.pages.back().data());
        }
    }
}

} // namespace

void softmaxForward(LayerContext& c, std::size_t layer, const float* normed, LayerActivations& saved,
                    float* branch) {
    const LayerSlots& slots = c.model.layout().slots().layers[layer];
    const std::size_t h = c.hidden();
    const std::size_t inner = c.inner();
    const std::size_t kv = c.kvHeads() * c.headDim();
    const Columns at(c);
    float* projected = saved.projected.atLeast(c.rows * at.stride);
    float* attended = saved.attended.atLeast(c.rows * inner);
    const kernels::LinearTask inputs[] = {
        {normed, h, c.rows, c.matrix(slots.q, inner, h), projected, at.stride},
        {normed, h, c.rows, c.matrix(slots.k, kv, h), projected + at.k, at.stride},
        {normed, h, c.rows, c.matrix(slots.v, kv, h), projected + at.v, at.stride}};
    c.products.linear(std::span(inputs), c.queue);
    ropeSequences(c, projected, c.ops.rope);
    forSequences(c, [&](std::size_t first, std::size_t length) {
        providePages(c, length);
        const float* rows = projected + first * at.stride;
        c.ops.kv_store({.k = rows + at.k,
                        .v = rows + at.v,
                        .stride = at.stride,
                        .rows = length,
                        .kv_heads = c.kvHeads(),
                        .head_dim = c.headDim(),
                        .key_pages = c.scratch.key_pages.data(),
                        .value_pages = c.scratch.value_pages.data(),
                        .first_position = 0},
                       c.queue);
        c.ops.softmax_attention({.q = rows,
                                 .q_stride = at.stride,
                                 .rows = length,
                                 .heads = c.heads(),
                                 .kv_heads = c.kvHeads(),
                                 .head_dim = c.headDim(),
                                 .key_pages = c.scratch.key_pages.data(),
                                 .value_pages = c.scratch.value_pages.data(),
                                 .first_position = 0,
                                 .out = attended + first * inner},
                                c.queue);
    });
    const kernels::LinearTask output[] = {{attended, inner, c.rows, c.matrix(slots.out, h, inner), branch, h}};
    c.products.linear(std::span(output), c.queue);
}

void softmaxBackward(LayerContext& c, std::size_t layer, const float* normed, LayerActivations& saved,
                     const float* dbranch, float* dnormed) {
    const LayerSlots& slots = c.model.layout().slots().layers[layer];
    const std::size_t h = c.hidden();
    const std::size_t inner = c.inner();
    const std::size_t kv = c.kvHeads() * c.headDim();
    const Columns at(c);
    const auto output = c.weightTask(dbranch, h, saved.attended.data(), slots.out, h, inner);
    c.products.linear_weight({&output, 1}, c.queue);
    float* dattended = c.scratch.inner_gradient.atLeast(c.rows * inner);
    c.linearInput(dbranch, h, slots.out, h, inner, dattended, false);

    float* dprojected = c.scratch.projected_gradient.atLeast(c.rows * at.stride);
    forSequences(c, [&](std::size_t first, std::size_t length) {
        const float* rows = saved.projected.data() + first * at.stride;
        float* drows = dprojected + first * at.stride;
        c.grads.softmax_attention({.q = rows,
                                   .k = rows + at.k,
                                   .v = rows + at.v,
                                   .stride = at.stride,
                                   .rows = length,
                                   .heads = c.heads(),
                                   .kv_heads = c.kvHeads(),
                                   .head_dim = c.headDim(),
                                   .out = saved.attended.data() + first * inner,
                                   .dout = dattended + first * inner,
                                   .dq = drows,
                                   .dk = drows + at.k,
                                   .dv = drows + at.v,
                                   .dstride = at.stride},
                                  c.queue);
    });
    ropeSequences(c, dprojected, c.grads.rope);
    const kernels::LinearWeightGrad inputs[] = {c.weightTask(dprojected, at.stride, normed, slots.q, inner, h),
                                                c.weightTask(dprojected + at.k, at.stride, normed, slots.k, kv, h),
                                                c.weightTask(dprojected + at.v, at.stride, normed, slots.v, kv, h)};
    c.products.linear_weight(std::span(inputs), c.queue);
    c.linearInput(dprojected, at.stride, slots.q, inner, h, dnormed, true);
    c.linearInput(dprojected + at.k, at.stride, slots.k, kv, h, dnormed, true);
    c.linearInput(dprojected + at.v, at.stride, slots.v, kv, h, dnormed, true);
}

} // namespace fulgurite
