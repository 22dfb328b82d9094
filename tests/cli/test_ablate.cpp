// SPDX-License-Identifier: Apache-2.0
// `inspect ablate` as a process: the contract that checks from outside rely on.
#include "core/base/atomic_file.h"
#include "core/checkpoint/safetensors.h"
#include "tests/support/engine_process.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

class Ablate : public testing::Test {
  protected:
    Ablate() : golden(goldenModel('B')) {
        writeCheckpoint(golden, folder / "model");
        writeFileAtomically(folder / "tokens.json", nlohmann::json(golden.prompt).dump());
        model = HybridModel::load(folder / "model");
    }

    Outcome run(std::vector<std::string> arguments, const std::vector<std::string>& more = {}) const {
        const std::vector<std::string> files{"--model",  (folder / "model").string(),
                                             "--tokens", (folder / "tokens.json").string(),
                                             "--out",    (folder / "out").string()};
        arguments.insert(arguments.end(), files.begin(), files.end());
        arguments.insert(arguments.end(), more.begin(), more.end());
        return runEngine(arguments);
    }
    Outcome ablate(const std::vector<std::string>& more) const { return run({"inspect", "ablate"}, more); }
    std::vector<float> logits() const { return toFloats(SafetensorsFile(folder / "out").tensor("logits")); }
    std::vector<float> expected(const Intervention& intervention) const {
        return runModel(*model, golden.prompt, golden.prompt.size(), 2, &intervention).logits;
    }

    TemporaryFolder folder;
    GoldenModel golden;
    std::shared_ptr<const HybridModel> model;
};

TEST_F(Ablate, NothingIsWhatScoreWrites) {
    ASSERT_EQ(run({"score"}).status, 0);
    const auto plain = logits();
    const Outcome outcome = ablate({});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(logits(), plain);
    EXPECT_EQ(SafetensorsFile(folder / "out").tensor("logits").shape, (Shape{40, 97}));
}

TEST_F(Ablate, AListWithACommaTooManyIsRefused) {
    for (const char* list : {"0:1,", ",0:1", "0:1,,1:0"}) {
        const Outcome outcome = ablate({"--heads", list});
        EXPECT_NE(outcome.status, 0) << list;
        EXPECT_THAT(outcome.err, HasSubstr("has an element that is empty")) << list;
    }
}

// The golden model has four heads a layer.
TEST_F(Ablate, ACaptureOfChosenHeads) {
    const Outcome planned = run({"inspect", "capture", "--plan"}, {"--heads", "1:0,2:1"});
    ASSERT_EQ(planned.status, 0) << planned.err;
    const Outcome taken = run({"inspect", "capture"}, {"--heads", "1:0,2:1", "--last", "4"});
    ASSERT_EQ(taken.status, 0) << taken.err;
    const std::string capture = (folder / "out").string();
    const auto map = [&](const std::string& layer, const std::string& head) {
        return runEngine({"inspect", "map", "--capture", capture, "--layer", layer, "--head", head, "--out",
                          (folder / "map").string()});
    };
    EXPECT_EQ(map("1", "0").status, 0);
    EXPECT_THAT(map("1", "1").err, HasSubstr("of layer 1 only heads 0 were captured"));
    EXPECT_THAT(map("0", "0").err, HasSubstr("of layer 0 were not captured"));
    EXPECT_THAT(run({"inspect", "capture"}, {"--heads", "1:99"}).err, HasSubstr("head 99"));
    EXPECT_THAT(run({"inspect", "capture"}, {"--heads", "1"}).err, HasSubstr("is not LAYER:HEAD, as in 7:3"));
    EXPECT_THAT(run({"inspect", "capture"}, {"--layers", "1,"}).err, HasSubstr("has an element that is empty"));
}

TEST_F(Ablate, TakesOutWhatItIsTold) {
    Intervention intervention;
    intervention.heads = {{0, 1, 0.0f}, {1, 0, 0.0f}, {2, 2, 0.5f}};
    ASSERT_EQ(ablate({"--heads", "0:1,1:0,2:2=0.5"}).status, 0);
    EXPECT_EQ(logits(), expected(intervention));
    EXPECT_NE(logits(), expected({}));

    intervention = {};
    intervention.experts = {{0, 0}, {2, 1}};
    intervention.layers = {{1, BlockPart::Attention}, {3, BlockPart::Both}};
    intervention.renormalise = true;
    intervention.from = 17;
    const std::vector<std::string> options{"--experts",     "0:0,2:1", "--layers", "1:attention,3",
                                           "--renormalise", "--from",  "17"};
    ASSERT_EQ(ablate(options).status, 0);
    EXPECT_EQ(logits(), expected(intervention));
}

TEST_F(Ablate, ARecipeIsWhatTheChatEndpointTakes) {
    InterventionRecipe recipe;
    recipe.name = "two heads";
    recipe.intervention.heads = {{0, 1, 0.0f}, {1, 2, 0.0f}};
    recipe.intervention.from = 3;
    writeFileAtomically(folder / "recipe.json", recipeJson(recipe).dump());
    const Outcome outcome = ablate({"--recipe", (folder / "recipe.json").string()});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(logits(), expected(recipe.intervention));
}

TEST_F(Ablate, SaysWhatIsWrong) {
    for (const auto& [option, value, message] : std::vector<std::array<std::string, 3>>{
             {"--heads", "0:99", "layer 0 has no head 99; the model's are 0 to"},
             {"--heads", "77:0", "the model has no layer 77; its layers are 0 to 4"},
             {"--heads", "0", "\"0\" is not LAYER:HEAD"},
             {"--heads", "0:1=x", "is not LAYER:HEAD or LAYER:HEAD=FACTOR"},
             {"--experts", "0:-1", "layer 0 has no expert -1"},
             {"--from", "40", "lies beyond the text of 40 tokens"},
             {"--layers", "1:mlp", "\"1:mlp\" is not LAYER, LAYER:attention or LAYER:experts"},
             {"--recipe", (folder / "tokens.json").string(), "expected an object"}}) {
        const Outcome outcome =
            option == "--from" ? ablate({option, value, "--heads", "0:0"}) : ablate({option, value});
        EXPECT_EQ(outcome.status, 1);
        EXPECT_THAT(outcome.err, HasSubstr(message));
        EXPECT_FALSE(std::filesystem::exists(folder / "out"));
    }
}

} // namespace
} // namespace fulgurite::test
