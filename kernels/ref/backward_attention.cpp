// SPDX-License-Identifier: Apache-2.0
#include "kernels/ref/backward_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fulgurite::kernels {

namespace {

double dotOf(const float* a, const float* b, std::size_t count) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        sum += static_cast<double>(a[i]) * b[i];
    }
    return sum;
}

void addScaled(double* out, double scale, const float* x, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        out[i] += scale * x[i];
    }
}

void store(const std::vector<double>& values, std::size_t rows, std::size_t width, float* out, std::size_t stride) {
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t i = 0; i < width; ++i) {
            out[r * stride + i] = static_cast<float>(values[r * width + i]);
        }
    }
}

} // namespace

void refSoftmaxAttentionGrad(const SoftmaxAttentionGrad& p, Queue&) {
    const std::size_t dim = p.head_dim;
    const std::size_t group = p.heads / p.kv_heads;
    const double scale = 1.0 / std::sqrt(static_cast<double>(dim));
    std::vector<double> dq(p.rows * p.heads * dim, 0.0);
    std::vector<double> dk(p.rows * p.kv_heads * dim, 0.0);
    std::vector<double> dv(dk.size(), 0.0);
    std::vector<double> weights(p.rows);
    for (std::size_t r = 0; r < p.rows; ++r) {
        for (std::size_t head = 0; head < p.heads; ++head) {
            const std::size_t kv = head / group;
            const float* q = p.q + r * p.stride + head * dim;
            const float* dout = p.dout + (r * p.heads + head) * dim;
            for (std::size_t t = 0; t <= r; ++t) {
                weights[t] = scale * dotOf(q, p.k + t * p.stride + kv * dim, dim);
            }
            const double top =
                *std::max_element(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(r) + 1);
            double sum = 0;
            for (std::size_t t = 0; t <= r; ++t) {
                weights[t] = std::exp(weights[t] - top);
                sum += weights[t];
            }
            const double mean = dotOf(dout, p.out + (r * p.heads + head) * dim, dim);
            for (std::size_t t = 0; t <= r; ++t) {
                const double weight = weights[t] / sum;
                const float* k = p.k + t * p.stride + kv * dim;
                const double dscore = weight * (dotOf(dout, p.v + t * p.stride + kv * dim, dim) - mean) * scale;
                addScaled(&dq[(r * p.heads + head) * dim], dscore, k, dim);
                addScaled(&dk[(t * p.kv_heads + kv) * dim], dscore, q, dim);
                addScaled(&dv[(t * p.kv_heads + kv) * dim], weight, dout, dim);
            }
        }
    }
    store(dq, p.rows, p.heads * dim, p.dq, p.dstride);
    store(dk, p.rows, p.kv_heads * dim, p.dk, p.dstride);
    store(dv, p.rows, p.kv_heads * dim, p.dv, p.dstride);
}

void refLightningGrad(const LightningGrad& p, Queue&) {
    const std::size_t dim = p.head_dim;
    std::vector<double> state(dim * dim);
    for (std::size_t head = 0; head < p.heads; ++head) {
        const double decay = std::exp(-static_cast<double>(p.rates[head]));
        // state <- decay state + a (x) b, for one token in either direction.
        const auto advance = [&](const float* a, const float* b) {
            for (std::size_t i = 0; i < dim; ++i) {
                for (std::size_t j = 0; j < dim; ++j) {
                    state[i * dim + j] = decay * state[i * dim + j] + static_cast<double>(a[i]) * b[j];
                }
            }
        };
        std::fill(state.begin(), state.end(), 0.0);
        for (std::size_t r = 0; r < p.rows; ++r) {
            const std::size_t at = (r * p.heads + head) * 3 * dim;
            const float* dout = p.dout + (r * p.heads + head) * dim;
            advance(p.qkv + at + dim, p.qkv + at + 2 * dim);
            for (std::size_t i = 0; i < dim; ++i) {
                double sum = 0;
                for (std::size_t j = 0; j < dim; ++j) {
                    sum += state[i * dim + j] * dout[j];
                }
                p.dqkv[at + i] = static_cast<float>(sum);
            }
        }
        std::fill(state.begin(), state.end(), 0.0);
        for (std::size_t r = p.rows; r-- > 0;) {
            const std::size_t at = (r * p.heads + head) * 3 * dim;
            const float* k = p.qkv + at + dim;
            const float* v = k + dim;
            advance(p.qkv + at, p.dout + (r * p.heads + head) * dim);
            for (std::size_t i = 0; i < dim; ++i) {
                double dk = 0;
                double dv = 0;
                for (std::size_t j = 0; j < dim; ++j) {
                    dk += state[i * dim + j] * v[j];
                    dv += state[j * dim + i] * k[j];
                }
                p.dqkv[at + dim + i] = static_cast<float>(dk);
                p.dqkv[at + 2 * dim + i] = static_cast<float>(dv);
            }
        }
    }
}

} // namespace fulgurite::kernels
