// SPDX-License-Identifier: Apache-2.0
// Every gradient of every table against the scalar reference, over shapes that hit each tile, tail and edge; and
// the same bits with any number of workers. Inputs lie in [-1, 1].
#include "kernels/backward_ops.h"
#include "tests/grad/backward_tables.h"
#include "tests/support/tolerance.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <random>

namespace fulgurite::kernels {
namespace {

using test::expectClose;
using test::sumTolerance;
using Floats = std::vector<float>;

Floats randomFloats(std::size_t count, unsigned seed, float scale = 1.0f) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(-scale, scale);
    Floats result(count);
    std::generate(result.begin(), result.end(), [&] { return value(random); });
    return result;
}

class BackwardKernels : public testing::TestWithParam<const BackwardOpTable*> {
  protected:
    // Runs `compute` on the reference, on the table with three workers and with one. `compute` returns all it
    // wrote.
    using Compute = std::function<Floats(const BackwardOpTable&, Queue&)>;
    void compare(const Compute& compute, double tolerance) {
        ThreadPool many(3);
        ThreadPool one(1);
        Queue many_queue(many);
        Queue one_queue(one);
        const Floats expected = compute(referenceBackwardOps(), one_queue);
        const Floats actual = compute(*GetParam(), many_queue);
        expectClose(actual, expected, tolerance);
        EXPECT_EQ(actual, compute(*GetParam(), one_queue)) << "depends on the number of workers";
    }
};

void append(Floats& all, const Floats& part) {
    all.insert(all.end(), part.begin(), part.end());
}

TEST_P(BackwardKernels, Linear) {
    struct Shape {
        std::size_t m, n, k;
    };
    for (const Shape& s : {Shape{0, 5, 3}, Shape{1, 1, 1}, Shape{2, 3, 40}, Shape{13, 12, 32}, Shape{70, 200, 65},
                           Shape{515, 97, 33}, Shape{33, 1030, 192}, Shape{5000, 7, 17}}) {
        const std::size_t dy_stride = s.n + 3;
        const std::size_t x_stride = s.k + 2;
        const Floats dy = randomFloats(s.m * dy_stride, 1);
        const Floats x = randomFloats(s.m * x_stride, 2);
        const Floats w = randomFloats(s.n * s.k, 3);
        SCOPED_TRACE(testing::Message() << "m " << s.m << " n " << s.n << " k " << s.k);
        for (const bool add : {false, true}) {
            compare(
                [&](const BackwardOpTable& ops, Queue& queue) {
                    Floats dx(s.m * x_stride, 0.5f);
                    const LinearInputGrad task[] = {
                        {dy.data(), dy_stride, s.m, w.data(), s.n, s.k, dx.data(), x_stride, add}};
                    ops.linear_input(std::span(task), queue);
                    return dx;
                },
                sumTolerance(s.n + 1, static_cast<double>(s.n) + 1));
        }
        compare(
            [&](const BackwardOpTable& ops, Queue& queue) {
                Floats dw(w.size(), 0.25f);
                const LinearWeightGrad task[] = {
                    {dy.data(), dy_stride, s.m, x.data(), x_stride, s.n, s.k, dw.data()}};
                ops.linear_weight(std::span(task), queue);
                return dw;
            },
            sumTolerance(s.m + 1, static_cast<double>(s.m) + 1));
    }
}

TEST_P(BackwardKernels, ManyProductsGiveTheBitsOfEachAlone) {
    ThreadPool pool(3);
    Queue queue(pool);
    const std::size_t k = 70;
    std::vector<Floats> dys, xs, together;
    std::vector<LinearWeightGrad> tasks;
    for (const std::size_t m : {0u, 1u, 9u, 40u, 600u}) {
        dys.push_back(randomFloats(m * 30, static_cast<unsigned>(m)));
        xs.push_back(randomFloats(m * k, static_cast<unsigned>(m) + 1));
    }
    together.assign(2 * dys.size(), Floats(30 * k, 0.0f));
    for (std::size_t i = 0; i < dys.size(); ++i) {
        const std::size_t m = xs[i].size() / k;
        for (std::size_t twice = 0; twice < 2; ++twice) { // neighbours that share x
            tasks.push_back({dys[i].data(), 30, m, xs[i].data(), k, 30, k, together[2 * i + twice].data()});
        }
    }
    GetParam()->linear_weight(tasks, queue);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        Floats alone(30 * k, 0.0f);
        LinearWeightGrad task = tasks[i];
        task.dweight = alone.data();
        GetParam()->linear_weight({&task, 1}, queue);
        EXPECT_EQ(alone, together[i]) << i;
    }
}

