// SPDX-License-Identifier: Apache-2.0
// The scalar truth of kernels/encoder_ops.h: the formulas as written there, in double.
#include "kernels/encoder_ops.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fulgurite::kernels {

namespace {

void layerNorm(const LayerNormParams& p, Queue&) {
    const auto width = static_cast<double>(p.width);
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float* x = p.x + r * p.width;
        double mean = 0;
        for (std::size_t i = 0; i < p.width; ++i) {
            mean += x[i];
        }
        mean /= width;
        double variance = 0;
        for (std::size_t i = 0; i < p.width; ++i) {
            variance += (x[i] - mean) * (x[i] - mean);
        }
        const double scale = 1.0 / std::sqrt(variance / width + p.eps);
        for (std::size_t i = 0; i < p.width; ++i) {
            p.out[r * p.width + i] = static_cast<float>((x[i] - mean) * scale * p.weight[i] + p.bias[i]);
        }
    }
}

double activate(double x, Activation activation) {
    switch (activation) {
    case Activation::Gelu:
        return 0.5 * x * std::erfc(-x * std::sqrt(0.5));
    case Activation::QuickGelu:
        return x / (1.0 + std::exp(-1.702 * x));
    case Activation::None:
        break;
    }
    return x;
}

void bias(const BiasParams& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        for (std::size_t i = 0; i < p.width; ++i) {
            float& x = p.x[r * p.width + i];
            x = static_cast<float>(activate(static_cast<double>(x) + p.bias[i], p.activation));
        }
    }
}

// One query against tokens [first, end) of its sequence, for one head.
void attend(const EncoderAttentionParams& p, std::size_t row, std::size_t head, std::size_t first,
            std::size_t end) {
    const std::size_t at = head * p.head_dim;
    std::vector<double> weights(end - first);
    for (std::size_t j = first; j < end; ++j) {
        double score = 0;
        for (std::size_t d = 0; d < p.head_dim; ++d) {
            score += static_cast<double>(p.q[row * p.stride + at + d]) * p.k[j * p.stride + at + d];
        }
        weights[j - first] = score / std::sqrt(static_cast<double>(p.head_dim));
    }
    const double highest = *std::max_element(weights.begin(), weights.end());
    double sum = 0;
    for (double& weight : weights) {
        weight = std::exp(weight - highest);
        sum += weight;
    }
    for (std::size_t d = 0; d < p.head_dim; ++d) {
        double value = 0;
        for (std::size_t j = first; j < end; ++j) {
            value += weights[j - first] * p.v[j * p.stride + at + d];
        }
        p.out[(row * p.heads + head) * p.head_dim + d] = static_cast<float>(value / sum);
    }
}

void attention(const EncoderAttentionParams& p, Queue&) {
    std::size_t first = 0;
    for (std::size_t s = 0; s < p.sequences; ++s) {
        const std::size_t end = first + p.lengths[s];
        for (std::size_t row = first; row < end; ++row) {
            for (std::size_t head = 0; head < p.heads; ++head) {
                attend(p, row, head, first, p.causal ? row + 1 : end);
            }
        }
        first = end;
    }
}

} // namespace

const EncoderOpTable& referenceEncoderOps() {
    static constexpr EncoderOpTable table{
        .name = "reference", .layer_norm = layerNorm, .bias = bias, .attention = attention};
    return table;
}

} // namespace fulgurite::kernels
