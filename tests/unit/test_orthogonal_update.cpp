// SPDX-License-Identifier: Apache-2.0
// Muon against its formula in double, matrix by matrix as they are named, and what it leaves to AdamW.
#include "core/train/optimizer.h"
#include "core/train/random.h"
#include "core/train/train_pass.h"
#include "tests/support/golden_models.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

namespace fulgurite {
namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix transposed(const Matrix& a) {
    Matrix t(a[0].size(), std::vector<double>(a.size()));
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t j = 0; j < a[0].size(); ++j) {
            t[j][i] = a[i][j];
        }
    }
    return t;
}

Matrix product(const Matrix& a, const Matrix& b) {
    Matrix c(a.size(), std::vector<double>(b[0].size(), 0.0));
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t k = 0; k < b.size(); ++k) {
            for (std::size_t j = 0; j < b[0].size(); ++j) {
                c[i][j] += a[i][k] * b[k][j];
            }
        }
    }
    return c;
}

Matrix orthogonal(Matrix x) {
    if (x.size() > x[0].size()) {
        return transposed(orthogonal(transposed(x)));
    }
    double squares = 0;
    for (const auto& row : x) {
        for (const double value : row) {
            squares += value * value;
        }
    }
    for (auto& row : x) {
        for (double& value : row) {
            value /= std::sqrt(squares) + 1e-7;
        }
    }
    for (int step = 0; step < 5; ++step) {
        const Matrix s = product(x, transposed(x));
        Matrix p = product(s, s);
        for (std::size_t i = 0; i < p.size(); ++i) {
            for (std::size_t j = 0; j < p.size(); ++j) {
                p[i][j] = -4.7750 * s[i][j] + 2.0315 * p[i][j] + (i == j ? 3.4445 : 0.0);
            }
        }
        x = product(p, x);
    }
    return x;
}

// Rows of the array, in the order of the matrix.
using Rows = std::vector<std::size_t>;

std::vector<Rows> matricesOf(const Parameter& p, const ModelConfig& config) {
    const auto cols = static_cast<std::size_t>(p.shape.back());
    const auto d = static_cast<std::size_t>(config.head_dim);
    std::vector<Rows> all;
    if (p.name.find("qkv_proj") != std::string::npos) {
        for (std::size_t part = 0; part < 3; ++part) {
            Rows rows;
            for (std::size_t head = 0; head < static_cast<std::size_t>(config.num_heads); ++head) {
                for (std::size_t i = 0; i < d; ++i) {
                    rows.push_back(p.offset + ((head * 3 + part) * d + i) * cols);
                }
            }
            all.push_back(rows);
        }
    } else if (p.role == TensorRole::Matrix && p.name.find(".layers.") != std::string::npos) {
        Rows rows;
        for (std::size_t row = 0; row * cols < p.count; ++row) {
            rows.push_back(p.offset + row * cols);
        }
        all.push_back(rows);
    }
    return all;
}

struct Arrays {
    explicit Arrays(const ParameterLayout& layout) : weights(layout.size(), 0.0f), gradients(layout.size(), 0.0f) {
        RandomStream random(5);
        for (const Parameter& p : layout.parameters()) {
            for (std::size_t i = p.offset; i < p.offset + p.count; ++i) {
                weights[i] = static_cast<float>(0.1 * random.normal());
                gradients[i] = static_cast<float>(random.normal());
            }
        }
    }
    std::vector<float> weights, gradients;
};

OptimizerOptions muon() {
    OptimizerOptions options;
    options.method = OptimizerMethod::Muon;
    options.momentum = 0.9;
    options.matrix_rate = 5;
    options.weight_decay = 0.3;
    return options;
}

constexpr double kRate = 0.01;

void expectMatrix(const Rows& rows, std::size_t cols, const Arrays& before, const std::vector<float>& after) {
    Matrix direction(rows.size(), std::vector<double>(cols));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t j = 0; j < cols; ++j) {
            direction[i][j] = (0.1 + 0.9 * 0.1) * before.gradients[rows[i] + j]; // the momentum was zero
        }
    }
    direction = orthogonal(std::move(direction));
    const double shape = std::sqrt(std::max(1.0, static_cast<double>(rows.size()) / static_cast<double>(cols)));
    // Each of five steps rounds sums of up to 2 * 64 terms and enlarges what it was given by at most 3.4445.
    const double tolerance = 5 * kRate * shape * std::pow(3.4445, 5) * std::sqrt(128.0) * 0x1p-24 + 0x1p-24;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t j = 0; j < cols; ++j) {
            const double w = before.weights[rows[i] + j];
            const double expected = w - 5 * kRate * (shape * direction[i][j] + 0.3 * w);
            ASSERT_NEAR(after[rows[i] + j], expected, tolerance) << i << ", " << j;
        }
    }
}