TEST_P(BackwardKernels, NormAndNormGate) {
    for (const std::size_t width : {1u, 8u, 31u, 192u}) {
        const std::size_t rows = 150;
        const Floats x = randomFloats(rows * width, 1, 3.0f);
        const Floats w = randomFloats(width, 2);
        const Floats gate = randomFloats(rows * width, 3, 20.0f);
        const Floats dout = randomFloats(rows * width, 4);
        // Normalised values are below sqrt(width) and sums over rows have that many terms. An input's gradient is a
        // difference of terms scaled by 1 / rms, which is at most a few hundred for a row of one small element.
        const double root = std::sqrt(static_cast<double>(width));
        const double tolerance = sumTolerance(rows + width, static_cast<double>(rows) * root + 500.0);
        compare(
            [&](const BackwardOpTable& ops, Queue& queue) {
                Floats dx(x.size(), 1.0f), dw(width, 1.0f);
                ops.norm({x.data(), w.data(), dout.data(), rows, width, 1e-5f, dx.data(), true, dw.data()}, queue);
                append(dx, dw);
                return dx;
            },
            tolerance);
        compare(
            [&](const BackwardOpTable& ops, Queue& queue) {
                Floats dx(x.size()), dgate(x.size()), dw(width, 0.0f);
                ops.norm_gate({{x.data(), w.data(), dout.data(), rows, width, 1e-6f, dx.data(), false, dw.data()},
                               gate.data(),
                               dgate.data()},
                              queue);
                append(dx, dw);
                append(dx, dgate);
                return dx;
            },
            tolerance);
    }
}

TEST_P(BackwardKernels, Elementwise) {
    for (const std::size_t count : {0u, 1u, 17u, 33u, 70000u}) {
        // The wide range meets both saturated ends of the exponential.
        const Floats a = randomFloats(count, 5, 120.0f);
        const Floats b = randomFloats(count, 6);
        const Floats d = randomFloats(count, 7);
        compare(
            [&](const BackwardOpTable& ops, Queue& queue) {
                Floats dx(count), da(count), db(count), dresidual(count, 1.0f), dbranch(count);
                ops.silu({a.data(), d.data(), dx.data(), count}, queue);
                ops.swiglu({a.data(), b.data(), d.data(), da.data(), db.data(), count}, queue);
                ops.residual({d.data(), dresidual.data(), dbranch.data(), count, 1.68f, 0.75f, true}, queue);
                append(dx, da);
                append(dx, db);
                append(dx, dresidual);
                append(dx, dbranch);
                return dx;
            },
            sumTolerance(6, 120.0));
    }
}

TEST_P(BackwardKernels, Rope) {
    const std::vector<float> inv_freq{1.0f, 0.1f, 0.003f};
    compare(
        [&](const BackwardOpTable& ops, Queue& queue) {
            Floats x = randomFloats(40 * 41, 8);
            ops.rope({x.data(), 41, 40, 3, 12, 6, inv_freq.data(), 0}, queue);
            return x;
        },
        sumTolerance(4, 2.0));
}

TEST_P(BackwardKernels, SoftmaxAttention) {
    struct Shape {
        std::size_t heads, kv_heads, dim, rows;
    };
    for (const Shape& s : {Shape{4, 2, 16, 1}, Shape{4, 2, 16, 70}, Shape{6, 3, 12, 64}, Shape{8, 1, 8, 130},
                           Shape{3, 3, 5, 65}, Shape{40, 1, 20, 33}, Shape{6, 2, 32, 200}}) {
        const std::size_t stride = (s.heads + 2 * s.kv_heads) * s.dim;
        const std::size_t k_at = s.heads * s.dim;
        const std::size_t v_at = k_at + s.kv_heads * s.dim;
        const Floats x = randomFloats(s.rows * stride, 1);
        const Floats dout = randomFloats(s.rows * k_at, 3);
        Floats out(s.rows * k_at);
        for (std::size_t at = 0; at < s.rows * s.heads; ++at) {
            // Any output will do, as both tables read the same; the mean of the values is one of the right size.
            const std::size_t kv = at % s.heads / (s.heads / s.kv_heads);
            for (std::size_t i = 0; i < s.dim; ++i) {
                out[at * s.dim + i] = x[at / s.heads * stride + v_at + kv * s.dim + i] * 0.5f;
            }
        }
        SCOPED_TRACE(testing::Message()
                     << s.heads << " heads, " << s.kv_heads << " key heads, dim " << s.dim << ", rows " << s.rows);
        // Weights are at most 1 and off by the error of a score, dscores below 2 dim; a key's gradient sums over
        // the rows and heads of its group.
        const double dim = static_cast<double>(s.dim);
        const double terms = static_cast<double>(s.rows * s.heads / s.kv_heads);
        const double scores = sumTolerance(s.dim, std::sqrt(dim));
        compare(
            [&](const BackwardOpTable& ops, Queue& queue) {
                Floats dx(x.size());
                ops.softmax_attention({x.data(), x.data() + k_at, x.data() + v_at, stride, s.rows, s.heads,
                                       s.kv_heads, s.dim, out.data(), dout.data(), dx.data(), dx.data() + k_at,
                                       dx.data() + v_at, stride},
                                      queue);
                return dx;
            },
            std::sqrt(terms) * (2 * scores * 2 * dim + sumTolerance(s.rows, 2 * dim)));
    }
}

