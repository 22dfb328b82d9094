// SPDX-License-Identifier: Apache-2.0
// Every operation of every table of tablesUnderTest() against the scalar reference, over shapes that hit each tile,
// tail and edge. Inputs lie in [-1, 1], so the magnitude of a sum of n products is at most n.
#include "kernels/ops.h"
#include "tests/parity/kernel_tables.h"
#include "tests/support/tolerance.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace fulgurite::kernels {
namespace {

using test::expectClose;
using test::sumTolerance;

std::vector<float> randomFloats(std::size_t count, unsigned seed, float scale = 1.0f) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(-scale, scale);
    std::vector<float> result(count);
    std::generate(result.begin(), result.end(), [&] { return value(random); });
    return result;
}

// A weight matrix in one of the stored types, at an odd address as a mapped file may have it. I8 has scales in
// [0.5, 1.5] / 127, at an odd address too. `stride`: as in WeightMatrix, what lies between the rows is poison.
class StoredMatrix {
  public:
    StoredMatrix(std::size_t rows, std::size_t cols, DType dtype, unsigned seed, std::size_t stride = 0) {
        const std::size_t width = stride == 0 ? cols : stride;
        auto values = randomFloats(rows * width, seed);
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = i % width < cols ? values[i] : std::numeric_limits<float>::quiet_NaN();
        }
        const std::size_t offset = dtype == DType::I8 ? 1 : sizeOf(dtype) / 2;
        bytes_.resize(offset + values.size() * sizeOf(dtype) + 64);
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (dtype == DType::F32) {
                std::memcpy(&bytes_[offset + i * 4], &values[i], 4);
            } else if (dtype == DType::I8) {
                // Both ends of the range, and -128 where nobody may look.
                const float integer = i % 7 == 0 ? 127.0f : i % 7 == 1 ? -127.0f : std::round(127.0f * values[i]);
                bytes_[offset + i] = static_cast<std::byte>(i % width < cols ? static_cast<int>(integer) : -128);
            } else {
                // Upper bits of a float are valid bfloat16; for F16 take small normal numbers of either sign.
                const auto bits = dtype == DType::BF16
                                      ? floatToBf16(values[i])
                                      : static_cast<std::uint16_t>((i * 2654435761u >> 7) & 0xbbffu);
                std::memcpy(&bytes_[offset + i * 2], &bits, 2);
            }
        }
        matrix = {bytes_.data() + offset, dtype, rows, cols};
        matrix.stride = stride;
        if (dtype == DType::I8) {
            const auto scales = randomFloats(rows, seed + 1, 0.5f / 127);
            scales_.resize(1 + rows * sizeof(float));
            for (std::size_t r = 0; r < rows; ++r) {
                const float scale = 1.0f / 127 + scales[r];
                std::memcpy(&scales_[1 + r * sizeof(scale)], &scale, sizeof(scale));
            }
            matrix.scales = scales_.data() + 1;
        }
    }
    WeightMatrix matrix;

    // Bound of one product's sum of absolute values, for inputs in [-1, 1].
    double magnitude() const { return (matrix.dtype == DType::I8 ? 1.5 : 1.0) * static_cast<double>(matrix.cols); }

  private:
    std::vector<std::byte> bytes_;
    std::vector<std::byte> scales_;
};

class Kernels : public testing::TestWithParam<const OpTable*> {
  protected:
    Kernels() : pool_(3), queue_(pool_), serial_(1), reference_queue_(serial_) {}

    const OpTable& ops() const { return *GetParam(); }
    const OpTable& truth() const { return referenceOps(); }

    ThreadPool pool_;
    Queue queue_;
    ThreadPool serial_;
    Queue reference_queue_;
};

constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();

// What lies between the rows of a strided output keeps its poison.
void expectCloseRows(std::span<const float> y, std::span<const float> expected, std::size_t width,
                     std::size_t stride, double tolerance) {
    for (std::size_t r = 0; r * stride < y.size(); ++r) {
        expectClose(y.subspan(r * stride, width), expected.subspan(r * stride, width), tolerance);
        for (std::size_t i = width; i < stride; ++i) {
            EXPECT_TRUE(std::isnan(y[r * stride + i])) << "row " << r << " wrote beyond its end";
        }
    }
}

