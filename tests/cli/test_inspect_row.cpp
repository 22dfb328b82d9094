// SPDX-License-Identifier: Apache-2.0
// `inspect row`, `capture` and what reads captures, as processes: the contract that checks from outside rely on.
#include "core/base/atomic_file.h"
#include "core/checkpoint/safetensors.h"
#include "tests/support/engine_process.h"
#include "tests/support/golden_models.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <numeric>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

// A model folder without a tokenizer: config.json and weights alone.
class InspectRow : public testing::Test {
  protected:
    InspectRow() : golden_(goldenModel('B')) {
        writeCheckpoint(golden_, folder_ / "model");
        writeFileAtomically(folder_ / "tokens.json", nlohmann::json(golden_.prompt).dump());
    }

    Outcome inspect(const std::string& what, std::vector<std::string> more) const {
        std::vector<std::string> arguments{"inspect", what};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return runEngine(arguments);
    }
    Outcome row(int layer, int head, int position) const {
        return inspect("row", {"--model", path("model"), "--tokens", path("tokens.json"), "--layer",
                               std::to_string(layer), "--head", std::to_string(head), "--position",
                               std::to_string(position), "--out", path("row.safetensors")});
    }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }

    TemporaryFolder folder_;
    GoldenModel golden_;
};

TEST_F(InspectRow, WritesWeightsAndOutputOfBothKindsOfHeads) {
    for (const int layer : {0, 1}) { // lightning, softmax
        const Outcome outcome = row(layer, 5, 30);
        ASSERT_EQ(outcome.status, 0) << outcome.err;
        const SafetensorsFile file(folder_ / "row.safetensors");
        EXPECT_EQ(file.header().entries.size(), 2u);
        EXPECT_EQ(file.tensor("weight").dtype, DType::F32);
        EXPECT_EQ(file.tensor("weight").shape, (Shape{31}));
        EXPECT_EQ(file.tensor("output").dtype, DType::F32);
        EXPECT_EQ(file.tensor("output").shape, (Shape{12}));
        const std::vector<float> weight = toFloats(file.tensor("weight"));
        const double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
        if (layer == 1) {
            EXPECT_NEAR(sum, 1.0, 1e-5);
        } else {
            EXPECT_GT(std::abs(sum - 1.0), 1e-3) << "signed and not normalised";
        }
    }
}

TEST_F(InspectRow, WhatDoesNotExistIsOneClearError) {
    EXPECT_EQ(row(5, 0, 0).err, "fulgurite-engine: layer 5 does not exist; the model has layers 0 to 4\n");
    EXPECT_EQ(row(0, 6, 0).err, "fulgurite-engine: layer 0 has no head 6; its heads are 0 to 5\n");
    EXPECT_THAT(row(0, 0, -1).err, HasSubstr("--position: -1 is below 0"));
    const Outcome beyond = row(0, 0, 40);
    EXPECT_EQ(beyond.err, "fulgurite-engine: position 40 lies beyond the 40 tokens; the last one is 39\n");
    EXPECT_EQ(beyond.status, 1);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "row.safetensors"));
}

TEST_F(InspectRow, ACaptureIsTakenAndReadWithoutATokenizer) {
    const Outcome taken = inspect("capture", {"--model", path("model"), "--tokens", path("tokens.json"), "--fact",
                                              "3,6", "--out", path("run.fcap")});
    ASSERT_EQ(taken.status, 0) << taken.err;
    const Outcome heads = inspect("heads", {"--capture", path("run.fcap"), "--json", "--sort", "planted_fact"});
    ASSERT_EQ(heads.status, 0) << heads.err;
    const auto table = nlohmann::json::parse(heads.out);
    EXPECT_EQ(table.at("position"), 39);
    ASSERT_EQ(table.at("heads").size(), 30u);
    EXPECT_GE(table.at("heads")[0].at("planted_fact").get<double>(),
              table.at("heads")[1].at("planted_fact").get<double>());
    const auto lens = nlohmann::json::parse(inspect("lens", {"--capture", path("run.fcap"), "--json"}).out);
    EXPECT_EQ(lens.at("layers").size(), 6u);
    EXPECT_EQ(lens.at("layers").back().at("final_rank"), 1);
    const auto load = nlohmann::json::parse(inspect("routing", {"--capture", path("run.fcap"), "--json"}).out);
    EXPECT_EQ(load.at("tokens"), 40);
    const Outcome map = inspect("map", {"--capture", path("run.fcap"), "--layer", "1", "--head", "0", "--side", "8",
                                        "--out", path("map.safetensors")});
    ASSERT_EQ(map.status, 0) << map.err;
    EXPECT_EQ(SafetensorsFile(folder_ / "map.safetensors").tensor("cells").shape, (Shape{8, 8}));
}

