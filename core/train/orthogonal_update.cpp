// SPDX-License-Identifier: Apache-2.0
#include "core/train/orthogonal_update.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

constexpr int kIterations = 5;
constexpr float kLinear = 3.4445f;
constexpr float kCubic = -4.7750f;
constexpr float kQuintic = 2.0315f;
constexpr double kTiny = 1e-7; // beside the norm of a gradient: a matrix of zeros stays one

MatrixPlace whole(std::size_t offset, std::size_t rows, std::size_t cols) {
    return {offset, rows, cols, rows, rows};
}

void addAttention(const ModelConfig& config, const LayerSlots& layer, std::vector<MatrixPlace>& matrices) {
    const auto h = static_cast<std::size_t>(config.hidden_size);
    const auto d = static_cast<std::size_t>(config.head_dim);
    const std::size_t inner = static_cast<std::size_t>(config.num_heads) * d;
    const std::size_t kv = static_cast<std::size_t>(config.num_kv_heads) * d;
    if (layer.kind == LayerKind::Lightning) {
        for (std::size_t part = 0; part < 3; ++part) {
            matrices.push_back({layer.qkv + part * d * h, inner, h, d, 3 * d});
        }
        matrices.push_back(whole(layer.gate, inner, h));
    } else {
        matrices.push_back(whole(layer.q, inner, h));
        matrices.push_back(whole(layer.k, kv, h));
        matrices.push_back(whole(layer.v, kv, h));
    }
    matrices.push_back(whole(layer.out, h, inner));
}

} // namespace

std::vector<MatrixPlace> layerMatrices(const ModelConfig& config, const ModelSlots& slots) {
    const auto h = static_cast<std::size_t>(config.hidden_size);
    const auto f = static_cast<std::size_t>(config.intermediate_size);
    std::vector<MatrixPlace> matrices;
    for (const LayerSlots& layer : slots.layers) {
        addAttention(config, layer, matrices);
        for (const ExpertSlots& expert : layer.experts) {
            matrices.push_back(whole(expert.gate, f, h));
            matrices.push_back(whole(expert.up, f, h));
            matrices.push_back(whole(expert.down, h, f));
        }
    }
    return matrices;
}

// What one thread needs for itself. `x` is the matrix lying down: r rows, c columns, r <= c.
struct OrthogonalUpdate::Worker {
    kernels::ThreadPool alone{1};
    kernels::Queue queue{alone};
    std::vector<float> x, next, square, fourth;

    void load(const MatrixPlace& m, const float* gradients, float* momentum, float mu);
    void orthogonalise(std::size_t r, std::size_t c, const kernels::ProductTable& products);
    void apply(const MatrixPlace& m, float* weights, float rate, float decay) const;
};

void OrthogonalUpdate::Worker::load(const MatrixPlace& m, const float* gradients, float* momentum, float mu) {
    x.resize(m.rows * m.cols);
    const bool upright = m.rows > m.cols;
    double squares = 0;
    for (std::size_t row = 0; row < m.rows; ++row) {
        const float* g = gradients + m.rowAt(row);
        float* mean = momentum + m.rowAt(row);
        for (std::size_t col = 0; col < m.cols; ++col) {
            mean[col] = mu * mean[col] + (1.0f - mu) * g[col];
            const float ahead = mu * mean[col] + (1.0f - mu) * g[col];
            x[upright ? col * m.rows + row : row * m.cols + col] = ahead;
            squares += static_cast<double>(ahead) * ahead;
        }
    }
    const auto scale = static_cast<float>(1.0 / (std::sqrt(squares) + kTiny));
    std::transform(x.begin(), x.end(), x.begin(), [scale](float value) { return value * scale; });
}

// x <- a x + (b s + c s s) x with s = x x^T.
void OrthogonalUpdate::Worker::orthogonalise(std::size_t r, std::size_t c, const kernels::ProductTable& products) {
    square.resize(r * r);
    fourth.resize(r * r);
    next.resize(r * c);
    for (int i = 0; i < kIterations; ++i) {
        const kernels::LinearTask of_rows{x.data(), c, r, {x.data(), DType::F32, r, c}, square.data(), r};
        products.linear({&of_rows, 1}, queue);
        const kernels::LinearTask again{square.data(), r, r, {square.data(), DType::F32, r, r}, fourth.data(), r};
        products.linear({&again, 1}, queue); // s is symmetric
        std::transform(square.begin(), square.end(), fourth.begin(), fourth.begin(),
                       [](float s, float ss) { return kCubic * s + kQuintic * ss; });
        std::transform(x.begin(), x.end(), next.begin(), [](float value) { return kLinear * value; });
        const kernels::LinearInputGrad sum{fourth.data(), r, r, x.data(), r, c, next.data(), c, true};
        products.linear_input({&sum, 1}, queue);
        x.swap(next);
    }
}

void OrthogonalUpdate::Worker::apply(const MatrixPlace& m, float* weights, float rate, float decay) const {
    const bool upright = m.rows > m.cols;
    const float step = upright ? rate * std::sqrt(static_cast<float>(m.rows) / static_cast<float>(m.cols)) : rate;
    for (std::size_t row = 0; row < m.rows; ++row) {
        float* w = weights + m.rowAt(row);
        for (std::size_t col = 0; col < m.cols; ++col) {
            w[col] -= decay * w[col] + step * x[upright ? col * m.rows + row : row * m.cols + col];
        }
    }
}

OrthogonalUpdate::OrthogonalUpdate(std::vector<MatrixPlace> matrices, const kernels::ProductTable& products)
    : matrices_(std::move(matrices)), products_(products) {}

OrthogonalUpdate::~OrthogonalUpdate() = default;
OrthogonalUpdate::OrthogonalUpdate(OrthogonalUpdate&&) noexcept = default;
OrthogonalUpdate& OrthogonalUpdate::operator=(OrthogonalUpdate&&) noexcept = default;

void OrthogonalUpdate::step(std::span<float> weights, std::span<const float> gradients, std::span<float> momentum,
                            const Rates& rates, kernels::ThreadPool& pool) {
    while (workers_.size() < pool.size()) {
        workers_.push_back(std::make_unique<Worker>());
    }
    pool.parallelFor(matrices_.size(), 1, [&](std::size_t begin, std::size_t end, std::size_t index) {
        Worker& worker = *workers_[index];
        for (std::size_t i = begin; i < end; ++i) {
            const MatrixPlace& m = matrices_[i];
            worker.load(m, gradients.data(), momentum.data(), rates.momentum);
            worker.orthogonalise(std::min(m.rows, m.cols), std::max(m.rows, m.cols), products_);
            worker.apply(m, weights.data(), rates.rate, rates.decay);
        }
    });
}

} // namespace fulgurite
