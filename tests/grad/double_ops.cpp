// SPDX-License-Identifier: Apache-2.0
#include "tests/grad/double_ops.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fulgurite::test {

Values toDoubles(const std::vector<float>& values) {
    return {values.begin(), values.end()};
}

double dotOf(const Values& a, const Values& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

Values linear(const Values& x, const Values& weight, std::size_t rows, std::size_t outputs, std::size_t cols) {
    Values y(rows * outputs);
    for (std::size_t i = 0; i < y.size(); ++i) {
        const double* row = x.data() + i / outputs * cols;
        y[i] = std::inner_product(row, row + cols, weight.data() + i % outputs * cols, 0.0);
    }
    return y;
}

Values norm(const Values& x, const Values& weight, std::size_t rows, std::size_t width, double eps) {
    Values y(x.size());
    for (std::size_t r = 0; r < rows; ++r) {
        const double* row = x.data() + r * width;
        const double mean = std::inner_product(row, row + width, row, 0.0) / static_cast<double>(width);
        for (std::size_t i = 0; i < width; ++i) {
            y[r * width + i] = row[i] / std::sqrt(mean + eps) * weight[i];
        }
    }
    return y;
}

double sigmoid(double x) {
    return 1.0 / (1.0 + std::exp(-x));
}

Values silu(Values x) {
    std::transform(x.begin(), x.end(), x.begin(), [](double v) { return v * sigmoid(v); });
    return x;
}

Values rope(Values x, std::size_t rows, std::size_t heads, std::size_t dim, const std::vector<float>& inv_freq) {
    const std::size_t half = inv_freq.size();
    for (std::size_t at = 0; at < rows * heads; ++at) {
        for (std::size_t i = 0; i < half; ++i) {
            const double angle = static_cast<float>(at / heads) * inv_freq[i];
            const double a = x[at * dim + i];
            const double b = x[at * dim + i + half];
            x[at * dim + i] = a * std::cos(angle) - b * std::sin(angle);
            x[at * dim + i + half] = b * std::cos(angle) + a * std::sin(angle);
        }
    }
    return x;
}

Values softmax(const double* logits, std::size_t count) {
    const double top = *std::max_element(logits, logits + count);
    Values p(count);
    std::transform(logits, logits + count, p.begin(), [top](double z) { return std::exp(z - top); });
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    std::transform(p.begin(), p.end(), p.begin(), [sum](double v) { return v / sum; });
    return p;
}

Values softmaxAttention(const Values& q, const Values& k, const Values& v, std::size_t rows, std::size_t heads,
                        std::size_t kv_heads, std::size_t dim) {
    Values out(rows * heads * dim, 0.0);
    for (std::size_t at = 0; at < rows * heads; ++at) {
        const std::size_t token = at / heads;
        const std::size_t kv = at % heads / (heads / kv_heads);
        Values scores(token + 1);
        for (std::size_t t = 0; t <= token; ++t) {
            const double* key = k.data() + (t * kv_heads + kv) * dim;
            scores[t] =
                std::inner_product(key, key + dim, q.data() + at * dim, 0.0) / std::sqrt(static_cast<double>(dim));
        }
        const Values weights = softmax(scores.data(), scores.size());
        for (std::size_t i = 0; i < (token + 1) * dim; ++i) {
            out[at * dim + i % dim] += weights[i / dim] * v[(i / dim * kv_heads + kv) * dim + i % dim];
        }
    }
    return out;
}

Values lightningAttention(const Values& qkv, std::size_t rows, std::size_t heads, std::size_t dim,
                          const std::vector<float>& rates) {
    Values out(rows * heads * dim, 0.0);
    for (std::size_t at = 0; at < rows * heads; ++at) {
        const std::size_t token = at / heads;
        const std::size_t head = at % heads;
        for (std::size_t j = 0; j <= token; ++j) {
            const double* key = qkv.data() + ((j * heads + head) * 3 + 1) * dim;
            const double weight = std::inner_product(key, key + dim, qkv.data() + at * 3 * dim, 0.0) *
                                  std::exp(-static_cast<double>(rates[head]) * static_cast<double>(token - j));
            for (std::size_t i = 0; i < dim; ++i) {
                out[at * dim + i] += weight * key[dim + i];
            }
        }
    }
    return out;
}

std::vector<std::int32_t> bestOf(const double* logits, std::size_t count, std::size_t top_k) {
    std::vector<std::int32_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return logits[a] > logits[b]; });
    order.resize(top_k);
    return order;
}

Values centralDifferences(const std::function<double(const Values&)>& f, Values x) {
    constexpr double kStep = 1e-5;
    Values gradient(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double center = x[i];
        x[i] = center + kStep;
        const double above = f(x);
        x[i] = center - kStep;
        const double below = f(x);
        x[i] = center;
        gradient[i] = (above - below) / (2 * kStep);
    }
    return gradient;
}

} // namespace fulgurite::test