TEST_F(InspectRow, APlanThatDoesNotFitIsRefusedWithTheFigure) {
    const Outcome outcome = inspect("capture", {"--model", path("model"), "--tokens", path("tokens.json"),
                                                "--limit-mib", "0", "--out", path("run.fcap")});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("KiB; one capture may take 0 bytes and "));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "run.fcap"));
}

TEST_F(InspectRow, APlanNeedsNoFileAndACaptureDoes) {
    const std::vector<std::string> text{"--model", path("model"), "--tokens", path("tokens.json")};
    std::vector<std::string> plan = text;
    plan.push_back("--plan");
    const Outcome planned = inspect("capture", plan);
    EXPECT_EQ(planned.status, 0) << planned.err;
    EXPECT_THAT(planned.out, HasSubstr("40 tokens: "));
    const Outcome taken = inspect("capture", text);
    EXPECT_EQ(taken.status, 1);
    EXPECT_THAT(taken.err, HasSubstr("--out FILE"));
}

// A text that is too long for any capture is not read for the sake of its answer.
TEST_F(InspectRow, TheRefusalComesBeforeTheAnswer) {
    const Outcome outcome = inspect("capture", {"--model", path("model"), "--tokens", path("tokens.json"),
                                                "--answer", "50", "--limit-mib", "0", "--plan"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("one capture may take 0 bytes"));
}

TEST_F(InspectRow, ACaptureIsJudgedByTheModelThatIsNamed) {
    ASSERT_EQ(
        inspect("capture", {"--model", path("model"), "--tokens", path("tokens.json"), "--out", path("run.fcap")})
            .status,
        0);
    const Outcome included = inspect("compare", {"--capture", path("run.fcap"), "--heads", "0:0"});
    EXPECT_EQ(included.status, 1);
    EXPECT_THAT(included.err, HasSubstr("the capture is of the model model"));
    const Outcome named =
        inspect("compare", {"--model", path("model"), "--capture", path("run.fcap"), "--heads", "0:0", "--json"});
    EXPECT_EQ(named.status, 0) << named.err;
    EXPECT_EQ(nlohmann::json::parse(named.out).at("tokens"), 39);
}

TEST_F(InspectRow, HostileTokenFilesAreNamedWithWhatIsWrong) {
    for (const auto& [content, message] : std::vector<std::pair<std::string, std::string>>{
             {"", "not valid JSON"},
             {std::string(100000, '['), "nested deeper than 128 levels"},
             {"[]", "no tokens"},
             {"{\"ids\":[1]}", "expected a JSON array"},
             {"[1,18446744073709551615]", "element 1 is not a token id"},
             {"[1,2.5]", "element 1 is not a token id"},
             {"[4,97]", "97 is outside the model's vocabulary of 97"}}) {
        writeFileAtomically(folder_ / "tokens.json", content);
        const Outcome outcome = row(0, 0, 1);
        EXPECT_EQ(outcome.status, 1) << content.substr(0, 40);
        EXPECT_THAT(outcome.err, HasSubstr(message)) << content.substr(0, 40);
        EXPECT_FALSE(std::filesystem::exists(folder_ / "row.safetensors"));
    }
}

TEST_F(InspectRow, CostsAreMeasuredForAModelAndComputedForM1) {
    const auto own = nlohmann::json::parse(
        inspect("cost", {"--model", path("model"), "--last", "2048", "--measure", "--json"}).out);
    EXPECT_FALSE(own.at("computed"));
    ASSERT_EQ(own.at("points").size(), 2u);
    EXPECT_GT(own.at("points")[1].at("seconds").get<double>(), 0);
    const auto m1 = nlohmann::json::parse(inspect("cost", {"--m1", "--last", "1000000", "--json"}).out);
    EXPECT_TRUE(m1.at("computed"));
    // 422.4 GFLOP against 2,696: the closed form's own table.
    EXPECT_NEAR(m1.at("points").back().at("hybrid_flops").get<double>() / 1e9, 422.4, 0.1);
    EXPECT_NEAR(m1.at("points").back().at("softmax_flops").get<double>() / 1e9, 2696, 1);
}

} // namespace
} // namespace fulgurite::test
