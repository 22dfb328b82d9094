// SPDX-License-Identifier: Apache-2.0
// The reference gradient of every operation against central differences of its forward formula in double, on odd
// shapes.
#include "kernels/backward_ops.h"
#include "tests/grad/double_ops.h"
#include "tests/support/tolerance.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

namespace fulgurite::kernels {
namespace {

using test::centralDifferences;
using test::dotOf;
using test::toDoubles;
using test::Values;

std::vector<float> randomFloats(std::size_t count, unsigned seed, float scale = 1.0f) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(-scale, scale);
    std::vector<float> result(count);
    std::generate(result.begin(), result.end(), [&] { return value(random); });
    return result;
}

// The reference computes in double and rounds once, or twice where it adds to what is there.
void expectGradient(const std::vector<float>& actual, const Values& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
        EXPECT_NEAR(actual[i], expected[i],
                    test::kDifferenceError + 4 * test::kUnitRoundoff * std::abs(expected[i]))
            << "element " << i;
    }
}

class BackwardOps : public testing::Test {
  protected:
    const BackwardOpTable& ops() const { return referenceBackwardOps(); }
    ThreadPool pool_{1};
    Queue queue_{pool_};
};

TEST_F(BackwardOps, Linear) {
    const std::size_t rows = 5, outputs = 7, cols = 3;
    const auto x = randomFloats(rows * cols, 1);
    const auto w = randomFloats(outputs * cols, 2);
    const auto dy = randomFloats(rows * outputs, 3);
    std::vector<float> dx(x.size(), 9.0f);
    std::vector<float> dw(w.size(), 0.0f);
    const LinearInputGrad input[] = {{dy.data(), outputs, rows, w.data(), outputs, cols, dx.data(), cols, false}};
    const LinearWeightGrad weight[] = {{dy.data(), outputs, rows, x.data(), cols, outputs, cols, dw.data()}};
    ops().linear_input(std::span(input), queue_);
    ops().linear_weight(std::span(weight), queue_);
    const Values xs = toDoubles(x), ws = toDoubles(w), d = toDoubles(dy);
    expectGradient(
        dx, centralDifferences([&](const Values& v) { return dotOf(d, test::linear(v, ws, rows, outputs, cols)); },
                               xs));
    expectGradient(
        dw, centralDifferences([&](const Values& v) { return dotOf(d, test::linear(xs, v, rows, outputs, cols)); },
                               ws));
}

TEST_F(BackwardOps, LinearAddsWhereItSays) {
    const float dy = 2, w = 3, x = 5;
    float dx = 100, dw = 1000;
    const LinearInputGrad input[] = {{&dy, 1, 1, &w, 1, 1, &dx, 1, true}};
    const LinearWeightGrad weight[] = {{&dy, 1, 1, &x, 1, 1, 1, &dw}};
    ops().linear_input(std::span(input), queue_);
    ops().linear_weight(std::span(weight), queue_);
    EXPECT_EQ(dx, 106.0f);
    EXPECT_EQ(dw, 1010.0f);
}

TEST_F(BackwardOps, EmbedAddsRepeatedTokens) {
    const std::vector<std::int32_t> ids{2, 0, 2};
    const std::vector<float> dout{1, 2, 3, 4, 5, 6};
    std::vector<float> dtable(6, 0.0f);
    ops().embed({ids.data(), dout.data(), 3, 2, dtable.data()}, queue_);
    EXPECT_EQ(dtable, (std::vector<float>{3, 4, 0, 0, 6, 8}));
}

TEST_F(BackwardOps, Norm) {
    const std::size_t rows = 3, width = 7;
    const auto x = randomFloats(rows * width, 1, 2.0f);
    const auto w = randomFloats(width, 2);
    const auto dout = randomFloats(rows * width, 3);
    std::vector<float> dx(x.size());
    std::vector<float> dw(width, 0.0f);
    ops().norm({x.data(), w.data(), dout.data(), rows, width, 1e-3f, dx.data(), false, dw.data()}, queue_);
    const Values xs = toDoubles(x), ws = toDoubles(w), d = toDoubles(dout);
    const double eps = 1e-3f;
    expectGradient(
        dx, centralDifferences([&](const Values& v) { return dotOf(d, test::norm(v, ws, rows, width, eps)); }, xs));
    expectGradient(
        dw, centralDifferences([&](const Values& v) { return dotOf(d, test::norm(xs, v, rows, width, eps)); }, ws));
}

