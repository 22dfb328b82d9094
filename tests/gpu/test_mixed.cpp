// SPDX-License-Identifier: Apache-2.0
// The operations with bfloat16 factors against the reference. A factor that is rounded to bfloat16 is off by at
// most u = 2^-8 of itself, so a sum of products is off by so many u, as factors are rounded on the way, of the same
// sum over absolute values; the reference computes that too. Roundings of float32 are a thousandth of it.
#include "kernels/device_library.h"
#include "tests/support/device_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace fulgurite::kernels {
namespace {

constexpr double kU = 0x1p-8;
constexpr double kFloat = 1.02; // what float32 adds
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> randomFloats(std::size_t count, unsigned seed, float scale = 1.0f) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(-scale, scale);
    std::vector<float> result(count);
    std::generate(result.begin(), result.end(), [&] { return value(random); });
    return result;
}

std::vector<float> magnitudes(std::vector<float> values) {
    std::transform(values.begin(), values.end(), values.begin(), [](float x) { return std::abs(x); });
    return values;
}

void expectWithin(std::span<const float> found, std::span<const float> expected, std::span<const float> magnitude,
                  double roundings) {
    ASSERT_EQ(found.size(), expected.size());
    double worst = 0;
    std::size_t where = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double allowed = roundings * kU * kFloat * magnitude[i] + 1e-6;
        const double off = std::abs(static_cast<double>(found[i]) - expected[i]) / allowed;
        if (!(off <= worst)) {
            worst = off;
            where = i;
        }
    }
    EXPECT_LE(worst, 1.0) << "element " << where << ": " << found[where] << " found, " << expected[where]
                          << " expected, magnitude " << magnitude[where];
    EXPECT_GT(worst, 1e-4) << "as exact as float32: the tensor cores were not used";
}

class Mixed : public testing::Test {
  protected:
    Mixed() : ops_(test::viewOf(openCudaDevice(0), Precision::Mixed)), queue_(pool_) {}
    const OpTable& ops_;
    ThreadPool pool_{1};
    Queue queue_;
};

TEST_F(Mixed, LinearWithManyRows) {
    for (const DType type : {DType::BF16, DType::I8}) {
        for (const auto& [m, n, k] : {std::tuple<std::size_t, std::size_t, std::size_t>{5, 7, 64}, {33, 40, 130}}) {
            const auto x = randomFloats(m * k, 1);
            const auto scales = randomFloats(n, 3, 0.1f);
            std::vector<std::uint16_t> halves(n * k);
            std::vector<std::int8_t> bytes(n * k);
            std::vector<float> expected(m * n);
            std::vector<float> magnitude(m * n);
            const auto values = randomFloats(n * k, 2);
            for (std::size_t i = 0; i < n * k; ++i) {
                halves[i] = floatToBf16(values[i]);
                bytes[i] = static_cast<std::int8_t>(std::lround(values[i] * 127));
            }
            for (std::size_t i = 0; i < m * n; ++i) {
                double sum = 0;
                double size = 0;
                for (std::size_t j = 0; j < k; ++j) {
                    const std::size_t at = i % n * k + j;
                    const double w = type == DType::BF16 ? bf16ToFloat(halves[at])
                                                         : static_cast<double>(scales[i % n]) * bytes[at];
                    sum += x[i / n * k + j] * w;
                    size += std::abs(x[i / n * k + j] * w);
                }
                expected[i] = static_cast<float>(sum);
                magnitude[i] = static_cast<float>(size);
            }
            WeightMatrix w{halves.data(), type, n, k};
            if (type == DType::I8) {
                w.data = bytes.data();
                w.scales = scales.data();
            }
            std::vector<float> y(m * n);
            const LinearTask task{x.data(), k, m, w, y.data(), n};
            ops_.linear({&task, 1}, queue_);
            SCOPED_TRACE(testing::Message() << nameOf(type) << " m " << m);
            expectWithin(y, expected, magnitude, 1);
        }
    }
}

// Segments, whole and short tiles, a state that is carried on.
TEST_F(Mixed, LightningPrefill) {
    constexpr std::size_t kHeads = 2;
    constexpr std::size_t kDim = 128;
    const std::vector<float> rates{0.917f, 0.004f};
    for (const std::size_t rows : {16u, 64u, 65u, 200u, 641u}) {
        const auto qkv = randomFloats(rows * kHeads * 3 * kDim, 4);
        const auto start = randomFloats(kHeads * kDim * kDim, 5);
        const auto run = [&](const OpTable& ops, std::vector<float> values, std::vector<float>& state) {
            std::vector<float> out(rows * kHeads * kDim);
            ops.lightning_attention({values.data(), rows, kHeads, kDim, rates.data(), state.data(), out.data()},
                                    queue_);
            return out;
        };
        std::vector<float> state = start;
        std::vector<float> expected_state = start;
        std::vector<float> state_magnitude = magnitudes(start);
        const auto out = run(ops_, qkv, state);
        const auto expected = run(referenceOps(), qkv, expected_state);
        const auto magnitude = run(referenceOps(), magnitudes(qkv), state_magnitude);
        SCOPED_TRACE(testing::Message() << rows << " rows");
        // q, k and v, and the state or the weight between them.
        expectWithin(out, expected, magnitude, 4);
        expectWithin(state, expected_state, state_magnitude, 2);
    }
}

