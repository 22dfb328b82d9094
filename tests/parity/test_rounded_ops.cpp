// SPDX-License-Identifier: Apache-2.0
// The operations that round: each result has the bits of the exact operation's on rounded inputs, rounded once.
#include "kernels/rounded_ops.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

namespace fulgurite::kernels {
namespace {

std::vector<float> randomFloats(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(-3, 3);
    std::vector<float> result(count);
    std::generate(result.begin(), result.end(), [&] { return value(random); });
    return result;
}

std::vector<float> rounded(std::vector<float> values) {
    std::transform(values.begin(), values.end(), values.begin(),
                   [](float value) { return bf16ToFloat(floatToBf16(value)); });
    return values;
}

class RoundedOps : public testing::Test {
  protected:
    // `work` with either table writes into its vector.
    void expectRounded(std::size_t count, const std::function<void(const OpTable&, std::vector<float>&)>& work) {
        std::vector<float> actual(count);
        std::vector<float> exact(count);
        work(roundedOps(), actual);
        work(bestCpuOps(), exact);
        EXPECT_EQ(actual, rounded(exact));
        EXPECT_NE(actual, exact) << "nothing was rounded";
    }

    ThreadPool pool_{3};
    Queue queue_{pool_};
};

TEST_F(RoundedOps, ProductsRoundWhatGoesInAndWhatComesOut) {
    constexpr std::size_t kCols = 70;
    constexpr float kGap = std::numeric_limits<float>::infinity();
    for (const std::size_t rows : {1u, 5u, 40u}) {
        const auto x = randomFloats(rows * (kCols + 3), 1);
        const auto x_rounded = rounded(x);
        const auto other = randomFloats(rows * kCols, 2);
        const auto other_rounded = rounded(other);
        std::vector<std::vector<std::uint16_t>> weights;
        for (unsigned i = 0; i < 3; ++i) {
            const auto values = randomFloats((20 + i) * kCols, 3 + i);
            weights.emplace_back(values.size());
            std::transform(values.begin(), values.end(), weights.back().begin(), floatToBf16);
        }
        // Two products of the same rows, and one of others; room between the rows of the results.
        const auto run = [&](const OpTable& ops, const std::vector<float>& first,
                             const std::vector<float>& second) {
            std::vector<std::vector<float>> y;
            std::vector<LinearTask> tasks;
            for (std::size_t i = 0; i < 3; ++i) {
                y.emplace_back(rows * 25, kGap);
            }
            for (std::size_t i = 0; i < 3; ++i) {
                tasks.push_back({i < 2 ? first.data() : second.data(),
                                 i < 2 ? kCols + 3 : kCols,
                                 rows,
                                 {weights[i].data(), DType::BF16, 20 + i, kCols},
                                 y[i].data(),
                                 25});
            }
            ops.linear(tasks, queue_);
            return y;
        };
        const auto actual = run(roundedOps(), x, other);
        const auto exact = run(bestCpuOps(), x_rounded, other_rounded);
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(actual[i], rounded(exact[i])) << rows << " rows, product " << i;
            EXPECT_NE(actual[i], exact[i]);
        }
    }
}

TEST_F(RoundedOps, ProductsWithExactWeightsAreExact) {
    const auto x = randomFloats(6 * 50, 1);
    const auto weight = randomFloats(9 * 50, 2);
    std::vector<std::uint16_t> stored(weight.size());
    std::transform(weight.begin(), weight.end(), stored.begin(), floatToBf16);
    std::vector<float> exact(6 * 9), both(6 * 9), alone(6 * 9);
    const LinearTask task{x.data(), 50, 6, {weight.data(), DType::F32, 9, 50}, exact.data(), 9};
    bestCpuOps().linear({&task, 1}, queue_);
    for (const OpTable* ops : {&roundedOps(), &roundedProducts()}) {
        std::vector<LinearTask> tasks{task, task};
        tasks[0].y = alone.data();
        tasks[1].y = both.data();
        tasks[1].weight = {stored.data(), DType::BF16, 9, 50};
        ops->linear(tasks, queue_);
        EXPECT_EQ(alone, exact);
        EXPECT_EQ(both, rounded(both));
        EXPECT_NE(both, rounded(exact)) << "its weights and inputs are rounded";
    }
    EXPECT_EQ(roundedProducts().norm, bestCpuOps().norm);
}

TEST_F(RoundedOps, RowByRow) {
    constexpr std::size_t kWidth = 37;
    const auto x = randomFloats(5 * kWidth, 1);
    const auto weight = randomFloats(kWidth, 2);
    const auto gate = randomFloats(5 * kWidth, 3);
    const std::vector<std::int32_t> ids{3, 0, 4};
    const std::vector<std::int32_t> slots{0, 1, 2, 3};
    expectRounded(3 * kWidth, [&](const OpTable& ops, std::vector<float>& out) {
        ops.embed({{x.data(), DType::F32, 5, kWidth}, ids.data(), 3, out.data()}, queue_);
    });
    expectRounded(x.size(), [&](const OpTable& ops, std::vector<float>& out) {
        ops.norm({x.data(), weight.data(), out.data(), 5, kWidth, 1e-5f}, queue_);
    });
    expectRounded(x.size(), [&](const OpTable& ops, std::vector<float>& out) {
        ops.norm_gate({{x.data(), weight.data(), out.data(), 5, kWidth, 1e-6f}, gate.data()}, queue_);
    });
    expectRounded(x.size(), [&](const OpTable& ops, std::vector<float>& out) {
        out = x;
        ops.silu(out.data(), out.size(), queue_);
    });
    expectRounded(x.size(), [&](const OpTable& ops, std::vector<float>& out) {
        ops.swiglu({gate.data(), x.data(), out.data(), x.size()}, queue_);
    });
    expectRounded(x.size(), [&](const OpTable& ops, std::vector<float>& out) {
        ops.residual({x.data(), gate.data(), out.data(), x.size(), 2, 1}, queue_);
    });
    expectRounded(2 * kWidth, [&](const OpTable& ops, std::vector<float>& out) {
        ops.combine({x.data(), slots.data(), weight.data(), 2, 2, kWidth, out.data()}, queue_);
    });
}

TEST_F(RoundedOps, RotationLeavesTheOtherColumnsAlone) {
    const std::vector<float> inv_freq{1.0f, 0.1f};
    const auto x = randomFloats(3 * 20, 1);
    std::vector<float> actual = x;
    std::vector<float> exact = x;
    roundedOps().rope({actual.data(), 20, 3, 2, 8, 4, inv_freq.data(), 5}, queue_);
    bestCpuOps().rope({exact.data(), 20, 3, 2, 8, 4, inv_freq.data(), 5}, queue_);
    for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_EQ(actual[i], i % 20 < 16 ? bf16ToFloat(floatToBf16(exact[i])) : x[i]) << i;
    }
}

