// SPDX-License-Identifier: Apache-2.0
// `convert --experts int8` and `--ranks` as processes: what they print, what they write, what they refuse.
#include "core/base/atomic_file.h"
#include "core/checkpoint/safetensors.h"
#include "tests/support/engine_process.h"
#include "tests/support/environment.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

class Converted : public testing::Test {
  protected:
    Converted() : golden(goldenModel('B')) {
        writeCheckpoint(golden, folder / "model", {.dtype = DType::BF16, .shards = 2});
        writeFileAtomically(folder / "tokens.json", nlohmann::json(golden.prompt).dump());
    }

    std::string at(const char* name) const { return (folder / name).string(); }

    Outcome score(const char* model, const std::vector<std::string>& more, const char* out) const {
        std::vector<std::string> arguments{"score",           "--model", at(model), "--tokens",
                                           at("tokens.json"), "--out",   at(out)};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return runEngine(arguments);
    }

    std::vector<float> logits(const char* out) const {
        return toFloats(SafetensorsFile(folder / out).tensor("logits"));
    }

    TemporaryFolder folder;
    GoldenModel golden;
};

TEST_F(Converted, Int8ExpertsAreWrittenScoredAndMeasured) {
    const Outcome converted = runEngine({"convert", at("model"), "--experts", "int8", "--out", at("int8")});
    ASSERT_EQ(converted.status, 0) << converted.err;
    // Five layers of five experts of three matrices.
    EXPECT_THAT(converted.out, HasSubstr("75 expert matrices as int8"));
    EXPECT_FALSE(std::filesystem::exists(folder / "int8.partial"));
    ASSERT_EQ(score("model", {}, "before").status, 0);
    const Outcome scored = score("int8", {"--layers"}, "after");
    ASSERT_EQ(scored.status, 0) << scored.err;
    const double difference = largestDifference(logits("before"), logits("after"));
    EXPECT_GT(difference, 0);
    EXPECT_LT(difference, 0.05);
    const Outcome measured = runEngine({"bench", "--model", at("int8"), "--prompt", "32", "--decode", "4",
                                        "--repeats", "1", "--ranks", "3", "--json"});
    ASSERT_EQ(measured.status, 0) << measured.err;
    const auto report = nlohmann::json::parse(measured.out);
    EXPECT_EQ(report["machine"]["ranks"], 3);
    EXPECT_GT(report["decode"]["bandwidth_ratio"].get<double>(), 0);
    const Outcome compared = runEngine({"inspect", "compare", "--model", at("model"), "--against", at("int8"),
                                        "--tokens", at("tokens.json"), "--json"});
    ASSERT_EQ(compared.status, 0) << compared.err;
    EXPECT_GT(nlohmann::json::parse(compared.out)["mean_kl"].get<double>(), 0);
}

TEST_F(Converted, WhatCannotBeConvertedIsSaidInOneLine) {
    EXPECT_THAT(runEngine({"convert", at("model"), "--out", at("x")}).err, HasSubstr("--experts int8"));
    EXPECT_THAT(runEngine({"convert", "--out", at("x")}).err,
                HasSubstr("either a model folder to convert or --random"));
    EXPECT_THAT(runEngine({"convert", at("model"), "--experts", "int8", "--out", at("model")}).err,
                HasSubstr("must be a new or empty folder"));
    EXPECT_THAT(runEngine({"convert", at("nowhere"), "--experts", "int8", "--out", at("x")}).err,
                HasSubstr("nowhere"));
    EXPECT_FALSE(std::filesystem::exists(folder / "x"));
    EXPECT_FALSE(std::filesystem::exists(folder / "x.partial"));
}

TEST_F(Converted, RandomCheckpointsMayHaveInt8Experts) {
    writeFileAtomically(folder / "config.json", golden.config_json);
    const Outcome converted =
        runEngine({"convert", "--random", at("config.json"), "--experts", "int8", "--out", at("random")});
    ASSERT_EQ(converted.status, 0) << converted.err;
    EXPECT_THAT(converted.out, HasSubstr("227832 parameters, random, bf16, experts int8"));
    EXPECT_EQ(score("random", {}, "out").status, 0);
}

TEST_F(Converted, RanksScoreAsOneDoes) {
    ASSERT_EQ(score("model", {}, "one").status, 0);
    for (const char* experts : {"width", "whole"}) {
        const Outcome outcome =
            score("model", {"--ranks", "3", "--expert-split", experts, "--chunk", "17"}, "three");
        ASSERT_EQ(outcome.status, 0) << outcome.err;
        EXPECT_LE(largestDifference(logits("one"), logits("three")), 5e-6);
    }
    const Outcome refused = score("model", {"--ranks", "4"}, "four");
    EXPECT_NE(refused.status, 0);
    EXPECT_THAT(refused.err, HasSubstr("cannot be split over 4 ranks"));
    EXPECT_THAT(refused.err, HasSubstr("possible are 1, 3, 6"));
    EXPECT_EQ(score("model", {"--ranks", "0"}, "none").status, 2);
}

TEST_F(Converted, BrokenLaunchVariablesAreNamed) {
    const Variables launched({{"RANK", "3"}, {"WORLD_SIZE", "two"}});
    EXPECT_THAT(score("model", {}, "out").err, HasSubstr("WORLD_SIZE is \"two\""));
}

} // namespace
} // namespace fulgurite::test