TEST_P(BackwardKernels, LightningAttention) {
    struct Shape {
        std::size_t heads, dim, rows;
    };
    for (const Shape& s : {Shape{1, 1, 1}, Shape{3, 12, 3}, Shape{2, 8, 64}, Shape{2, 8, 65}, Shape{5, 20, 200},
                           Shape{2, 128, 131}, Shape{5, 4, 1000}}) {
        const Floats qkv = randomFloats(s.rows * s.heads * 3 * s.dim, 4);
        const Floats dout = randomFloats(s.rows * s.heads * s.dim, 5);
        Floats rates;
        for (std::size_t h = 0; h < s.heads; ++h) {
            rates.push_back(h == 0 ? 0.917f : 0.004f * static_cast<float>(h));
        }
        SCOPED_TRACE(testing::Message() << s.heads << " heads, dim " << s.dim << ", rows " << s.rows);
        // A state cell is a decayed sum of at most `rows` products; a gradient adds dim of them.
        compare(
            [&](const BackwardOpTable& ops, Queue& queue) {
                Floats dqkv(qkv.size());
                ops.lightning_attention(
                    {qkv.data(), s.rows, s.heads, s.dim, rates.data(), dout.data(), dqkv.data()}, queue);
                return dqkv;
            },
            sumTolerance(s.dim + s.rows, static_cast<double>(s.rows * s.dim)));
    }
}

TEST_P(BackwardKernels, RouteAndBalance) {
    const std::size_t rows = 37, experts = 9, top_k = 3;
    std::vector<std::int32_t> ids;
    for (std::size_t i = 0; i < rows * top_k; ++i) {
        ids.push_back(static_cast<std::int32_t>((i / top_k + i % top_k * 2) % experts));
    }
    const Floats weights = randomFloats(rows * top_k, 1);
    const Floats dweights = randomFloats(rows * top_k, 2);
    const Floats logits = randomFloats(rows * experts, 3, 5.0f);
    const Floats slope = randomFloats(experts, 4);
    compare(
        [&](const BackwardOpTable& ops, Queue& queue) {
            Floats dlogits(rows * experts, 3.0f);
            std::vector<double> sums(experts, 0.0);
            ops.route({ids.data(), weights.data(), dweights.data(), rows, experts, top_k, dlogits.data()}, queue);
            ops.balance({logits.data(), slope.data(), rows, experts, dlogits.data(), sums.data()}, queue);
            append(dlogits, Floats(sums.begin(), sums.end()));
            return dlogits;
        },
        sumTolerance(experts + rows, 4.0));
}

TEST_P(BackwardKernels, EmbedCombineAndScatter) {
    const std::size_t rows = 3, top_k = 2, width = 19;
    const std::vector<std::int32_t> slots{0, 5, 3, 1, 2, 4};
    const Floats expert_out = randomFloats(6 * width, 1);
    const Floats weights = randomFloats(6, 2);
    const Floats dout = randomFloats(6 * width, 3);
    compare(
        [&](const BackwardOpTable& ops, Queue& queue) {
            Floats dexpert(6 * width), dweights(6), dx(rows * width, 1.0f), dtable(6 * width, 0.0f);
            ops.combine({expert_out.data(), slots.data(), weights.data(), dout.data(), rows, top_k, width,
                         dexpert.data(), dweights.data()},
                        queue);
            ops.scatter({dexpert.data(), slots.data(), rows, top_k, width, dx.data()}, queue);
            ops.embed({slots.data(), dout.data(), 6, width, dtable.data()}, queue);
            append(dexpert, dweights);
            append(dexpert, dx);
            append(dexpert, dtable);
            return dexpert;
        },
        sumTolerance(width, static_cast<double>(width)));
}

