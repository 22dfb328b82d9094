// SPDX-License-Identifier: Apache-2.0
#include "core/model/activations.h"

#include <algorithm>

namespace fulgurite {

void Workspace::Buffers::use(kernels::ThreadPool& pool, const std::shared_ptr<kernels::Device>& on) {
    if (device != on) {
        queue.reset();
        stream.reset();
        for (FloatBuffer* buffer : {&hidden,        &normed,       &branch,        &projected,      &gate,
                                    &attended,      &squares,      &router_logits, &expert_weights, &ordered_weights,
                                    &expert_in,     &expert_gate,  &expert_up,     &expert_out,     &wanted,
                                    &logits_part,   &logits_parts, &heads_parts,   &device_ids,     &device_logits,
                                    &device_answers}) {
            buffer->moveTo(on);
        }
        device = on;
    }
    if (!queue || &queue->pool() != &pool) {
        queue.reset();
        stream = device != nullptr ? device->newQueue() : nullptr;
        queue.emplace(pool, stream.get());
    }
}

namespace {

std::size_t asSize(std::int64_t value) {
    return static_cast<std::size_t>(value);
}

// visit(buffer, floats) for each that a pass of `rows` tokens needs.
template <class Visit>
void forEachBuffer(const ModelConfig& config, const Shard& shard, std::size_t rows, std::size_t wanted_rows,
                   bool on_device, const Visit& visit) {
    using Buffers = Workspace::Buffers;
    const std::size_t width = asSize(config.hidden_size);
    const std::size_t heads = shard.heads.count * asSize(config.head_dim);
    const std::size_t kv_heads = shard.kv_heads.count * asSize(config.head_dim);
    const std::size_t chosen = rows * asSize(config.top_k);
    for (FloatBuffer Buffers::*buffer : {&Buffers::hidden, &Buffers::normed, &Buffers::branch}) {
        visit(buffer, rows * width);
    }
    visit(&Buffers::projected, rows * std::max(3 * heads, heads + 2 * kv_heads));
    visit(&Buffers::gate, rows * heads);
    visit(&Buffers::attended, rows * heads);
    visit(&Buffers::router_logits, rows * asSize(config.num_experts));
    visit(&Buffers::expert_weights, chosen);
    visit(&Buffers::ordered_weights, chosen);
    if (!on_device) { // a device's operation for experts has scratch memory of its own
        visit(&Buffers::expert_in, chosen * width);
        visit(&Buffers::expert_out, chosen * width);
        visit(&Buffers::expert_gate, chosen * shard.expert_width.count);
        visit(&Buffers::expert_up, chosen * shard.expert_width.count);
    }
    visit(&Buffers::wanted, wanted_rows * width);
    if (on_device) {
        visit(&Buffers::device_ids, chosen);
        visit(&Buffers::device_logits, wanted_rows * asSize(config.vocab_size));
        visit(&Buffers::device_answers, wanted_rows * sizeof(kernels::Preselected) / sizeof(float));
    }
    if (shard.ranks > 1) {
        const std::size_t most = largestVocabularyPart(config, shard.ranks);
        visit(&Buffers::squares, rows);
        visit(&Buffers::logits_part, wanted_rows * most);
        visit(&Buffers::logits_parts, wanted_rows * most * asSize(shard.ranks));
    }
}

} // namespace

std::size_t Workspace::Buffers::floatsFor(const ModelConfig& config, const Shard& shard, std::size_t rows,
                                          std::size_t wanted_rows, bool on_device) {
    std::size_t all = 0;
    forEachBuffer(config, shard, rows, wanted_rows, on_device,
                  [&](FloatBuffer Buffers::*, std::size_t floats) { all += floats; });
    return all;
}

void Workspace::Buffers::prepare(const ModelConfig& config, const Shard& shard, std::size_t rows,
                                 std::size_t wanted_rows) {
    forEachBuffer(config, shard, rows, wanted_rows, device != nullptr,
                  [this](FloatBuffer Buffers::*buffer, std::size_t floats) { (this->*buffer).atLeast(floats); });
    const std::size_t chosen = rows * asSize(config.top_k);
    tasks.reserve(2 * std::min(chosen, shard.experts.count));
    expert_ids.reserve(chosen);
    gather_index.reserve(wanted_rows);
    plan.reserve(chosen, shard.experts.count);
}

void sumOverRanks(ForwardContext& context, float* values, std::size_t count) {
    if (context.comm != nullptr) {
        context.comm->allReduceSum(values, count, context.queue);
    }
}

namespace {

std::size_t widthOf(const Shard& shard, const HeadColumns& columns, std::size_t dim) {
    return dim * (shard.heads.count * columns.per_head + (columns.keys ? 2 * shard.kv_heads.count : 0));
}

// One row of a rank's values to their places in a row of all.
void placeHeads(const float* values, const Shard& shard, const HeadColumns& columns, const ModelConfig& config,
                float* whole) {
    const auto dim = static_cast<std::size_t>(config.head_dim);
    const std::size_t unit = columns.per_head * dim;
    std::copy_n(values, shard.heads.count * unit, whole + shard.heads.first * unit);
    values += shard.heads.count * unit;
    whole += static_cast<std::size_t>(config.num_heads) * unit;
    for (int half = 0; columns.keys && half < 2; ++half) {
        const std::size_t count = shard.kv_heads.count * dim;
        std::copy_n(values, count, whole + shard.kv_heads.first * dim);
        values += count;
        whole += static_cast<std::size_t>(config.num_kv_heads) * dim;
    }
}

} // namespace

HeadPoints::HeadPoints(const ForwardTap* tap, int layers) {
    for (const TapPoint point : kPoints) {
        for (int layer = 0; tap != nullptr && layer < layers; ++layer) {
            if (tap->wants(point, layer)) {
                wanted_.insert({point, layer});
            }
        }
    }
}

void offerHeads(ForwardContext& context, TapPoint point, int layer, const float* values,
                const HeadColumns& columns) {
    const ModelConfig& config = context.weights.config;
    const std::size_t dim = context.headDim();
    const std::size_t width = widthOf(context.shard, columns, dim);
    if (context.comm == nullptr) {
        context.offer(point, layer, values, width);
        return;
    }
    if (!context.head_points.wants(point, layer)) {
        return;
    }
    const std::size_t part = context.rows * width;
    float* parts = context.buffers.heads_parts.atLeast(part * context.shards.size());
    context.comm->allGather(values, parts, part * sizeof(float), context.queue);
    if (context.tap == nullptr) {
        return;
    }
    const float* shown = context.onHost(parts, part * context.shards.size());
    const ShardPlan alone;
    const std::size_t whole_width = widthOf(Shard::of(config, alone, 0), columns, dim);
    float* whole = context.buffers.heads_whole.atLeast(context.rows * whole_width);
    for (const Shard& shard : context.shards) {
        const float* theirs = shown + static_cast<std::size_t>(shard.rank) * part;
        for (std::size_t row = 0; row < context.rows; ++row) {
            placeHeads(theirs + row * width, shard, columns, config, whole + row * whole_width);
        }
    }
    context.tap->onValues(point, layer, {whole, context.rows * whole_width}, context.rows);
}

} // namespace fulgurite
