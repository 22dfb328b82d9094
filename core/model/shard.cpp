// SPDX-License-Identifier: Apache-2.0
#include "core/model/shard.h"

#include "core/base/error.h"

#include <algorithm>
#include <fmt/ranges.h>

namespace fulgurite {

namespace {

using kernels::WeightMatrix;

bool divides(int ranks, const ModelConfig& config) {
    const bool heads = config.num_heads % ranks == 0;
    return heads && (config.num_kv_heads % ranks == 0 || ranks % config.num_kv_heads == 0);
}

WeightMatrix rowsOf(WeightMatrix matrix, const Part& rows) {
    if (matrix.data == nullptr) {
        return matrix;
    }
    matrix.data =
        static_cast<const std::byte*>(matrix.data) + rows.first * matrix.rowStride() * sizeOf(matrix.dtype);
    if (matrix.scales != nullptr) {
        matrix.scales = static_cast<const std::byte*>(matrix.scales) + rows.first * sizeof(float);
    }
    matrix.rows = rows.count;
    return matrix;
}

WeightMatrix columnsOf(WeightMatrix matrix, const Part& columns) {
    if (matrix.data == nullptr) {
        return matrix;
    }
    matrix.stride = matrix.rowStride();
    matrix.data = static_cast<const std::byte*>(matrix.data) + columns.first * sizeOf(matrix.dtype);
    matrix.cols = columns.count;
    return matrix;
}

Part times(const Part& part, std::size_t factor) {
    return {part.first * factor, part.count * factor};
}

std::vector<float> slice(const std::vector<float>& values, const Part& part) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(part.first);
    return {first, first + static_cast<std::ptrdiff_t>(part.count)};
}

LayerWeights layerOf(const LayerWeights& whole, const Shard& shard, std::size_t dim) {
    LayerWeights layer;
    layer.kind = whole.kind;
    layer.input_norm = whole.input_norm;
    layer.mlp_norm = whole.mlp_norm;
    const Part inner = times(shard.heads, dim);
    if (whole.kind == LayerKind::Lightning) {
        const LightningWeights& w = whole.lightning;
        layer.lightning = {rowsOf(w.qkv, times(inner, 3)), rowsOf(w.gate, inner), columnsOf(w.out, inner),
                           slice(w.norm, inner), slice(w.decay_rates, shard.heads)};
    } else {
        const SoftmaxWeights& w = whole.softmax;
        const Part kv = times(shard.kv_heads, dim);
        layer.softmax = {rowsOf(w.q, inner), rowsOf(w.k, kv), rowsOf(w.v, kv), columnsOf(w.out, inner)};
    }
    layer.router = whole.router;
    for (std::size_t e = 0; e < shard.experts.count; ++e) {
        const ExpertWeights& w = whole.experts[shard.experts.first + e];
        layer.experts.push_back({rowsOf(w.gate, shard.expert_width), rowsOf(w.up, shard.expert_width),
                                 columnsOf(w.down, shard.expert_width)});
    }
    return layer;
}

} // namespace

std::string ShardPlan::text() const {
    return fmt::format("{} ranks, experts {}", ranks, experts == ExpertSplit::Width ? "by width" : "whole");
}

Part partOf(std::size_t total, int ranks, int rank) {
    const auto n = static_cast<std::size_t>(ranks);
    const auto r = static_cast<std::size_t>(rank);
    const std::size_t first = total * r / n;
    return {first, total * (r + 1) / n - first};
}

std::size_t largestVocabularyPart(const ModelConfig& config, int ranks) {
    return (static_cast<std::size_t>(config.vocab_size) + static_cast<std::size_t>(ranks) - 1) /
           static_cast<std::size_t>(ranks);
}

std::vector<int> possibleRanks(const ModelConfig& config, int most) {
    std::vector<int> possible;
    for (int ranks = 1; ranks <= most; ++ranks) {
        if (divides(ranks, config)) {
            possible.push_back(ranks);
        }
    }
    return possible;
}

Shard Shard::of(const ModelConfig& config, const ShardPlan& plan, int rank) {
    if (plan.ranks < 1 || !divides(plan.ranks, config)) {
        fail(
            ErrorKind::InvalidInput,
            "{} heads with {} key heads cannot be split over {} ranks: heads stay whole, and the ranks must divide "
            "the key heads or be a multiple of them; possible are {}",
            config.num_heads, config.num_kv_heads, plan.ranks,
            fmt::join(possibleRanks(config, config.num_heads), ", "));
    }
    const auto size = [](int value) { return static_cast<std::size_t>(value); };
    Shard shard;
    shard.rank = rank;
    shard.ranks = plan.ranks;
    shard.heads = partOf(size(config.num_heads), plan.ranks, rank);
    const int sharing = std::max(1, plan.ranks / config.num_kv_heads); // ranks with the same key head
    shard.kv_heads = partOf(size(config.num_kv_heads), plan.ranks / sharing, rank / sharing);
    shard.owns_kv = rank % sharing == 0;
    shard.experts = {0, size(config.num_experts)};
    shard.expert_width = {0, size(config.intermediate_size)};
    if (plan.experts == ExpertSplit::Whole) {
        shard.experts = partOf(shard.experts.count, plan.ranks, rank);
    } else {
        shard.expert_width = partOf(shard.expert_width.count, plan.ranks, rank);
    }
    shard.vocabulary = partOf(size(config.vocab_size), plan.ranks, rank);
    return shard;
}

std::unique_ptr<const ModelWeights> shardOf(const ModelWeights& whole, const Shard& shard) {
    auto weights = std::make_unique<ModelWeights>();
    weights->config = whole.config;
    weights->embedding = rowsOf(whole.embedding, shard.vocabulary);
    weights->head = rowsOf(whole.head, shard.vocabulary);
    weights->final_norm = whole.final_norm;
    weights->inv_freq = whole.inv_freq;
    weights->inner_norm_eps = whole.inner_norm_eps;
    weights->reserved = whole.reserved;
    for (const LayerWeights& layer : whole.layers) {
        weights->layers.push_back(layerOf(layer, shard, static_cast<std::size_t>(whole.config.head_dim)));
    }
    return weights;
}

} // namespace fulgurite