TEST_P(Kernels, Linear) {
    for (const DType dtype : {DType::F32, DType::BF16, DType::F16, DType::I8}) {
        for (const std::size_t m : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 16u, 17u, 33u, 65u}) {
            for (const auto& [n, k] :
                 {std::pair<std::size_t, std::size_t>{1, 1}, {5, 7}, {12, 16}, {97, 64}, {200, 515}, {13, 1030}}) {
                const StoredMatrix w(n, k, dtype, 7);
                const std::size_t x_stride = k + 3;
                const std::size_t y_stride = n + 2;
                const auto x = randomFloats(m * x_stride, 11);
                std::vector<float> y(m * y_stride, kPoison);
                std::vector<float> expected = y;
                const LinearTask task{x.data(), x_stride, m, w.matrix, y.data(), y_stride};
                LinearTask truth_task = task;
                truth_task.y = expected.data();
                ops().linear({&task, 1}, queue_);
                truth().linear({&truth_task, 1}, reference_queue_);
                SCOPED_TRACE(testing::Message() << nameOf(dtype) << " m " << m << " n " << n << " k " << k);
                // One rounding more for the scale of I8.
                expectCloseRows(y, expected, n, y_stride, sumTolerance(k + 1, w.magnitude()));
            }
        }
    }
}

// A rank of a sharded model multiplies by some columns of a mapped matrix.
TEST_P(Kernels, LinearByColumnsOfAWiderMatrix) {
    for (const DType dtype : {DType::F32, DType::BF16, DType::F16, DType::I8}) {
        for (const std::size_t m : {1u, 6u, 40u}) {
            const std::size_t n = 53;
            const std::size_t k = 75;
            const StoredMatrix w(n, k, dtype, 7, 2 * k + 1);
            const auto x = randomFloats(m * k, 11);
            std::vector<float> y(m * n, kPoison);
            std::vector<float> expected = y;
            const LinearTask task{x.data(), k, m, w.matrix, y.data(), n};
            LinearTask truth_task = task;
            truth_task.y = expected.data();
            ops().linear({&task, 1}, queue_);
            truth().linear({&truth_task, 1}, reference_queue_);
            SCOPED_TRACE(testing::Message() << nameOf(dtype) << " m " << m);
            expectClose(y, expected, sumTolerance(k + 1, w.magnitude()));
        }
    }
}

TEST_P(Kernels, LinearOverManyTasksGivesTheBitsOfEachAlone) {
    const std::size_t k = 130;
    std::vector<StoredMatrix> weights;
    std::vector<std::vector<float>> inputs;
    std::vector<std::vector<float>> together;
    std::vector<LinearTask> tasks;
    for (const std::size_t m : {0u, 1u, 9u, 40u, 600u}) {
        weights.emplace_back(100 + m % 7, k, m % 2 == 0 ? DType::BF16 : DType::I8, static_cast<unsigned>(m));
        inputs.push_back(randomFloats(m * k, static_cast<unsigned>(m) + 1));
        together.emplace_back(m * weights.back().matrix.rows);
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const std::size_t rows = weights[i].matrix.rows;
        tasks.push_back({inputs[i].data(), k, inputs[i].size() / k, weights[i].matrix, together[i].data(), rows});
        tasks.push_back(tasks.back()); // the same x and output twice: shared packing must not confuse them
    }
    ops().linear(tasks, queue_);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        std::vector<float> alone(together[i].size());
        LinearTask task = tasks[2 * i];
        task.y = alone.data();
        ops().linear({&task, 1}, reference_queue_);
        EXPECT_EQ(alone, together[i]) << i;
    }
}

TEST_P(Kernels, Embed) {
    for (const DType dtype : {DType::F32, DType::BF16, DType::F16}) {
        const StoredMatrix table(9, 37, dtype, 3);
        const std::vector<std::int32_t> ids{8, 0, 3, 3};
        std::vector<float> out(4 * 37);
        std::vector<float> expected(4 * 37);
        ops().embed({table.matrix, ids.data(), 4, out.data()}, queue_);
        truth().embed({table.matrix, ids.data(), 4, expected.data()}, reference_queue_);
        EXPECT_EQ(out, expected);
    }
}

TEST_P(Kernels, EmbedFromAPartOfTheVocabularyLeavesTheOtherRowsZero) {
    const StoredMatrix table(9, 37, DType::BF16, 3);
    const std::vector<std::int32_t> ids{108, 99, 100, 109, 0};
    std::vector<float> out(5 * 37, kPoison);
    std::vector<float> expected(5 * 37, kPoison);
    ops().embed({table.matrix, ids.data(), 5, out.data(), 100}, queue_);
    truth().embed({table.matrix, ids.data(), 5, expected.data(), 100}, reference_queue_);
    EXPECT_EQ(out, expected);
    EXPECT_EQ(std::count(out.begin(), out.end(), 0.0f), 3 * 37);
}

