// SPDX-License-Identifier: Apache-2.0
// AdamW against its formula in double, the schedule at its corners, the order of training data, and what a
// configuration may say.
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/train/config_fields.h"
#include "core/train/optimizer.h"
#include "core/train/random.h"
#include "core/train/token_windows.h"
#include "core/train/train_config.h"
#include "tests/support/golden_models.h"

#include <cmath>
#include <gmock/gmock.h>
#include <set>

namespace fulgurite {
namespace {

using testing::AllOf;
using testing::HasSubstr;

template <class Call>
std::string messageOf(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST(AdamW, FollowsTheFormula) {
    const ModelConfig config = test::goldenModel('C').config;
    const ParameterLayout layout(config);
    OptimizerOptions options;
    options.beta1 = 0.8;
    options.beta2 = 0.9;
    options.weight_decay = 0.3;
    options.clip = 2.0;
    Optimizer adam(config, layout, options, productsOf(Arithmetic::Float32));
    RandomStream random(3);
    std::vector<float> weights(layout.size(), 0.0f);
    std::vector<double> expected(layout.size(), 0.0), first(layout.size(), 0.0), second(layout.size(), 0.0);
    for (const Parameter& p : layout.parameters()) {
        for (std::size_t i = p.offset; i < p.offset + p.count; ++i) {
            weights[i] = static_cast<float>(random.normal());
            expected[i] = weights[i];
        }
    }
    kernels::ThreadPool pool(2);
    for (int step = 1; step <= 4; ++step) {
        std::vector<float> gradients(layout.size(), 0.0f);
        double squares = 0;
        for (const Parameter& p : layout.parameters()) {
            for (std::size_t i = p.offset; i < p.offset + p.count; ++i) {
                // The second step is small enough not to be clipped.
                gradients[i] = static_cast<float>(random.normal() * (step == 2 ? 1e-4 : 0.1));
                squares += static_cast<double>(gradients[i]) * gradients[i];
            }
        }
        const double norm = adam.step(weights, gradients, 0.01, pool);
        EXPECT_NEAR(norm, std::sqrt(squares), 1e-9 * norm);
        EXPECT_EQ(norm > options.clip, step != 2);
        const double scale = norm > options.clip ? options.clip / norm : 1.0;
        for (const Parameter& p : layout.parameters()) {
            for (std::size_t i = p.offset; i < p.offset + p.count; ++i) {
                const double g = gradients[i] * scale;
                first[i] = 0.8 * first[i] + 0.2 * g;
                second[i] = 0.9 * second[i] + 0.1 * g * g;
                const double mean = first[i] / (1 - std::pow(0.8, step));
                const double root = std::sqrt(second[i] / (1 - std::pow(0.9, step)));
                const double decay = p.role == TensorRole::Norm ? 0.0 : 0.3;
                expected[i] -= 0.01 * (mean / (root + options.epsilon) + decay * expected[i]);
            }
        }
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
        // Weights below 6 round four times; the steps are below 0.01 and a hundred times more exact.
        ASSERT_NEAR(weights[i], expected[i], 6 * 6 * 0x1p-24) << i;
    }
    EXPECT_EQ(adam.steps(), 4U);
}

TEST(AdamW, RefusesAGradientThatIsNotFinite) {
    const ModelConfig config = test::goldenModel('C').config;
    const ParameterLayout layout(config);
    Optimizer adam(config, layout, {}, productsOf(Arithmetic::Float32));
    std::vector<float> weights(layout.size(), 1.0f);
    std::vector<float> gradients(layout.size(), 0.0f);
    gradients[7] = NAN;
    kernels::ThreadPool pool(1);
    EXPECT_THROW(adam.step(weights, gradients, 0.1, pool), Error);
    EXPECT_EQ(weights, std::vector<float>(layout.size(), 1.0f));
    EXPECT_EQ(adam.steps(), 0U);
}

TEST(RateSchedule, AtItsCorners) {
    RateSchedule rate{.peak = 2.0, .warmup = 4, .shape = RateShape::Cosine, .final_fraction = 0.1};
    EXPECT_DOUBLE_EQ(rate.at(1, 12), 0.5);
    EXPECT_DOUBLE_EQ(rate.at(4, 12), 2.0);
    EXPECT_DOUBLE_EQ(rate.at(8, 12), 1.1);
    EXPECT_DOUBLE_EQ(rate.at(12, 12), 0.2);
    rate.shape = RateShape::Linear;
    EXPECT_DOUBLE_EQ(rate.at(6, 12), 0.1 * 2 + 0.9 * 2 * 0.75);
    rate.shape = RateShape::Constant;
    EXPECT_DOUBLE_EQ(rate.at(12, 12), 2.0);
    rate.warmup = 0;
    EXPECT_DOUBLE_EQ(rate.at(1, 12), 2.0);
}

TEST(TokenWindows, PredictTheTokenThatFollows) {
    TokenIds tokens;
    for (int i = 0; i < 103; ++i) {
        tokens.push_back(i);
    }
    const TokenWindows windows(tokens, 10);
    ASSERT_EQ(windows.count(), 10U);
    TokenIds inputs, targets;
    EXPECT_EQ(windows.append(9, inputs, targets), 10U);
    EXPECT_EQ(inputs.front(), 90);
    EXPECT_EQ(targets.front(), 91);
    EXPECT_EQ(targets.back(), 100);
    EXPECT_NE(windows.checksum(), TokenWindows(TokenIds(103, 1), 10).checksum());
    EXPECT_THAT(messageOf([&] { TokenWindows(tokens, 103); }), HasSubstr("one sequence of 103 needs 104"));
}

TEST(SampleOrder, EveryEpochUsesEachOnceInAnotherOrder) {
    const auto orderOf = [](std::uint64_t seed) {
        SampleOrder order(10, seed);
        std::vector<std::uint64_t> all;
        for (std::uint64_t position = 0; position < 20; ++position) {
            all.push_back(order.at(position));
        }
        return all;
    };
    const auto order = orderOf(5);
    EXPECT_EQ(std::set<std::uint64_t>(order.begin(), order.begin() + 10).size(), 10U);
    EXPECT_EQ(std::set<std::uint64_t>(order.begin() + 10, order.end()).size(), 10U);
    EXPECT_FALSE(std::equal(order.begin(), order.begin() + 10, order.begin() + 10));
    EXPECT_EQ(SampleOrder(10, 5).at(13), order[13]) << "a position is one number, wherever one starts";
    EXPECT_NE(orderOf(6), order);
    EXPECT_THAT(messageOf([&] { SampleOrder(0, 1); }), HasSubstr("no sample"));
}

TEST(TrainingTokens, ComeFromTextsAndIds) {
    const test::TemporaryFolder folder;
    writeFileAtomically(folder / "a.txt", "ab");
    writeFileAtomically(folder / "b.jsonl", "{\"text\": \"c\"}\n\n{\"text\": \"de\"}");
    writeFileAtomically(folder / "c.json", "[7, 8]");
    const TextToTokens letters = [](std::string_view text) { return TokenIds(text.begin(), text.end()); };
    const std::vector<std::filesystem::path> files{folder / "a.txt", folder / "b.jsonl", folder / "c.json"};
    EXPECT_EQ(readTrainingTokens(files, letters, 0), (TokenIds{'a', 'b', 0, 'c', 0, 'd', 'e', 0, 7, 8, 0}));
    EXPECT_EQ(readTrainingTokens(std::span(files).last(1), {}, {}), (TokenIds{7, 8}));
    EXPECT_THAT(messageOf([&] { readTrainingTokens(files, {}, {}); }),
                AllOf(HasSubstr("a.txt"), HasSubstr("tokenizer")));
    writeFileAtomically(folder / "b.jsonl", "{\"text\": \"c\"}\n{\"test\": 1}\n");
    EXPECT_THAT(messageOf([&] { readTrainingTokens(files, letters, {}); }), HasSubstr("b.jsonl: line 2"));
    writeFileAtomically(folder / "c.json", "[7, -8]");
    EXPECT_THAT(messageOf([&] { readTrainingTokens(std::span(files).last(1), {}, {}); }), HasSubstr("c.json"));
}

TEST(ConfigFields, RefuseAnUnknownNameWithTheNearest) {
    const auto parse = [](const char* text) {
        return TrainConfig::parse(TrainMethod::Pretrain, text, "run.json", "base");
    };
    const auto refusal = [&](const char* text) { return messageOf([&] { parse(text); }); };
    EXPECT_THAT(refusal(R"({"out": "o", "model": "m", "data": ["d"], "steps": 1, "sequense": 9})"),
                AllOf(HasSubstr("run.json"), HasSubstr("\"sequense\""), HasSubstr("nearest is \"sequence\"")));
    EXPECT_THAT(
        refusal(R"({"out": "o", "model": "m", "data": ["d"], "steps": 1, "learning_rate": {"warm_up": 9}})"),
        AllOf(HasSubstr("learning_rate"), HasSubstr("nearest is \"warmup\"")));
    EXPECT_THAT(refusal(R"({"out": "o", "model": "m", "data": ["d"]})"), HasSubstr("\"steps\" is missing"));
    EXPECT_THAT(refusal(R"({"out": "o", "model": "m", "data": "d", "steps": 1})"), HasSubstr("a list of texts"));
    EXPECT_THAT(refusal(R"({"out": "o", "model": "m", "data": ["d"], "steps": 0.5})"), HasSubstr("whole number"));
    EXPECT_THAT(refusal(R"({"out": "o", "data": ["d"], "steps": 1})"), HasSubstr("either \"model\""));
    EXPECT_THAT(
        refusal(R"({"out": "o", "model": "m", "data": ["d"], "steps": 1, "learning_rate": {"shape": "x"}})"),
        HasSubstr("constant, linear, cosine"));
    EXPECT_THAT(refusal("[1]"), HasSubstr("expected a JSON object"));
    EXPECT_THAT(refusal("{"), HasSubstr("not JSON"));
}

TEST(TrainConfig, IsWhatItWritesAndKnowsWhatMatters) {
    const TrainConfig config = TrainConfig::parse(
        TrainMethod::Pretrain,
        R"({"out": "o", /* a comment */ "model": "m", "data": ["d", "/e"], "steps": 7, "batch": 3,
            "optimizer": {"clip": 0}, "checkpoint": {"dtype": "f32"}})",
        "run.json", "/base/sub");
    EXPECT_EQ(config.out, "/base/sub/o");
    EXPECT_EQ(config.data[1], "/e");
    EXPECT_EQ(config.tokenizer, "/base/sub/m");
    TrainConfig again = TrainConfig::parse(TrainMethod::Pretrain, config.toJson().dump(), "again", "/elsewhere");
    EXPECT_EQ(again.toJson(), config.toJson());
    again.threads = 9;
    again.checkpoint.every = 3;
    EXPECT_EQ(config.differenceThatMatters(again), "");
    again.rate.peak = 7;
    EXPECT_EQ(config.differenceThatMatters(again), "learning_rate");
    again = config;
    again.optimizer.method = OptimizerMethod::Muon;
    again.optimizer.momentum = 0.5;
    EXPECT_EQ(TrainConfig::parse(TrainMethod::Pretrain, again.toJson().dump(), "again", "/").optimizer,
              again.optimizer);
    EXPECT_EQ(config.differenceThatMatters(again), "optimizer");
}

} // namespace
} // namespace fulgurite