TEST_F(BackwardOps, NormGate) {
    const std::size_t rows = 2, width = 9;
    const auto x = randomFloats(rows * width, 1, 2.0f);
    const auto w = randomFloats(width, 2);
    const auto gate = randomFloats(rows * width, 4, 3.0f);
    const auto dout = randomFloats(rows * width, 3);
    std::vector<float> dx(x.size()), dgate(x.size());
    std::vector<float> dw(width, 0.0f);
    ops().norm_gate({{x.data(), w.data(), dout.data(), rows, width, 1e-6f, dx.data(), false, dw.data()},
                     gate.data(),
                     dgate.data()},
                    queue_);
    const Values xs = toDoubles(x), ws = toDoubles(w), gs = toDoubles(gate), d = toDoubles(dout);
    const auto loss = [&](const Values& at_x, const Values& at_w, const Values& at_gate) {
        Values y = test::norm(at_x, at_w, rows, width, static_cast<double>(1e-6f));
        for (std::size_t i = 0; i < y.size(); ++i) {
            y[i] *= test::sigmoid(at_gate[i]);
        }
        return dotOf(d, y);
    };
    expectGradient(dx, centralDifferences([&](const Values& v) { return loss(v, ws, gs); }, xs));
    expectGradient(dw, centralDifferences([&](const Values& v) { return loss(xs, v, gs); }, ws));
    expectGradient(dgate, centralDifferences([&](const Values& v) { return loss(xs, ws, v); }, gs));
}

TEST_F(BackwardOps, SiluSwigluResidual) {
    const std::size_t count = 11;
    const auto a = randomFloats(count, 1, 6.0f);
    const auto b = randomFloats(count, 2);
    const auto dout = randomFloats(count, 3);
    const Values as = toDoubles(a), bs = toDoubles(b), d = toDoubles(dout);
    std::vector<float> da(count), db(count);
    ops().silu({a.data(), dout.data(), da.data(), count}, queue_);
    expectGradient(da, centralDifferences([&](const Values& v) { return dotOf(d, test::silu(v)); }, as));
    ops().swiglu({a.data(), b.data(), dout.data(), da.data(), db.data(), count}, queue_);
    const auto swiglu = [&](const Values& gate, const Values& up) {
        Values y = test::silu(gate);
        std::transform(y.begin(), y.end(), up.begin(), y.begin(), std::multiplies<>());
        return dotOf(d, y);
    };
    expectGradient(da, centralDifferences([&](const Values& v) { return swiglu(v, bs); }, as));
    expectGradient(db, centralDifferences([&](const Values& v) { return swiglu(as, v); }, bs));
    std::vector<float> dresidual(count, 1.0f);
    ops().residual({dout.data(), dresidual.data(), db.data(), count, 1.5f, 0.25f, true}, queue_);
    for (std::size_t i = 0; i < count; ++i) {
        EXPECT_FLOAT_EQ(dresidual[i], 1.0f + 1.5f * dout[i]);
        EXPECT_FLOAT_EQ(db[i], 0.25f * dout[i]);
    }
}

TEST_F(BackwardOps, Rope) {
    const std::size_t rows = 4, heads = 2, dim = 7;
    const std::vector<float> inv_freq{1.0f, 0.3f, 0.01f};
    const auto x = randomFloats(rows * heads * dim, 1);
    const auto dout = randomFloats(x.size(), 2);
    std::vector<float> dx = dout;
    ops().rope({dx.data(), heads * dim, rows, heads, dim, 6, inv_freq.data(), 0}, queue_);
    const Values d = toDoubles(dout);
    expectGradient(
        dx, centralDifferences([&](const Values& v) { return dotOf(d, test::rope(v, rows, heads, dim, inv_freq)); },
                               toDoubles(x)));
}