TEST_F(Mixed, SoftmaxPrefill) {
    constexpr std::size_t kDim = 128;
    struct Shape {
        std::size_t heads, kv_heads, first, rows;
    };
    for (const Shape& s : {Shape{2, 1, 0, 16}, Shape{4, 2, 60, 70}, Shape{8, 1, 130, 17}, Shape{3, 1, 0, 129}}) {
        const std::size_t tokens = s.first + s.rows;
        const auto k = randomFloats(tokens * s.kv_heads * kDim, 1);
        const auto v = randomFloats(tokens * s.kv_heads * kDim, 2);
        const auto q = randomFloats(s.rows * s.heads * kDim, 3);
        std::vector<std::vector<float>> pages;
        std::vector<float*> keys;
        std::vector<float*> values;
        for (std::size_t t = 0; t < tokens; t += kPageTokens) {
            for (auto* addresses : {&keys, &values}) {
                pages.emplace_back(s.kv_heads * kDim * kPageTokens, kNan); // unused slots are no numbers
                addresses->push_back(pages.back().data());
            }
        }
        referenceOps().kv_store(
            {k.data(), v.data(), s.kv_heads * kDim, tokens, s.kv_heads, kDim, keys.data(), values.data(), 0},
            queue_);
        std::vector<float> out(q.size());
        std::vector<float> expected(q.size());
        SoftmaxAttentionParams params{q.data(), s.heads * kDim, s.rows,        s.heads, s.kv_heads,
                                      kDim,     keys.data(),    values.data(), s.first, out.data()};
        ops_.softmax_attention(params, queue_);
        params.out = expected.data();
        referenceOps().softmax_attention(params, queue_);
        // A score is off by two u of its products' magnitudes, every weight by that factor and the sum of weights
        // too; weights and values, at most 1, by one u each.
        double score = 0;
        for (std::size_t i = 0; i < s.rows * s.heads; ++i) {
            for (std::size_t t = 0; t < tokens; ++t) {
                const std::size_t kv = i % s.heads / (s.heads / s.kv_heads);
                double size = 0;
                for (std::size_t d = 0; d < kDim; ++d) {
                    size += std::abs(q[i * kDim + d] * k[(t * s.kv_heads + kv) * kDim + d]);
                }
                score = std::max(score, size / std::sqrt(static_cast<double>(kDim)));
            }
        }
        SCOPED_TRACE(testing::Message() << s.heads << " heads, first " << s.first << ", rows " << s.rows);
        expectWithin(out, expected, std::vector<float>(out.size(), 1.0f), 2 * 2 * score + 2);
    }
}

struct ExpertCase {
    DType type;
    std::size_t rows;
    std::size_t first = 0; // of the experts that this rank has
    std::size_t count = 5;
    Precision precision = Precision::Mixed;
};

class Experts : public testing::TestWithParam<ExpertCase> {};

