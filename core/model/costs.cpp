// SPDX-License-Identifier: Apache-2.0
#include "core/model/costs.h"

namespace fulgurite {

double storedBytes(const kernels::WeightMatrix& matrix) {
    const auto rows = static_cast<double>(matrix.rows);
    const double scales = matrix.scales == nullptr ? 0.0 : rows * sizeof(float);
    return rows * static_cast<double>(matrix.cols) * static_cast<double>(sizeOf(matrix.dtype)) + scales;
}

DecodeBytes decodeBytes(const ModelWeights& weights, std::size_t context) {
    const ModelConfig& config = weights.config;
    DecodeBytes bytes;
    for (const LayerWeights& layer : weights.layers) {
        if (layer.kind == LayerKind::Lightning) {
            bytes.weights += storedBytes(layer.lightning.qkv) + storedBytes(layer.lightning.gate) +
                             storedBytes(layer.lightning.out);
            bytes.state += 2.0 * config.num_heads * config.head_dim * config.head_dim * sizeof(float);
        } else {
            bytes.weights += storedBytes(layer.softmax.q) + storedBytes(layer.softmax.k) +
                             storedBytes(layer.softmax.v) + storedBytes(layer.softmax.out);
            bytes.kv += 2.0 * config.num_kv_heads * config.head_dim * sizeof(float) * static_cast<double>(context);
        }
        const ExpertWeights& expert = layer.experts.front();
        bytes.weights +=
            storedBytes(layer.router) +
            config.top_k * (storedBytes(expert.gate) + storedBytes(expert.up) + storedBytes(expert.down));
    }
    bytes.weights += storedBytes(weights.head);
    return bytes;
}

std::vector<ProductShape> productsOf(const ModelConfig& config, std::size_t rows, std::size_t logit_rows) {
    const auto h = static_cast<std::size_t>(config.hidden_size);
    const auto f = static_cast<std::size_t>(config.intermediate_size);
    const auto inner = static_cast<std::size_t>(config.num_heads) * static_cast<std::size_t>(config.head_dim);
    const auto kv = static_cast<std::size_t>(config.num_kv_heads) * static_cast<std::size_t>(config.head_dim);
    const auto experts = static_cast<std::size_t>(config.num_experts);
    const double m = static_cast<double>(rows);
    const double expert_m = m * config.top_k / config.num_experts;
    std::vector<ProductShape> products;
    for (const LayerKind kind : config.layers) {
        if (kind == LayerKind::Lightning) {
            products.insert(products.end(), {{m, 3 * inner, h}, {m, inner, h}, {m, h, inner}});
        } else {
            products.insert(products.end(), {{m, inner, h}, {m, kv, h}, {m, kv, h}, {m, h, inner}});
        }
        products.push_back({m, experts, h});
        for (std::size_t e = 0; e < experts; ++e) {
            products.insert(products.end(), {{expert_m, f, h}, {expert_m, f, h}, {expert_m, h, f}});
        }
    }
    products.push_back({static_cast<double>(logit_rows), static_cast<std::size_t>(config.vocab_size), h});
    return products;
}

double productFlops(const std::vector<ProductShape>& products) {
    double flops = 0;
    for (const ProductShape& p : products) {
        flops += 2.0 * p.m * static_cast<double>(p.n) * static_cast<double>(p.k);
    }
    return flops;
}

double attentionFlops(const ModelConfig& config, std::size_t context, std::size_t rows) {
    const double n = static_cast<double>(rows);
    const double inner = static_cast<double>(config.num_heads) * config.head_dim;
    // Decay, rank-one update and read-out of each state cell: 5 operations.
    const double lightning = n * 5.0 * inner * config.head_dim;
    // Scores and weighted values over every earlier token and itself.
    const double seen = n * static_cast<double>(context) + n * (n + 1) / 2;
    const double softmax = 4.0 * inner * seen;
    return config.lightningLayerCount() * lightning + config.softmaxLayerCount() * softmax;
}

} // namespace fulgurite