TEST_F(RoundedOps, AttentionKeepsItsStateExact) {
    const auto qkv = randomFloats(6 * 2 * 3 * 8, 1);
    const std::vector<float> rates{0.3f, 0.1f};
    std::vector<float> state(2 * 8 * 8);
    std::vector<float> exact_state(state.size());
    std::vector<float> out(6 * 2 * 8);
    std::vector<float> exact(out.size());
    roundedOps().lightning_attention({qkv.data(), 6, 2, 8, rates.data(), state.data(), out.data()}, queue_);
    bestCpuOps().lightning_attention({qkv.data(), 6, 2, 8, rates.data(), exact_state.data(), exact.data()}, queue_);
    EXPECT_EQ(out, rounded(exact));
    EXPECT_EQ(state, exact_state);
    EXPECT_NE(state, rounded(state)) << "states are float32";

    std::vector<float> keys(2 * 8 * kPageTokens);
    std::vector<float> values(keys.size());
    float* key_page = keys.data();
    float* value_page = values.data();
    roundedOps().kv_store({qkv.data(), qkv.data() + 16, 48, 6, 2, 8, &key_page, &value_page, 0}, queue_);
    expectRounded(6 * 2 * 8, [&](const OpTable& ops, std::vector<float>& result) {
        ops.softmax_attention({qkv.data() + 32, 48, 6, 2, 2, 8, &key_page, &value_page, 0, result.data()}, queue_);
    });
}

} // namespace
} // namespace fulgurite::kernels