// Few rows one by one, many by groups; experts of another rank add nothing.
TEST_P(Experts, AddUpByWeight) {
    constexpr std::size_t kExperts = 5;
    constexpr std::size_t kTopK = 3;
    constexpr std::size_t kWidth = 80;
    constexpr std::size_t kIntermediate = 144;
    const ExpertCase& c = GetParam();
    const OpTable& ops = test::viewOf(openCudaDevice(0), c.precision);
    std::vector<std::vector<float>> values; // as the kernel shall see them
    std::vector<std::vector<std::byte>> stored;
    std::vector<std::vector<float>> scales;
    const auto matrix = [&](std::size_t rows, std::size_t cols, unsigned seed) {
        values.push_back(randomFloats(rows * cols, seed));
        scales.push_back(randomFloats(rows, seed + 1, 0.02f));
        stored.emplace_back(rows * cols * sizeOf(c.type));
        for (std::size_t i = 0; i < rows * cols; ++i) {
            float& value = values.back()[i];
            if (c.type == DType::BF16) {
                const std::uint16_t bits = floatToBf16(value);
                std::memcpy(&stored.back()[2 * i], &bits, 2);
                value = bf16ToFloat(bits);
            } else if (c.type == DType::I8) {
                const auto whole = static_cast<std::int8_t>(std::lround(value * 127));
                std::memcpy(&stored.back()[i], &whole, 1);
                value = static_cast<float>(whole) * scales.back()[i / cols];
            } else {
                std::memcpy(&stored.back()[4 * i], &value, 4);
            }
        }
        WeightMatrix w{stored.back().data(), c.type, rows, cols};
        w.scales = c.type == DType::I8 ? scales.back().data() : nullptr;
        return w;
    };
    std::vector<ExpertMatrices> experts;
    for (unsigned e = 0; e < kExperts; ++e) {
        experts.push_back({matrix(kIntermediate, kWidth, 10 * e), matrix(kIntermediate, kWidth, 10 * e + 3),
                           matrix(kWidth, kIntermediate, 10 * e + 6)});
    }
    const auto x = randomFloats(c.rows * kWidth, 99);
    const auto weights = magnitudes(randomFloats(c.rows * kTopK, 98));
    std::vector<std::int32_t> ids;
    for (std::size_t row = 0; row < c.rows; ++row) {
        for (std::size_t j = 0; j < kTopK; ++j) {
            ids.push_back(static_cast<std::int32_t>((row * row + 2 * j + (j == 2 ? 2 : 0)) % kExperts));
        }
    }
    std::vector<float> expected(c.rows * kWidth);
    std::vector<float> allowed(c.rows * kWidth); // in u
    const auto product = [&](const std::vector<float>& w, std::size_t output, const std::vector<double>& in,
                             bool size) {
        double sum = 0;
        for (std::size_t i = 0; i < in.size(); ++i) {
            const double term = in[i] * w[output * in.size() + i];
            sum += size ? std::abs(term) : term;
        }
        return sum;
    };
    for (std::size_t choice = 0; choice < ids.size(); ++choice) {
        const auto e = static_cast<std::size_t>(ids[choice]);
        if (e < c.first || e >= c.first + c.count) {
            continue;
        }
        const std::size_t row = choice / kTopK;
        const std::vector<double> in(x.begin() + static_cast<std::ptrdiff_t>(row * kWidth),
                                     x.begin() + static_cast<std::ptrdiff_t>((row + 1) * kWidth));
        std::vector<double> hidden;
        std::vector<double> off;
        for (std::size_t n = 0; n < kIntermediate; ++n) {
            const double gate = product(values[3 * e], n, in, false);
            const double up = product(values[3 * e + 1], n, in, false);
            const double silu = gate / (1 + std::exp(-gate));
            hidden.push_back(silu * up);
            // The slope of silu is at most 1.1; the last is the rounding of what is handed on.
            off.push_back(1.1 * product(values[3 * e], n, in, true) * std::abs(up) +
                          std::abs(silu) * product(values[3 * e + 1], n, in, true) + std::abs(silu * up));
        }
        for (std::size_t n = 0; n < kWidth; ++n) {
            expected[row * kWidth + n] +=
                static_cast<float>(weights[choice] * product(values[3 * e + 2], n, hidden, false));
            allowed[row * kWidth + n] +=
                static_cast<float>(weights[choice] * product(values[3 * e + 2], n, off, true));
        }
    }
    std::vector<float> out(c.rows * kWidth);
    ExpertsParams params;
    params.x = x.data();
    params.rows = c.rows;
    params.top_k = kTopK;
    params.ids = ids.data();
    params.weights = weights.data();
    params.experts = experts.data() + c.first;
    params.first = c.first;
    params.count = c.count;
    params.out = out.data();
    ThreadPool pool(1);
    Queue queue(pool);
    ops.experts(params, queue);
    double worst = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const bool grouped = c.precision == Precision::Mixed && c.rows > 4;
        const double bound = (grouped ? kU * 1.05 : 0x1p-17) * allowed[i] + 1e-6;
        const double error = std::abs(static_cast<double>(out[i]) - expected[i]) / bound;
        ASSERT_TRUE(std::isfinite(error)) << i;
        worst = std::max(worst, error);
    }
    EXPECT_LE(worst, 1.0);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Experts,
                         testing::Values(ExpertCase{DType::F32, 3, 0, 5, Precision::Exact},
                                         ExpertCase{DType::BF16, 2}, ExpertCase{DType::I8, 2},
                                         ExpertCase{DType::BF16, 5}, ExpertCase{DType::BF16, 300},
                                         ExpertCase{DType::BF16, 100}, ExpertCase{DType::BF16, 300, 2, 2},
                                         ExpertCase{DType::I8, 40}, ExpertCase{DType::BF16, 40, 2, 2},
                                         ExpertCase{DType::I8, 3, 1, 3}));

} // namespace
} // namespace fulgurite::kernels
