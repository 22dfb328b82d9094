// SPDX-License-Identifier: Apache-2.0
// `score`, `bench`, `convert` and `doctor` as processes: the contracts that checks from outside rely on.
#include "core/base/atomic_file.h"
#include "core/checkpoint/safetensors.h"
#include "tests/support/engine_process.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

class Measure : public testing::Test {
  protected:
    Measure() : golden(goldenModel('B')) {
        writeCheckpoint(golden, folder / "model");
        writeFileAtomically(folder / "tokens.json", nlohmann::json(golden.prompt).dump());
    }

    Outcome score(std::vector<std::string> more) const {
        std::vector<std::string> arguments{"score",
                                           "--model",
                                           (folder / "model").string(),
                                           "--tokens",
                                           (folder / "tokens.json").string(),
                                           "--out",
                                           (folder / "out").string()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return runEngine(arguments);
    }

    TemporaryFolder folder;
    GoldenModel golden;
};

TEST_F(Measure, ScoreWritesLogitsAlone) {
    const Outcome outcome = score({});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const SafetensorsFile file(folder / "out");
    EXPECT_EQ(file.header().entries.size(), 1u);
    EXPECT_EQ(file.tensor("logits").dtype, DType::F32);
    EXPECT_EQ(file.tensor("logits").shape, (Shape{40, 97}));
}

TEST_F(Measure, ScoreWritesTheInsideHoweverThePromptIsSplit) {
    const auto expected = runModel(*HybridModel::load(folder / "model"), golden.prompt, 40);
    for (const std::vector<std::string>& split :
         {std::vector<std::string>{}, {"--chunk", "7"}, {"--decode", "5"}, {"--chunk", "9", "--decode", "100"}}) {
        std::vector<std::string> arguments{"--layers"};
        arguments.insert(arguments.end(), split.begin(), split.end());
        const Outcome outcome = score(arguments);
        ASSERT_EQ(outcome.status, 0) << outcome.err;
        const SafetensorsFile file(folder / "out");
        EXPECT_LE(largestDifference(toFloats(file.tensor("logits")), expected.logits), 2e-6);
        for (int i = 0; i <= 5; ++i) {
            const auto hidden = file.tensor("hidden." + std::to_string(i));
            EXPECT_EQ(hidden.shape, (Shape{40, 48}));
            EXPECT_LE(largestDifference(toFloats(hidden), expected.seen.hidden[static_cast<std::size_t>(i)]), 5e-6);
        }
        for (std::size_t i = 0; i < 5; ++i) {
            const auto experts = file.tensor("experts." + std::to_string(i));
            EXPECT_EQ(experts.dtype, DType::I32);
            EXPECT_EQ(experts.shape, (Shape{40, 3}));
            EXPECT_EQ(std::memcmp(experts.data, expected.seen.experts[i].data(), experts.bytes()), 0);
            EXPECT_EQ(file.tensor("expert_weights." + std::to_string(i)).shape, (Shape{40, 3}));
        }
        for (const int layer : {0, 2, 3}) {
            const auto state = file.tensor("state." + std::to_string(layer));
            EXPECT_EQ(state.shape, (Shape{6, 12, 12}));
            EXPECT_LE(largestDifference(toFloats(state), expected.state.lightning(layer)), 5e-6);
        }
        EXPECT_FALSE(file.contains("state.1"));
    }
}

TEST_F(Measure, ScoreSaysBeforehandWhatMemoryItLacks) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer needs all of the address space";
#endif
    // More than 1,200 bytes of each token for its streams and choices, and its keys and values.
    writeFileAtomically(folder / "tokens.json", nlohmann::json(TokenIds(2'000'000, 1)).dump());
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
    rlimit tight = before;
    tight.rlim_cur = std::size_t{2} << 30;
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &tight), 0); // the program's too
    const Outcome outcome = score({"--layers", "--threads", "2"});
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("to score 2000000 tokens with --layers takes "));
    EXPECT_THAT(outcome.err, HasSubstr("leave --layers out"));
    EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_F(Measure, ScoreCountsWhatOneChunkTakes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer needs all of the address space";
#endif
    // Some 4,000 bytes of intermediate values and logits for each token of a chunk.
    writeFileAtomically(folder / "tokens.json", nlohmann::json(TokenIds(600'000, 1)).dump());
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
    rlimit tight = before;
    tight.rlim_cur = std::size_t{2} << 30;
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &tight), 0); // the program's too
    const Outcome outcome = score({"--chunk", "600000", "--threads", "2"});
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("to score 600000 tokens takes "));
    EXPECT_THAT(outcome.err, HasSubstr("for a chunk of 600000 tokens"));
    EXPECT_THAT(outcome.err, HasSubstr("give a smaller --chunk"));
    EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_F(Measure, ScoreRefusesBadTokensWithOneClearLine) {
    writeFileAtomically(folder / "tokens.json", "[1, 2, 97]");
    EXPECT_THAT(score({}).err, HasSubstr("token 97 is outside the model's vocabulary of 97"));
    writeFileAtomically(folder / "tokens.json", "{\"a\": 1}");
    EXPECT_THAT(score({}).err, HasSubstr("expected a JSON array"));
    writeFileAtomically(folder / "tokens.json", "[1, \"x\"]");
    EXPECT_THAT(score({}).err, HasSubstr("element 1 is not a token id"));
    EXPECT_EQ(score({}).status, 1);
    EXPECT_FALSE(std::filesystem::exists(folder / "out"));
    EXPECT_EQ(score({"--chunk", "0"}).status, 2);
}

TEST_F(Measure, ConvertedCheckpointsCanBeMeasured) {
    writeFileAtomically(folder / "config.json", golden.config_json);
    const Outcome converted = runEngine(
        {"convert", "--random", (folder / "config.json").string(), "--out", (folder / "random").string()});
    ASSERT_EQ(converted.status, 0) << converted.err;
    EXPECT_THAT(converted.out, HasSubstr("227832 parameters"));
    const Outcome measured =
        runEngine({"bench", "--model", (folder / "random").string(), "--prompt", "64", "--decode", "4", "--repeats",
                   "1", "--contexts", "64,128", "--layer-contexts", "64,4096", "--json"});
    ASSERT_EQ(measured.status, 0) << measured.err;
    const auto report = nlohmann::json::parse(measured.out);
    EXPECT_GT(report["decode"]["bandwidth_ratio"].get<double>(), 0);
    EXPECT_TRUE(report["prefill"].contains("sgemm_ratio"));
    EXPECT_GT(report["prefill"]["tokens_per_second"].get<double>(), 0);
    EXPECT_EQ(report["contexts"].size(), 2u);
    const auto& layer = report["lightning_layer"];
    ASSERT_EQ(layer["contexts"].size(), 2u);
    EXPECT_EQ(layer["contexts"][1]["context"], 4096);
    EXPECT_GT(layer["contexts"][0]["seconds_per_token"].get<double>(), 0);
    EXPECT_GE(layer["spread"].get<double>(), 1.0);
    EXPECT_EQ(report["model"]["parameters"], 227832);
}

// One state is read on from context to context: behind 100 tokens nothing can be told of 64.
TEST_F(Measure, ContextsThatDoNotRiseAreRefused) {
    for (const char* option : {"--contexts", "--layer-contexts"}) {
        for (const auto& [contexts, mistake] : std::vector<std::pair<std::string, std::string>>{
                 {"100,64", "64 comes after 100"}, {"64,64", "64 comes after 64"}, {"0,64", "0 comes after 0"}}) {
            const Outcome outcome =
                runEngine({"bench", "--model", (folder / "model").string(), option, contexts, "--repeats", "1"});
            EXPECT_EQ(outcome.status, 1) << outcome.out;
            EXPECT_THAT(outcome.err, HasSubstr(option + std::string(" must be above 0 and rise: ") + mistake));
        }
    }
}

TEST_F(Measure, DoctorSaysWhatIsWrongWithAModel) {
    const Outcome outcome = runEngine({"doctor", "--json", "--model", (folder / "nowhere").string()});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const auto report = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(report["findings"].back()["subject"], "model");
    EXPECT_EQ(report["findings"].back()["verdict"], "missing");
}

} // namespace
} // namespace fulgurite::test