TEST_F(BackwardOps, SoftmaxAttention) {
    struct Shape {
        std::size_t rows, heads, kv_heads, dim;
    };
    for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{5, 4, 2, 3}, Shape{7, 3, 1, 5}, Shape{6, 3, 3, 2}}) {
        const std::size_t stride = (s.heads + 2 * s.kv_heads) * s.dim + 1;
        const auto x = randomFloats(s.rows * stride, 1, 2.0f);
        const auto dout = randomFloats(s.rows * s.heads * s.dim, 2);
        const Values d = toDoubles(dout);
        const std::size_t k_at = s.heads * s.dim;
        const std::size_t v_at = k_at + s.kv_heads * s.dim;
        const auto part = [&](const Values& all, std::size_t first, std::size_t width) {
            Values out;
            for (std::size_t r = 0; r < s.rows; ++r) {
                const auto begin = all.begin() + static_cast<std::ptrdiff_t>(r * stride + first);
                out.insert(out.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
            }
            return out;
        };
        const auto attend = [&](const Values& all) {
            return test::softmaxAttention(part(all, 0, k_at), part(all, k_at, v_at - k_at),
                                          part(all, v_at, v_at - k_at), s.rows, s.heads, s.kv_heads, s.dim);
        };
        const Values out = attend(toDoubles(x));
        const std::vector<float> forward(out.begin(), out.end());
        std::vector<float> dx(x.size(), 0.0f);
        ops().softmax_attention({x.data(), x.data() + k_at, x.data() + v_at, stride, s.rows, s.heads, s.kv_heads,
                                 s.dim, forward.data(), dout.data(), dx.data(), dx.data() + k_at, dx.data() + v_at,
                                 stride},
                                queue_);
        const Values expected =
            centralDifferences([&](const Values& v) { return dotOf(d, attend(v)); }, toDoubles(x));
        for (std::size_t i = 0; i < dx.size(); ++i) {
            // The output that the gradient reads was rounded to float: dout . out is off by dim roundings of values
            // below 2, and meets keys and queries below 2, summed over the rows.
            const double rounding = 8.0 * static_cast<double>(s.rows * s.dim) * test::kUnitRoundoff;
            EXPECT_NEAR(dx[i], expected[i], test::kDifferenceError + rounding) << "element " << i;
        }
    }
}

TEST_F(BackwardOps, LightningAttention) {
    struct Shape {
        std::size_t rows, heads, dim;
    };
    for (const Shape& s : {Shape{1, 1, 1}, Shape{9, 3, 5}, Shape{12, 2, 4}}) {
        const std::vector<float> rates{0.917f, 0.25f, 0.004f};
        const auto qkv = randomFloats(s.rows * s.heads * 3 * s.dim, 1);
        const auto dout = randomFloats(s.rows * s.heads * s.dim, 2);
        std::vector<float> dqkv(qkv.size());
        ops().lightning_attention({qkv.data(), s.rows, s.heads, s.dim, rates.data(), dout.data(), dqkv.data()},
                                  queue_);
        const Values d = toDoubles(dout);
        expectGradient(dqkv, centralDifferences(
                                 [&](const Values& v) {
                                     return dotOf(d, test::lightningAttention(v, s.rows, s.heads, s.dim, rates));
                                 },
                                 toDoubles(qkv)));
    }
}

TEST_F(BackwardOps, RouteThroughTheChosenWeights) {
    const std::size_t rows = 4, experts = 5;
    const auto logits = randomFloats(rows * experts, 1, 2.0f);
    for (const std::size_t top_k : {1u, 2u, 3u, 5u}) {
        std::vector<std::int32_t> ids;
        std::vector<float> weights;
        const auto weightsOf = [&](const Values& z, bool keep) {
            Values all;
            for (std::size_t r = 0; r < rows; ++r) {
                const auto chosen = test::bestOf(z.data() + r * experts, experts, top_k);
                const Values p = test::softmax(z.data() + r * experts, experts);
                double sum = 0; // softmax over all, then renormalised: as published
                for (const std::int32_t id : chosen) {
                    sum += p[static_cast<std::size_t>(id)];
                }
                for (const std::int32_t id : chosen) {
                    all.push_back(p[static_cast<std::size_t>(id)] / sum);
                    if (keep) {
                        ids.push_back(id);
                        weights.push_back(static_cast<float>(all.back()));
                    }
                }
            }
            return all;
        };
        weightsOf(toDoubles(logits), true);
        const auto dweights = randomFloats(rows * top_k, 2);
        std::vector<float> dlogits(logits.size(), 7.0f);
        ops().route({ids.data(), weights.data(), dweights.data(), rows, experts, top_k, dlogits.data()}, queue_);
        const Values d = toDoubles(dweights);
        const Values expected =
            centralDifferences([&](const Values& z) { return dotOf(d, weightsOf(z, false)); }, toDoubles(logits));
        for (std::size_t i = 0; i < dlogits.size(); ++i) { // weights were rounded to float on the way in
            EXPECT_NEAR(dlogits[i], expected[i], test::kDifferenceError + 8 * test::kUnitRoundoff)
                << top_k << ": " << i;
        }
    }
}

TEST_F(BackwardOps, Balance) {
    const std::size_t rows = 3, experts = 4;
    const auto logits = randomFloats(rows * experts, 1, 2.0f);
    const std::vector<float> slope{0.5f, 0.125f, 0.25f, 1.0f};
    std::vector<float> dlogits(logits.size(), 0.0f);
    std::vector<double> sums(experts, 0.0);
    ops().balance({logits.data(), slope.data(), rows, experts, dlogits.data(), sums.data()}, queue_);
    const auto loss = [&](const Values& z) {
        double total = 0;
        for (std::size_t r = 0; r < rows; ++r) {
            total += dotOf(test::softmax(z.data() + r * experts, experts), toDoubles(slope));
        }
        return total;
    };
    expectGradient(dlogits, centralDifferences(loss, toDoubles(logits)));
    EXPECT_NEAR(dotOf(sums, toDoubles(slope)), loss(toDoubles(logits)), 1e-12);
}

