// SPDX-License-Identifier: Apache-2.0
// The gradient of the whole model, every weight of it, against central differences of a forward pass in double:
// tiny models of every shape. And the training forward pass against the one that answers prompts.
#include "core/base/error.h"
#include "core/model/hybrid_model.h"
#include "core/train/cross_entropy.h"
#include "core/train/train_pass.h"
#include "tests/grad/double_model.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"
#include "tests/support/tolerance.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

namespace fulgurite {
namespace {

using test::Values;

struct Shape {
    const char* name;
    const char* layers; // attn_type_list
    int heads, kv_heads, head_dim, rotary_dim;
    int experts, top_k;
    bool postnorm, tied;
    double balance;
};

std::string configOf(const Shape& s) {
    const auto count = std::count(s.layers, s.layers + std::char_traits<char>::length(s.layers), ',') + 1;
    return fmt::format(R"({{"architectures": ["MiniMaxM1ForCausalLM"], "model_type": "minimax_m1",
        "hidden_size": 10, "num_hidden_layers": {}, "attn_type_list": [{}], "num_attention_heads": {},
        "num_key_value_heads": {}, "head_dim": {}, "rotary_dim": {}, "rope_theta": 100, "intermediate_size": 7,
        "num_local_experts": {}, "num_experts_per_tok": {}, "vocab_size": 13, "postnorm": {}, "hidden_act": "silu",
        "rms_norm_eps": 1e-05, "shared_intermediate_size": 0, "tie_word_embeddings": {},
        "layernorm_full_attention_alpha": 1.25, "layernorm_full_attention_beta": 0.75,
        "layernorm_linear_attention_alpha": 1.5, "layernorm_linear_attention_beta": 0.5,
        "layernorm_mlp_alpha": 2.0, "layernorm_mlp_beta": 1.25}})",
                       count, s.layers, s.heads, s.kv_heads, s.head_dim, s.rotary_dim, s.experts, s.top_k,
                       s.postnorm, s.tied);
}

// Two sequences, prompt tokens without a target among them.
struct Sample {
    TokenIds tokens{3, 1, 4, 1, 5, 9, 2, 6, 5, 12, 7, 0};
    std::vector<std::size_t> lengths{8, 4};
    TokenIds targets{-1, 4, 1, 5, 9, 2, 6, -1, 12, 7, 0, -1};
    TrainBatch batch() const { return {tokens, lengths, targets}; }
};

// Random weights of a size that keeps every activation in its curved range; norms too.
TrainModel randomModel(const Shape& shape, std::uint64_t seed = 17) {
    TrainModel model = TrainModel::random(ModelConfig::parse(configOf(shape), "config.json"), seed, 0.4);
    for (const Parameter& p : model.layout().parameters()) {
        for (std::size_t i = 0; p.role == TensorRole::Norm && i < p.count; ++i) {
            model.weights()[p.offset + i] = 0.6f + 0.1f * static_cast<float>(i % 9);
        }
    }
    return model;
}

class ModelGradients : public testing::TestWithParam<Shape> {};