TEST(Muon, FollowsTheFormulaInEveryMatrixOfTheLayers) {
    const ModelConfig config = test::goldenModel('C').config;
    const ParameterLayout layout(config);
    const Arrays before(layout);
    std::vector<float> after = before.weights;
    Optimizer optimizer(config, layout, muon(), productsOf(Arithmetic::Float32));
    kernels::ThreadPool pool(2);
    optimizer.step(after, before.gradients, kRate, pool);
    std::size_t matrices = 0;
    for (const Parameter& p : layout.parameters()) {
        for (const Rows& rows : matricesOf(p, config)) {
            SCOPED_TRACE(p.name);
            expectMatrix(rows, static_cast<std::size_t>(p.shape.back()), before, after);
            ++matrices;
        }
    }
    EXPECT_EQ(matrices, layerMatrices(config, layout.slots()).size());
}

TEST(Muon, LeavesTheRestToAdamW) {
    const ModelConfig config = test::goldenModel('C').config;
    const ParameterLayout layout(config);
    const Arrays before(layout);
    std::vector<float> after = before.weights;
    std::vector<float> plain = before.weights;
    kernels::ThreadPool pool(1);
    OptimizerOptions options = muon();
    Optimizer(config, layout, options, productsOf(Arithmetic::Float32)).step(after, before.gradients, kRate, pool);
    options.method = OptimizerMethod::AdamW;
    Optimizer(config, layout, options, productsOf(Arithmetic::Float32)).step(plain, before.gradients, kRate, pool);
    std::size_t others = 0;
    for (const Parameter& p : layout.parameters()) {
        const auto at = static_cast<std::ptrdiff_t>(p.offset);
        const auto end = at + static_cast<std::ptrdiff_t>(p.count);
        const bool same = std::equal(after.begin() + at, after.begin() + end, plain.begin() + at);
        EXPECT_EQ(same, matricesOf(p, config).empty()) << p.name;
        others += same ? 1 : 0;
    }
    EXPECT_GE(others, 2 + layout.slots().layers.size() * 2) << "embedding, head, norms and routers";
}

TEST(Muon, DoesNotDependOnTheThreadsAndGoesOnFromItsState) {
    const ModelConfig config = test::goldenModel('C').config;
    const ParameterLayout layout(config);
    const Arrays arrays(layout);
    std::vector<float> whole = arrays.weights;
    std::vector<float> parts = arrays.weights;
    kernels::ThreadPool one(1);
    kernels::ThreadPool three(3);
    const auto& products = productsOf(Arithmetic::Float32);
    Optimizer first(config, layout, muon(), products);
    first.step(whole, arrays.gradients, kRate, one);
    first.step(whole, arrays.gradients, kRate, one);
    Optimizer begun(config, layout, muon(), products);
    begun.step(parts, arrays.gradients, kRate, three);
    Optimizer continued(config, layout, muon(), products);
    continued.restore(begun.steps(), begun.firstMoment(), begun.secondMoment());
    continued.step(parts, arrays.gradients, kRate, three);
    EXPECT_EQ(whole, parts);
}

TEST(Muon, AMatrixWithoutGradientOnlyDecays) {
    const ModelConfig config = test::goldenModel('C').config;
    const ParameterLayout layout(config);
    Arrays arrays(layout);
    std::fill(arrays.gradients.begin(), arrays.gradients.end(), 0.0f);
    std::vector<float> after = arrays.weights;
    kernels::ThreadPool pool(1);
    Optimizer(config, layout, muon(), productsOf(Arithmetic::Float32)).step(after, arrays.gradients, kRate, pool);
    const std::size_t at = layout.slots().layers[0].out;
    EXPECT_NEAR(after[at], arrays.weights[at] * (1 - 5 * kRate * 0.3), 1e-7);
}

} // namespace
} // namespace fulgurite
