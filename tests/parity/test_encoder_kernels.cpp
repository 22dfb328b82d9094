// SPDX-License-Identifier: Apache-2.0
// The encoder operations of every CPU table against the scalar reference, over shapes that hit each tail and page.
#include "kernels/encoder_ops.h"
#include "tests/support/tolerance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace fulgurite::kernels {
namespace {

using test::expectClose;
using test::kUnitRoundoff;
using test::sumTolerance;

std::vector<float> randomFloats(std::size_t count, unsigned seed, float scale = 1.0f) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(-scale, scale);
    std::vector<float> result(count);
    std::generate(result.begin(), result.end(), [&] { return value(random); });
    return result;
}

class EncoderKernels : public testing::TestWithParam<const EncoderOpTable*> {
  protected:
    const EncoderOpTable& ops() const { return *GetParam(); }
    const EncoderOpTable& truth() const { return referenceEncoderOps(); }

    ThreadPool pool_{3};
    Queue queue_{pool_};
    ThreadPool serial_{1};
    Queue reference_queue_{serial_};
};

TEST_P(EncoderKernels, LayerNorm) {
    for (const std::size_t width : {1u, 8u, 31u, 384u, 1000u}) {
        const std::size_t rows = 5;
        const auto x = randomFloats(rows * width, 1, 3.0f);
        const auto weight = randomFloats(width, 2);
        const auto bias = randomFloats(width, 3);
        std::vector<float> out(x.size());
        std::vector<float> expected(x.size());
        ops().layer_norm({x.data(), weight.data(), bias.data(), out.data(), rows, width, 1e-5f}, queue_);
        truth().layer_norm({x.data(), weight.data(), bias.data(), expected.data(), rows, width, 1e-5f},
                           reference_queue_);
        SCOPED_TRACE(width);
        // Normalised values are at most sqrt(width); mean and variance carry width roundings each.
        expectClose(out, expected, 2 * sumTolerance(width, std::sqrt(static_cast<double>(width)) + 1));
    }
}

TEST_P(EncoderKernels, LayerNormKeepsASmallVarianceBesideALargeMean) {
    std::vector<float> x(64);
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = 4096.0f + static_cast<float>(i % 2); // exact in float32, variance 1/4
    }
    const std::vector<float> ones(x.size(), 1.0f);
    const std::vector<float> zeros(x.size(), 0.0f);
    std::vector<float> out(x.size());
    ops().layer_norm({x.data(), ones.data(), zeros.data(), out.data(), 1, x.size(), 0.0f}, queue_);
    for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_NEAR(out[i], i % 2 == 0 ? -1.0f : 1.0f, 1e-6);
    }
}

TEST_P(EncoderKernels, BiasAndActivations) {
    for (const Activation activation : {Activation::None, Activation::Gelu, Activation::QuickGelu}) {
        for (const std::size_t width : {1u, 7u, 16u, 33u, 9000u}) {
            const std::size_t rows = 3;
            // Wide enough for both ends of the exponential, which start where the activation is 0 or x.
            const auto x = randomFloats(rows * width, 5, 20.0f);
            const auto bias = randomFloats(width, 6);
            std::vector<float> out = x;
            std::vector<float> expected = x;
            ops().bias({out.data(), bias.data(), rows, width, activation}, queue_);
            truth().bias({expected.data(), bias.data(), rows, width, activation}, reference_queue_);
            SCOPED_TRACE(width);
            // Sum, product and store round at 21; the polynomial has nine steps on values up to 1 times |x| / 2.
            expectClose(out, expected, sumTolerance(9, 21.0));
        }
    }
}

TEST_P(EncoderKernels, GeluIsAccurateWhereItBends) {
    std::vector<float> x;
    for (int i = -4000; i <= 4000; ++i) {
        x.push_back(static_cast<float>(i) / 1000);
    }
    const std::vector<float> zeros(x.size(), 0.0f);
    std::vector<float> expected = x;
    ops().bias({x.data(), zeros.data(), 1, x.size(), Activation::Gelu}, queue_);
    truth().bias({expected.data(), zeros.data(), 1, x.size(), Activation::Gelu}, reference_queue_);
    // |x| / 2 <= 2 times the error of erfc: 5.1e-9 of the fit, a dozen roundings of its evaluation.
    expectClose(x, expected, 2 * (5.1e-9 + 12 * kUnitRoundoff));
}

TEST_P(EncoderKernels, Attention) {
    struct Shape {
        std::size_t heads, dim;
        std::vector<std::size_t> lengths;
    };
    for (const Shape& s : {Shape{1, 1, {1}}, Shape{3, 5, {2, 64, 1}}, Shape{4, 32, {65, 7}}, Shape{2, 16, {130}},
                           Shape{12, 32, {33, 31, 97}}}) {
        const std::size_t rows = std::accumulate(s.lengths.begin(), s.lengths.end(), std::size_t{0});
        const std::size_t inner = s.heads * s.dim;
        const std::size_t stride = 3 * inner + 1;
        const auto qkv = randomFloats(rows * stride, 7, 3.0f);
        for (const bool causal : {false, true}) {
            std::vector<float> out(rows * inner, 42.0f);
            std::vector<float> expected = out;
            EncoderAttentionParams params{qkv.data(),
                                          qkv.data() + inner,
                                          qkv.data() + 2 * inner,
                                          stride,
                                          s.lengths.data(),
                                          s.lengths.size(),
                                          s.heads,
                                          s.dim,
                                          causal,
                                          out.data()};
            ops().attention(params, queue_);
            params.out = expected.data();
            truth().attention(params, reference_queue_);
            SCOPED_TRACE(testing::Message() << s.heads << " heads of " << s.dim << (causal ? ", causal" : ""));
            // Scores are off by up to their rounding, weights by that factor, values are at most 3.
            const double scores = sumTolerance(s.dim, 9.0 * std::sqrt(static_cast<double>(s.dim)));
            expectClose(out, expected, 3 * (2 * scores + sumTolerance(rows, 1.0)));
        }
    }
}

std::vector<const EncoderOpTable*> cpuTables() {
    std::vector<const EncoderOpTable*> tables;
    for (const CpuLevel level : {CpuLevel::Avx2, CpuLevel::Avx512}) {
        if (isSupported(level)) {
            tables.push_back(&cpuEncoderOps(level));
        }
    }
    return tables;
}

INSTANTIATE_TEST_SUITE_P(Cpu, EncoderKernels, testing::ValuesIn(cpuTables()), [](const auto& table) {
    std::string name = table.param->name;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});
// A processor with neither instruction set runs the reference itself.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EncoderKernels);

} // namespace
} // namespace fulgurite::kernels