TEST_P(ModelGradients, AreThoseOfCentralDifferences) {
    const Sample sample;
    const double balance = GetParam().balance;
    // A step of 1e-5 in a weight moves a router logit by at most 1e-5 times a few activations: with a margin of
    // 1e-3 the choice of experts stands. The first weights that have it are taken.
    std::uint64_t seed = 17;
    TrainModel model = randomModel(GetParam(), seed);
    Values weights(model.weights().begin(), model.weights().end());
    while (test::routerMargin(model, weights, sample.batch()) < 1e-3 && seed < 30) {
        model = randomModel(GetParam(), ++seed);
        weights.assign(model.weights().begin(), model.weights().end());
    }
    ASSERT_LT(seed, 30U);
    const Values expected = test::centralDifferences(
        [&](const Values& w) { return test::lossOf(model, w, sample.batch(), balance); }, weights);

    kernels::ThreadPool pool(2);
    for (const bool fast : {false, true}) {
        TrainPass pass(model, pool, fast ? kernels::bestCpuOps() : kernels::referenceOps(),
                       fast ? kernels::bestCpuBackwardOps() : kernels::referenceBackwardOps());
        pass.forward(sample.batch());
        CrossEntropy loss(9);
        std::vector<float> gradients(model.layout().size(), 0.0f);
        const double balance_loss = pass.backward(loss.objective(), {.balance = balance}, gradients);
        EXPECT_NEAR(loss.mean() + balance * balance_loss, test::lossOf(model, weights, sample.batch(), balance),
                    1e-5);
        for (const Parameter& p : model.layout().parameters()) {
            double largest = 0;
            for (std::size_t i = p.offset; i < p.offset + p.count; ++i) {
                largest = std::max(largest, std::abs(expected[i]));
            }
            // About 40 roundings on the way through a layer and back, each carried on with a gain that the residual
            // scales keep near 1, relative to the largest gradient of the matrix.
            const double tolerance =
                40.0 * static_cast<double>(model.config().layers.size()) * test::kUnitRoundoff * largest +
                test::kDifferenceError;
            for (std::size_t i = p.offset; i < p.offset + p.count; ++i) {
                ASSERT_NEAR(gradients[i], expected[i], tolerance)
                    << p.name << " element " << i - p.offset << (fast ? ", vector code" : ", reference");
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, ModelGradients,
                         testing::Values(Shape{"LightningThenSoftmax", "0, 1", 4, 2, 4, 2, 4, 2, true, false, 0},
                                         Shape{"SoftmaxThenLightning", "1, 0", 2, 1, 6, 4, 3, 1, true, false, 0},
                                         Shape{"ThreeLightningOneSoftmax", "0, 0, 0, 1", 3, 3, 4, 4, 4, 3, true,
                                               false, 0},
                                         Shape{"AllExpertsChosen", "0, 1", 6, 3, 3, 2, 4, 4, true, false, 0},
                                         Shape{"PreNorm", "0, 1, 0", 4, 1, 4, 2, 5, 2, false, false, 0},
                                         Shape{"PreNormOnlySoftmax", "1, 1", 4, 4, 4, 4, 4, 2, false, false, 0},
                                         Shape{"TiedEmbedding", "0, 1", 4, 2, 4, 2, 4, 2, true, true, 0},
                                         Shape{"LoadBalance", "0, 1", 4, 2, 4, 2, 4, 2, true, false, 0.5},
                                         Shape{"OneLayer", "0", 5, 1, 3, 2, 2, 1, true, false, 0.1}),
                         [](const auto& param_info) { return param_info.param.name; });

// A softmax layer, odd lengths, more tokens than a block: against the pass that serves prompts, whose bits it must
// give.
TEST(TrainForward, GivesTheBitsOfInference) {
    for (const char letter : {'A', 'B', 'C'}) {
        const auto golden = test::goldenModel(letter);
        const test::TemporaryFolder folder;
        test::writeCheckpoint(golden, folder.path());
        const auto run = test::runModel(*HybridModel::load(folder.path()), golden.prompt, golden.prompt.size());
        const TrainModel model = TrainModel::load(folder.path());
        kernels::ThreadPool pool(2);
        TrainPass pass(model, pool);
        const std::size_t n = golden.prompt.size();
        const std::size_t lengths[] = {n};
        TokenIds targets(golden.prompt.begin() + 1, golden.prompt.end());
        targets.push_back(TrainBatch::kNoTarget);
        pass.forward({golden.prompt, lengths, targets});
        std::vector<float> found;
        pass.evaluate([&](const TargetRows& rows) {
            found.insert(found.end(), rows.log_probs.begin(), rows.log_probs.end());
        });
        kernels::Queue queue(pool);
        std::vector<float> expected(n - 1), sums(n - 1), entropies(n - 1);
        kernels::bestCpuBackwardOps().log_prob({run.logits.data(), targets.data(), n - 1,
                                                static_cast<std::size_t>(golden.config.vocab_size), 1.0f,
                                                expected.data(), sums.data(), entropies.data()},
                                               queue);
        EXPECT_EQ(found, expected) << letter;
    }
}

std::vector<float> gradientsOf(const TrainModel& model, const TokenIds& tokens, std::size_t threads) {
    kernels::ThreadPool pool(threads);
    TrainPass pass(model, pool);
    std::vector<float> gradients(model.layout().size(), 0.0f);
    nextTokenGradient(pass, tokens, gradients);
    return gradients;
}

TEST(TrainGradient, IsTheSameUnderEverySpellingOfTheNames) {
    const auto golden = test::goldenModel('B');
    const test::TemporaryFolder folder;
    test::writeCheckpoint(golden, folder / "single");
    test::WriteOptions fused_names;
    fused_names.fused_experts = true;
    test::writeCheckpoint(golden, folder / "fused", fused_names);
    const TrainModel single = TrainModel::load(folder / "single");
    const TrainModel fused = TrainModel::load(folder / "fused");
    const auto a = gradientsOf(single, golden.prompt, 2);
    const auto b = gradientsOf(fused, golden.prompt, 2);
    const std::size_t matrix =
        static_cast<std::size_t>(golden.config.hidden_size * golden.config.intermediate_size);
    const auto same = [&](std::size_t at_a, std::size_t at_b, std::size_t count) {
        return std::equal(a.begin() + static_cast<std::ptrdiff_t>(at_a),
                          a.begin() + static_cast<std::ptrdiff_t>(at_a + count),
                          b.begin() + static_cast<std::ptrdiff_t>(at_b));
    };
    for (std::size_t layer = 0; layer < golden.config.layers.size(); ++layer) {
        const LayerSlots& s = single.layout().slots().layers[layer];
        const LayerSlots& f = fused.layout().slots().layers[layer];
        for (std::size_t e = 0; e < s.experts.size(); ++e) {
            EXPECT_TRUE(same(s.experts[e].gate, f.experts[e].gate, matrix));
            EXPECT_TRUE(same(s.experts[e].up, f.experts[e].up, matrix));
            EXPECT_TRUE(same(s.experts[e].down, f.experts[e].down, matrix));
        }
        EXPECT_TRUE(
            same(s.router, f.router, s.experts.size() * static_cast<std::size_t>(golden.config.hidden_size)));
    }
    const auto& names = fused.layout().parameters();
    EXPECT_TRUE(std::any_of(names.begin(), names.end(), [](const Parameter& p) {
        return p.name == "model.layers.0.mlp.experts.gate_up_proj" &&
               p.shape == std::vector<std::int64_t>{5, 80, 48};
    }));
}

TEST(TrainGradient, DoesNotDependOnTheNumberOfThreads) {
    const auto golden = test::goldenModel('C');
    const test::TemporaryFolder folder;
    test::writeCheckpoint(golden, folder.path());
    const TrainModel model = TrainModel::load(folder.path());
    EXPECT_EQ(gradientsOf(model, golden.prompt, 1), gradientsOf(model, golden.prompt, 3));
}

TEST(TrainGradient, OfABatchIsTheSumOverItsSequences) {
    const TrainModel model = randomModel({"", "0, 1", 4, 2, 4, 2, 4, 2, true, false, 0});
    const Sample sample;
    kernels::ThreadPool pool(2);
    TrainPass pass(model, pool);
    const auto run = [&](const TrainBatch& batch, std::vector<float>& gradients) {
        pass.forward(batch);
        pass.backward(
            [](const TargetRows& rows) { std::fill(rows.dlog_probs.begin(), rows.dlog_probs.end(), -1.0f); }, {},
            gradients);
    };
    std::vector<float> together(model.layout().size(), 0.0f);
    std::vector<float> apart(model.layout().size(), 0.0f);
    run(sample.batch(), together);
    const auto tokens = std::span(sample.tokens);
    const auto targets = std::span(sample.targets);
    run({tokens.first(8), std::span(sample.lengths).first(1), targets.first(8)}, apart);
    run({tokens.subspan(8), std::span(sample.lengths).subspan(1), targets.subspan(8)}, apart);
    const double largest = test::largestMagnitude(together);
    EXPECT_GT(largest, 0.1);
    test::expectClose(together, apart, test::sumTolerance(sample.tokens.size(), largest));
}

TEST(TrainForward, RefusesWhatDoesNotFit) {
    const TrainModel model = randomModel({"", "0, 1", 4, 2, 4, 2, 4, 2, true, false, 0});
    kernels::ThreadPool pool(1);
    TrainPass pass(model, pool);
    const TokenIds tokens{1, 13};
    const TokenIds targets{2, -1};
    const std::size_t lengths[] = {2};
    const std::size_t wrong[] = {3};
    EXPECT_THROW(pass.forward({tokens, lengths, targets}), Error);
    EXPECT_THROW(pass.forward({targets, lengths, targets}), Error);
    EXPECT_THROW(pass.forward({std::span(tokens).first(1), wrong, std::span(targets).first(1)}), Error);
}

} // namespace
} // namespace fulgurite