TEST_F(BackwardOps, CombineAndScatter) {
    const std::size_t rows = 3, top_k = 2, width = 5;
    const std::vector<std::int32_t> slots{0, 3, 1, 4, 5, 2};
    const auto expert_out = randomFloats(6 * width, 1);
    const auto weights = randomFloats(6, 2);
    const auto dout = randomFloats(rows * width, 3);
    std::vector<float> dexpert(expert_out.size()), dweights(6);
    ops().combine({expert_out.data(), slots.data(), weights.data(), dout.data(), rows, top_k, width, dexpert.data(),
                   dweights.data()},
                  queue_);
    const Values d = toDoubles(dout), xs = toDoubles(expert_out), ws = toDoubles(weights);
    const auto loss = [&](const Values& x, const Values& w) {
        double total = 0;
        for (std::size_t i = 0; i < slots.size() * width; ++i) {
            total += d[i / width / top_k * width + i % width] * w[i / width] *
                     x[static_cast<std::size_t>(slots[i / width]) * width + i % width];
        }
        return total;
    };
    expectGradient(dexpert, centralDifferences([&](const Values& v) { return loss(v, ws); }, xs));
    expectGradient(dweights, centralDifferences([&](const Values& v) { return loss(xs, v); }, ws));
    std::vector<float> dx(rows * width, 1.0f);
    ops().scatter({expert_out.data(), slots.data(), rows, top_k, width, dx.data()}, queue_);
    for (std::size_t i = 0; i < dx.size(); ++i) {
        const auto at = [&](std::size_t j) {
            return xs[static_cast<std::size_t>(slots[i / width * top_k + j]) * width + i % width];
        };
        EXPECT_FLOAT_EQ(dx[i], static_cast<float>(1.0 + at(0) + at(1)));
    }
}

TEST_F(BackwardOps, LogProbAndEntropy) {
    const std::size_t rows = 4, vocab = 7;
    const auto logits = randomFloats(rows * vocab, 1, 3.0f);
    const std::vector<std::int32_t> targets{6, 0, 3, 3};
    const auto c = randomFloats(rows, 2);
    const auto h = randomFloats(rows, 3);
    const float temperature = 0.75f;
    std::vector<float> log_probs(rows), log_sums(rows), entropies(rows);
    ops().log_prob({logits.data(), targets.data(), rows, vocab, temperature, log_probs.data(), log_sums.data(),
                    entropies.data()},
                   queue_);
    const auto loss = [&](const Values& z) {
        double total = 0;
        for (std::size_t r = 0; r < rows; ++r) {
            Values scaled(z.begin() + static_cast<std::ptrdiff_t>(r * vocab),
                          z.begin() + static_cast<std::ptrdiff_t>((r + 1) * vocab));
            for (double& x : scaled) {
                x /= temperature;
            }
            const Values p = test::softmax(scaled.data(), vocab);
            total += c[r] * std::log(p[static_cast<std::size_t>(targets[r])]);
            for (const double probability : p) {
                total -= h[r] * probability * std::log(probability);
            }
        }
        return total;
    };
    double expected_loss = 0;
    for (std::size_t r = 0; r < rows; ++r) {
        expected_loss += c[r] * log_probs[r] + h[r] * entropies[r];
    }
    EXPECT_NEAR(loss(toDoubles(logits)), expected_loss, 1e-6);
    std::vector<float> dlogits = logits;
    ops().log_prob_grad({dlogits.data(), targets.data(), rows, vocab, temperature, log_sums.data(),
                         entropies.data(), c.data(), h.data()},
                        queue_);
    const Values expected = centralDifferences(loss, toDoubles(logits));
    for (std::size_t i = 0; i < dlogits.size(); ++i) { // log_sums and entropies, below 8, were rounded to float
        EXPECT_NEAR(dlogits[i], expected[i], test::kDifferenceError + 16 * test::kUnitRoundoff) << i;
    }
    for (std::size_t r = 0; r < rows; ++r) { // a shift of all logits changes nothing
        double sum = 0;
        for (std::size_t i = 0; i < vocab; ++i) {
            sum += dlogits[r * vocab + i];
        }
        EXPECT_NEAR(sum, 0.0, 1e-6);
    }
}

} // namespace
} // namespace fulgurite::kernels
