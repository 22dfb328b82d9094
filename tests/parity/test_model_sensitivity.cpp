// SPDX-License-Identifier: Apache-2.0
// The golden tests must notice the known defects of other implementations. Each defect is put in, and the change of
// the logits must have the size that the same defect has in an independent float64 computation: a tolerance that a
// real defect could hide in, or a defect that does not act, fails here.
#include "core/model/weights.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <cmath>
#include <gtest/gtest.h>

namespace fulgurite::test {
namespace {

constexpr double kGoldenTolerance = 5e-6;

using Defect = std::function<void(ModelWeights&)>;

// Largest change of a logit when the defect is put into the loaded weights or operations.
double effect(char letter, const Defect& defect, const kernels::OpTable& ops = kernels::bestCpuOps()) {
    TemporaryFolder folder;
    const GoldenModel golden = goldenModel(letter);
    writeCheckpoint(golden, folder.path());
    const auto right = runModel(*HybridModel::load(folder.path()), golden.prompt, golden.prompt.size());
    std::unique_ptr<ModelWeights> weights(const_cast<ModelWeights*>(loadWeights(folder.path()).release()));
    defect(*weights);
    const HybridModel broken(std::move(weights), ops);
    return largestDifference(runModel(broken, golden.prompt, golden.prompt.size()).logits, right.logits);
}

// Published sizes are rounded to two digits: accept 10 % around them.
void expectEffect(double actual, double published) {
    EXPECT_NEAR(actual, published, 0.1 * published);
    EXPECT_GT(actual, kGoldenTolerance);
}

TEST(Sensitivity, InnerNormEpsilon) {
    const Defect defect = [](ModelWeights& w) { w.inner_norm_eps = 1e-5f; };
    expectEffect(effect('A', defect), 2.7e-4);
    expectEffect(effect('B', defect), 3.5e-4);
    expectEffect(effect('C', defect), 2.9e-3);
}

TEST(Sensitivity, RotatingTheWholeHead) {
    const Defect defect = [](ModelWeights& w) {
        w.config.rotary_dim = w.config.head_dim;
        w.inv_freq.clear();
        for (int i = 0; i < w.config.head_dim / 2; ++i) {
            w.inv_freq.push_back(static_cast<float>(std::pow(w.config.rope_theta, -2.0 * i / w.config.head_dim)));
        }
    };
    expectEffect(effect('A', defect), 0.037);
    expectEffect(effect('B', defect), 0.041);
    expectEffect(effect('C', defect), 0.010);
}

TEST(Sensitivity, PowerOfTwoSlopesForEveryHeadCount) {
    const Defect defect = [](ModelWeights& w) {
        for (int layer = 0; layer < w.config.layerCount(); ++layer) {
            auto& rates = w.layers[static_cast<std::size_t>(layer)].lightning.decay_rates;
            const double factor = 1.0 - static_cast<double>(layer) / (w.config.layerCount() - 1) + 1e-5;
            for (std::size_t j = 0; j < rates.size(); ++j) {
                const double slope =
                    std::pow(2.0, -8.0 * static_cast<double>(j + 1) / static_cast<double>(rates.size()));
                rates[j] = static_cast<float>(slope * factor);
            }
        }
    };
    EXPECT_LE(effect('A', defect), kGoldenTolerance);
    expectEffect(effect('B', defect), 0.27);
    EXPECT_LE(effect('C', defect), kGoldenTolerance);
}

// Blocks of 256 whose queries meet the carried state one step too early: decay^(i - 1) instead of decay^i.
void lateDecay(const kernels::LightningParams& p, kernels::Queue& queue) {
    constexpr std::size_t kBlock = 256;
    for (std::size_t begin = 0; begin < p.rows; begin += kBlock) {
        kernels::LightningParams block = p;
        block.rows = std::min(kBlock, p.rows - begin);
        block.qkv = p.qkv + begin * p.heads * 3 * p.head_dim;
        block.out = p.out + begin * p.heads * p.head_dim;
        const std::vector<float> carried(p.state, p.state + p.heads * p.head_dim * p.head_dim);
        kernels::bestCpuOps().lightning_attention(block, queue);
        for (std::size_t h = 0; h < p.heads; ++h) {
            const double rate = p.rates[h];
            for (std::size_t i = 0; i < block.rows; ++i) {
                const double missing =
                    std::exp(-rate * static_cast<double>(i)) - std::exp(-rate * static_cast<double>(i + 1));
                const float* q = block.qkv + (i * p.heads + h) * 3 * p.head_dim;
                float* out = block.out + (i * p.heads + h) * p.head_dim;
                for (std::size_t d = 0; d < p.head_dim; ++d) {
                    for (std::size_t e = 0; e < p.head_dim; ++e) {
                        out[e] +=
                            static_cast<float>(missing * q[d] * carried[(h * p.head_dim + d) * p.head_dim + e]);
                    }
                }
            }
        }
    }
}

TEST(Sensitivity, LateDecayBetweenBlocks) {
    kernels::OpTable ops = kernels::bestCpuOps();
    ops.lightning_attention = lateDecay;
    TemporaryFolder folder;
    const GoldenModel golden = goldenModel('C');
    writeCheckpoint(golden, folder.path());
    const std::size_t vocab = static_cast<std::size_t>(golden.config.vocab_size);
    const auto right = runModel(*HybridModel::load(folder.path()), golden.prompt, 520).logits;
    const auto wrong = runModel(*HybridModel::load(folder.path(), ops), golden.prompt, 520).logits;
    const auto before = 256 * vocab;
    EXPECT_LE(largestDifference(std::span(wrong).first(before), std::span(right).first(before)), kGoldenTolerance);
    expectEffect(largestDifference(std::span(wrong).subspan(before), std::span(right).subspan(before)), 5.0e-3);
}

// Other readings of the layer that ports got wrong; none may pass for the real one.
TEST(Sensitivity, CommonWrongReadingsOfTheLayer) {
    for (const char letter : {'A', 'B', 'C'}) {
        EXPECT_GT(effect(letter, [](ModelWeights& w) { w.config.postnorm = false; }), 1e-2);
        EXPECT_GT(
            effect(letter, [](ModelWeights& w) { std::swap(w.config.mlp_scale.alpha, w.config.mlp_scale.beta); }),
            1e-2);
        EXPECT_GT(effect(letter, [](ModelWeights& w) { w.config.rms_norm_eps = 1e-6f; }), kGoldenTolerance);
    }
}

} // namespace
} // namespace fulgurite::test