TEST_P(Kernels, NormAndNormGate) {
    for (const std::size_t width : {1u, 8u, 31u, 192u, 1000u}) {
        const std::size_t rows = 5;
        const auto x = randomFloats(rows * width, 1, 3.0f);
        const auto weight = randomFloats(width, 2);
        const auto gate = randomFloats(rows * width, 3, 20.0f);
        std::vector<float> out(x.size());
        std::vector<float> expected(x.size());
        // Normalised values are at most sqrt(width); the mean carries width roundings of which the root keeps half.
        const double tolerance = sumTolerance(width, std::sqrt(static_cast<double>(width)));
        ops().norm({x.data(), weight.data(), out.data(), rows, width, 1e-5f}, queue_);
        truth().norm({x.data(), weight.data(), expected.data(), rows, width, 1e-5f}, reference_queue_);
        expectClose(out, expected, tolerance);
        ops().norm_gate({{x.data(), weight.data(), out.data(), rows, width, 1e-6f}, gate.data()}, queue_);
        truth().norm_gate({{x.data(), weight.data(), expected.data(), rows, width, 1e-6f}, gate.data()},
                          reference_queue_);
        expectClose(out, expected, tolerance);
    }
}

// Two ranks with a part of the heads each give what one gives with all of them.
TEST_P(Kernels, NormGateWithTheSquaresOfAllParts) {
    const std::size_t rows = 5;
    const std::size_t width = 43;
    const std::size_t total = 2 * width;
    const auto whole = randomFloats(rows * total, 1, 3.0f);
    const auto weight = randomFloats(total, 2);
    const auto gate = randomFloats(rows * total, 3, 20.0f);
    std::vector<float> expected(whole.size());
    truth().norm_gate({{whole.data(), weight.data(), expected.data(), rows, total, 1e-6f}, gate.data()},
                      reference_queue_);
    const auto part = [&](const std::vector<float>& values, std::size_t which) {
        std::vector<float> result;
        for (std::size_t r = 0; r < rows; ++r) {
            const auto begin = values.begin() + static_cast<std::ptrdiff_t>(r * total + which * width);
            result.insert(result.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
        }
        return result;
    };
    std::vector<float> squares(rows, 0.0f);
    for (const std::size_t which : {0u, 1u}) {
        const auto x = part(whole, which);
        std::vector<float> sums(rows, kPoison);
        std::vector<float> true_sums(rows, kPoison);
        ops().sum_squares({x.data(), rows, width, sums.data()}, queue_);
        truth().sum_squares({x.data(), rows, width, true_sums.data()}, reference_queue_);
        expectClose(sums, true_sums, sumTolerance(width, 9.0 * width));
        std::transform(sums.begin(), sums.end(), squares.begin(), squares.begin(), std::plus<>());
    }
    for (const std::size_t which : {0u, 1u}) {
        const auto x = part(whole, which);
        const auto gates = part(gate, which);
        std::vector<float> out(x.size(), kPoison);
        ops().norm_gate({{x.data(), weight.data() + which * width, out.data(), rows, width, 1e-6f},
                         gates.data(),
                         squares.data(),
                         total},
                        queue_);
        expectClose(out, part(expected, which), sumTolerance(total + 1, std::sqrt(static_cast<double>(total))));
    }
}

TEST_P(Kernels, NormOfZerosIsZero) {
    const std::vector<float> x(40, 0.0f);
    const std::vector<float> weight(20, 1.0f);
    std::vector<float> out(40, 1.0f);
    ops().norm({x.data(), weight.data(), out.data(), 2, 20, 1e-5f}, queue_);
    EXPECT_EQ(out, x);
}

TEST_P(Kernels, Elementwise) {
    for (const std::size_t count : {0u, 1u, 7u, 16u, 33u, 70000u}) {
        // The wide range meets both saturated ends of the exponential.
        const auto a = randomFloats(count, 5, 120.0f);
        const auto b = randomFloats(count, 6);
        std::vector<float> out = a;
        std::vector<float> expected = a;
        ops().silu(out.data(), count, queue_);
        truth().silu(expected.data(), count, reference_queue_);
        expectClose(out, expected, sumTolerance(4, 120.0));
        ops().swiglu({a.data(), b.data(), out.data(), count}, queue_);
        truth().swiglu({a.data(), b.data(), expected.data(), count}, reference_queue_);
        expectClose(out, expected, sumTolerance(4, 120.0));
        ops().residual({a.data(), b.data(), out.data(), count, 1.68f, 0.75f}, queue_);
        truth().residual({a.data(), b.data(), expected.data(), count, 1.68f, 0.75f}, reference_queue_);
        expectClose(out, expected, sumTolerance(2, 1.68 * 120.0 + 0.75));
    }
}

TEST_P(Kernels, WhatIsNotANumberStaysSo) {
    // Damaged weights must be seen in the logits, not come out as plausible ones.
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    for (const std::size_t count : {1u, 7u, 40u}) {
        std::vector<float> gate(count, 0.5f);
        gate[count / 2] = kNan;
        const std::vector<float> up(count, 2.0f);
        std::vector<float> out(count, 0.0f);
        ops().swiglu({gate.data(), up.data(), out.data(), count}, queue_);
        EXPECT_EQ(std::count_if(out.begin(), out.end(), [](float x) { return std::isnan(x); }), 1);
        ops().silu(gate.data(), count, queue_);
        EXPECT_TRUE(std::isnan(gate[count / 2]));
    }
}

TEST_P(Kernels, Rope) {
    const std::size_t heads = 3;
    const std::size_t dim = 12;
    const std::size_t stride = heads * dim + 5;
    const std::vector<float> inv_freq{1.0f, 0.1f, 0.003f};
    for (const std::size_t position : {0u, 7u, 1000003u}) {
        std::vector<float> x = randomFloats(4 * stride, 8);
        std::vector<float> expected = x;
        RopeParams params{x.data(), stride, 4, heads, dim, 6, inv_freq.data(), position};
        ops().rope(params, queue_);
        params.x = expected.data();
        truth().rope(params, reference_queue_);
        expectClose(x, expected, sumTolerance(4, 2.0));
    }
}

struct Pages {
    Pages(std::size_t tokens, std::size_t kv_heads, std::size_t dim, float fill) {
        for (std::size_t t = 0; t < tokens; t += kPageTokens) {
            keys.emplace_back(kv_heads * dim * kPageTokens, fill);
            values.emplace_back(kv_heads * dim * kPageTokens, fill);
        }
        for (std::size_t i = 0; i < keys.size(); ++i) {
            key_pointers.push_back(keys[i].data());
            value_pointers.push_back(values[i].data());
        }
    }
    std::vector<std::vector<float>> keys;
    std::vector<std::vector<float>> values;
    std::vector<float*> key_pointers;
    std::vector<float*> value_pointers;
};

TEST_P(Kernels, SoftmaxAttention) {
    struct Shape {
        std::size_t heads, kv_heads, dim, first, rows;
    };
    for (const Shape& s :
         {Shape{4, 2, 16, 0, 1}, Shape{4, 2, 16, 0, 70}, Shape{6, 3, 12, 63, 2}, Shape{8, 1, 8, 130, 1},
          Shape{3, 3, 5, 64, 40}, Shape{64, 1, 32, 10, 3}, Shape{40, 1, 20, 200, 9}}) {
        const std::size_t tokens = s.first + s.rows;
        // Unused slots hold NaN: a stray read cannot hide.
        Pages pages(tokens, s.kv_heads, s.dim, std::numeric_limits<float>::quiet_NaN());
        const auto k = randomFloats(tokens * s.kv_heads * s.dim, 1, 4.0f);
        const auto v = randomFloats(tokens * s.kv_heads * s.dim, 2);
        ops().kv_store({k.data(), v.data(), s.kv_heads * s.dim, tokens, s.kv_heads, s.dim,
                        pages.key_pointers.data(), pages.value_pointers.data(), 0},
                       queue_);
        const auto q = randomFloats(s.rows * s.heads * s.dim, 3, 4.0f);
        std::vector<float> out(q.size());
        std::vector<float> expected(q.size());
        SoftmaxAttentionParams params{q.data(),
                                      s.heads * s.dim,
                                      s.rows,
                                      s.heads,
                                      s.kv_heads,
                                      s.dim,
                                      pages.key_pointers.data(),
                                      pages.value_pointers.data(),
                                      s.first,
                                      out.data()};
        ops().softmax_attention(params, queue_);
        params.out = expected.data();
        truth().softmax_attention(params, reference_queue_);
        SCOPED_TRACE(testing::Message() << s.heads << " heads, " << s.kv_heads << " key heads, dim " << s.dim
                                        << ", first " << s.first << ", rows " << s.rows);
        // Scores are off by up to sumTolerance(dim, 16 dim / sqrt(dim)), weights by that factor, values are at
        // most 1.
        const double scores = sumTolerance(s.dim, 16.0 * std::sqrt(static_cast<double>(s.dim)));
        expectClose(out, expected, 2 * scores + sumTolerance(tokens, 1.0));
    }
}

TEST_P(Kernels, LightningAttention) {
    struct Shape {
        std::size_t heads, dim, rows;
    };
    for (const Shape& s : {Shape{1, 1, 1}, Shape{3, 12, 1}, Shape{3, 12, 3}, Shape{4, 16, 5}, Shape{2, 8, 64},
                           Shape{2, 8, 65}, Shape{5, 20, 200}, Shape{2, 128, 131}}) {
        const auto qkv = randomFloats(s.rows * s.heads * 3 * s.dim, 4);
        std::vector<float> rates;
        for (std::size_t h = 0; h < s.heads; ++h) {
            rates.push_back(h == 0 ? 0.917f : 0.004f * static_cast<float>(h));
        }
        std::vector<float> state = randomFloats(s.heads * s.dim * s.dim, 5);
        std::vector<float> expected_state = state;
        std::vector<float> out(s.rows * s.heads * s.dim);
        std::vector<float> expected(out.size());
        ops().lightning_attention({qkv.data(), s.rows, s.heads, s.dim, rates.data(), state.data(), out.data()},
                                  queue_);
        truth().lightning_attention(
            {qkv.data(), s.rows, s.heads, s.dim, rates.data(), expected_state.data(), expected.data()},
            reference_queue_);
        SCOPED_TRACE(testing::Message() << s.heads << " heads, dim " << s.dim << ", rows " << s.rows);
        // A state cell is a decayed sum of at most `rows` products and the start value; an output adds dim of them.
        const double cell = 1.0 + static_cast<double>(s.rows);
        expectClose(state, expected_state, sumTolerance(s.rows, cell));
        expectClose(out, expected, sumTolerance(s.dim + s.rows, cell * static_cast<double>(s.dim)));
    }
}

TEST_P(Kernels, RoutePrefersTheLowerIndexAmongEquals) {
    const std::vector<float> logits{1, 3, 3, 2, 0, 0, 0, 0, -1e30f, 5, 4, -2};
    const std::size_t experts = 4;
    for (const std::size_t top_k : {1u, 2u, 3u, 4u}) {
        std::vector<std::int32_t> ids(3 * top_k);
        std::vector<std::int32_t> expected_ids(ids.size());
        std::vector<float> weights(ids.size());
        std::vector<float> expected(ids.size());
        ops().route({logits.data(), 3, experts, top_k, ids.data(), weights.data()}, queue_);
        truth().route({logits.data(), 3, experts, top_k, expected_ids.data(), expected.data()}, reference_queue_);
        EXPECT_EQ(ids, expected_ids);
        expectClose(weights, expected, sumTolerance(experts, 1.0));
    }
}

TEST_P(Kernels, GatherAndCombine) {
    const std::size_t width = 19;
    const auto x = randomFloats(9 * width, 9);
    const std::vector<std::int32_t> index{5, 0, 0, 3};
    std::vector<float> gathered(4 * width);
    std::vector<float> expected(4 * width);
    ops().gather({x.data(), index.data(), 4, width, gathered.data()}, queue_);
    truth().gather({x.data(), index.data(), 4, width, expected.data()}, reference_queue_);
    EXPECT_EQ(gathered, expected);

    // The third row has all of its experts elsewhere.
    const std::vector<std::int32_t> slots{0, 5, 3, -1, 2, -1, -1, -1, -1};
    const auto weights = randomFloats(9, 10);
    std::vector<float> sum(3 * width, kPoison);
    std::vector<float> expected_sum(3 * width, kPoison);
    ops().combine({x.data(), slots.data(), weights.data(), 3, 3, width, sum.data()}, queue_);
    truth().combine({x.data(), slots.data(), weights.data(), 3, 3, width, expected_sum.data()}, reference_queue_);
    expectClose(sum, expected_sum, sumTolerance(3, 3.0));
    EXPECT_EQ(std::count(sum.begin(), sum.end(), 0.0f), static_cast<std::ptrdiff_t>(width));
}

INSTANTIATE_TEST_SUITE_P(Every, Kernels, testing::ValuesIn(test::tablesUnderTest()), [](const auto& table) {
    std::string name = table.param->name;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});
// A processor with neither instruction set runs the reference itself; a machine may have no device.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Kernels);

} // namespace
} // namespace fulgurite::kernels