TEST_P(BackwardKernels, LogProb) {
    for (const std::size_t vocab : {1u, 7u, 16u, 97u, 2048u}) {
        const std::size_t rows = 21;
        const Floats logits = randomFloats(rows * vocab, 1, 12.0f);
        const Floats c = randomFloats(rows, 2);
        const Floats h = randomFloats(rows, 3);
        std::vector<std::int32_t> targets;
        for (std::size_t r = 0; r < rows; ++r) {
            targets.push_back(static_cast<std::int32_t>(r * 31 % vocab));
        }
        for (const bool with_entropy : {false, true}) {
            compare(
                [&](const BackwardOpTable& ops, Queue& queue) {
                    Floats out(3 * rows), z = logits;
                    float* sums = out.data() + rows;
                    float* entropies = sums + rows;
                    ops.log_prob({z.data(), targets.data(), rows, vocab, 1.25f, out.data(), sums, entropies},
                                 queue);
                    ops.log_prob_grad({z.data(), targets.data(), rows, vocab, 1.25f, sums, entropies, c.data(),
                                       with_entropy ? h.data() : nullptr},
                                      queue);
                    append(z, out);
                    return z;
                },
                // Logs lie below 24; sums have vocab terms but are close to 1 after division.
                sumTolerance(8, 24.0) + sumTolerance(vocab, 1.0));
        }
    }
}

TEST_P(BackwardKernels, ARowWithoutGradientBecomesExactlyZero) {
    ThreadPool pool(1);
    Queue queue(pool);
    Floats z = randomFloats(5, 1);
    const std::int32_t target = 2;
    const float zero = 0, log_sum = 1;
    GetParam()->log_prob_grad({z.data(), &target, 1, 5, 1.0f, &log_sum, nullptr, &zero, nullptr}, queue);
    EXPECT_EQ(z, Floats(5, 0.0f));
}

TEST_P(BackwardKernels, Adam) {
    for (const std::size_t count : {0u, 1u, 300u, 40000u}) {
        const Floats gradients = randomFloats(count, 1, 3.0f);
        // Weights below 2, steps below the rate times sqrt of the corrections.
        const double tolerance = sumTolerance(8, 4.0);
        compare(
            [&](const BackwardOpTable& ops, Queue& queue) {
                Floats weights = randomFloats(count, 2), first = randomFloats(count, 3), second(count, 0.25f);
                ops.adam({weights.data(), gradients.data(), first.data(), second.data(), count, 0.9f, 0.95f, 0.01f,
                          0.001f, 0.5f, 1.5f, 2.0f, 1e-8f},
                         queue);
                append(weights, first);
                append(weights, second);
                return weights;
            },
            tolerance);
    }
}

TEST_P(BackwardKernels, SquareSum) {
    ThreadPool one(1), three(3);
    Queue queue(one), busy(three);
    for (const std::size_t count : {0u, 1u, 255u, 16384u, 50001u}) {
        const Floats x = randomFloats(count, 1);
        const double expected = referenceBackwardOps().square_sum(x.data(), count, queue);
        const double actual = GetParam()->square_sum(x.data(), count, queue);
        // Sums in double of products that are exact in double.
        EXPECT_NEAR(actual, expected, static_cast<double>(count) * 0x1p-52 * expected);
        EXPECT_EQ(actual, GetParam()->square_sum(x.data(), count, busy)) << "depends on the number of workers";
    }
}

TEST_P(BackwardKernels, ArraysAreClearedCopiedAndRounded) {
    Floats x = randomFloats(70001, 1);
    x[0] = 1 + 0x1p-8f;     // halfway: to the even one, 1
    x[1] = 1 + 3 * 0x1p-8f; // halfway: to 1 + 2^-6
    compare(
        [&](const BackwardOpTable& ops, Queue& queue) {
            Floats cleared(x.size(), 3.0f), copied(x.size()), rounded(x.size());
            ops.clear(cleared.data(), cleared.size(), queue);
            ops.copy(x.data(), x.size(), copied.data(), queue);
            ops.round_bf16(x.data(), x.size(), rounded.data(), queue);
            EXPECT_EQ(copied, x);
            EXPECT_EQ(rounded[0], 1.0f);
            EXPECT_EQ(rounded[1], 1 + 0x1p-6f);
            append(cleared, rounded);
            return cleared;
        },
        0.0);
}

INSTANTIATE_TEST_SUITE_P(Table, BackwardKernels, testing::ValuesIn(test::backwardTablesUnderTest()),
                         [](const auto& table) {
                             std::string name = table.param->name;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });
// A processor with neither instruction set runs the reference itself; there may be no device.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BackwardKernels);

} // namespace
} // namespace fulgurite::kernels
