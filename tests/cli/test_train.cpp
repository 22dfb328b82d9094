// SPDX-License-Identifier: Apache-2.0
// `train` as a process: the contracts that checks from outside rely on.
#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "core/checkpoint/safetensors.h"
#include "core/train/cross_entropy.h"
#include "tests/support/engine_process.h"
#include "tests/support/golden_models.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

class Train : public testing::Test {
  protected:
    Outcome grad(const std::string& model, const TokenIds& tokens) {
        writeFileAtomically(folder / "tokens.json", nlohmann::json(tokens).dump());
        return runEngine({"train", "grad", "--model", (folder / model).string(), "--tokens",
                          (folder / "tokens.json").string(), "--out", (folder / "out").string()});
    }

    TemporaryFolder folder;
    GoldenModel golden = goldenModel('B');
};

TEST_F(Train, GradWritesEveryTensorUnderItsOwnName) {
    for (const bool fused : {false, true}) {
        WriteOptions options;
        options.fused_experts = fused;
        options.dtype = DType::BF16; // golden weights are exact in both
        const std::string name = fused ? "fused" : "single";
        writeCheckpoint(golden, folder / name, options);
        const Outcome outcome = grad(name, golden.prompt);
        ASSERT_EQ(outcome.status, 0) << outcome.err;

        const TrainModel model = TrainModel::load(folder / name);
        kernels::ThreadPool pool(2);
        TrainPass pass(model, pool);
        std::vector<float> expected(model.layout().size(), 0.0f);
        const double loss = nextTokenGradient(pass, golden.prompt, expected);
        const SafetensorsFile file(folder / "out");
        EXPECT_EQ(file.tensor("loss").shape, Shape{});
        EXPECT_EQ(toFloats(file.tensor("loss")), std::vector<float>{static_cast<float>(loss)});
        const Checkpoint checkpoint(folder / name);
        EXPECT_EQ(file.header().entries.size(), checkpoint.tensors().size() + 1);
        for (const Parameter& p : model.layout().parameters()) {
            const TensorView found = file.tensor(p.name);
            EXPECT_EQ(found.dtype, DType::F32);
            EXPECT_EQ(found.shape, checkpoint.tensors().at(p.name).shape) << p.name;
            const auto first = expected.begin() + static_cast<std::ptrdiff_t>(p.offset);
            EXPECT_EQ(toFloats(found), std::vector<float>(first, first + static_cast<std::ptrdiff_t>(p.count)));
        }
    }
}

TEST_F(Train, GradSaysWhatIsWrong) {
    writeCheckpoint(golden, folder / "model");
    Outcome outcome = grad("model", {5});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("at least two"));
    outcome = grad("model", {5, 97});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("token 97 is outside the model's vocabulary of 97"));
    outcome = grad("nowhere", {5, 6});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("nowhere"));
    EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

class PretrainProcess : public Train {
  protected:
    std::string configFile(const std::string& out, int steps) {
        writeFileAtomically(folder / "config.json", goldenModel('C').config_json);
        writeFileAtomically(folder / "data.json", nlohmann::json(TokenIds(goldenModel('C').prompt)).dump());
        const nlohmann::json json{{"out", out},
                                  {"fresh", {{"config", "config.json"}}},
                                  {"data", {"data.json"}},
                                  {"steps", steps},
                                  {"sequence", 100},
                                  {"batch", 4},
                                  {"checkpoint", {{"every", 2}}}};
        writeFileAtomically(folder / (out + ".json"), json.dump());
        return (folder / (out + ".json")).string();
    }
    std::size_t loggedLines(const std::string& out) const {
        std::ifstream file(folder / out / "metrics.jsonl");
        return static_cast<std::size_t>(
            std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n'));
    }
    std::filesystem::path lastCheckpoint(const std::string& out, int steps) const {
        return folder / out / "checkpoints" / fmt::format("step-{:08}", steps);
    }
};

TEST_F(PretrainProcess, KilledAnywhereItContinuesToTheSameModel) {
    constexpr int kSteps = 30;
    const Outcome whole = runEngine({"train", "pretrain", configFile("whole", kSteps)});
    ASSERT_EQ(whole.status, 0) << whole.err;
    const std::string config = configFile("killed", kSteps);
    int unfinished = 0;
    for (const std::size_t wanted : {3u, 9u, 16u}) {
        const Process process({"train", "pretrain", config});
        for (int tries = 0; tries < 20000 && loggedLines("killed") < wanted; ++tries) {
            ::usleep(1000); // where in a step or a checkpoint the blow falls is left to chance
        }
        unfinished += std::filesystem::exists(lastCheckpoint("killed", kSteps)) ? 0 : 1;
    } // the destructor kills without warning
    EXPECT_GT(unfinished, 0) << "every run was over before it could be killed";
    const Outcome finished = runEngine({"train", "pretrain", config});
    ASSERT_EQ(finished.status, 0) << finished.err;
    for (const char* file : {"model.safetensors", "optimizer.safetensors"}) {
        EXPECT_EQ(readTextFile(lastCheckpoint("killed", kSteps) / file),
                  readTextFile(lastCheckpoint("whole", kSteps) / file))
            << file;
    }
}

TEST_F(PretrainProcess, DryRunWritesNothingAndUnknownFieldsAreRefused) {
    const std::string config = configFile("dry", 4);
    const Outcome outcome = runEngine({"train", "pretrain", config, "--dry-run"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("tokens/s, measured"));
    EXPECT_THAT(outcome.out, HasSubstr("for 4 steps, 1600 tokens"));
    EXPECT_FALSE(std::filesystem::exists(folder / "dry"));
    writeFileAtomically(config, R"({"out": "x", "model": "m", "data": ["d"], "steps": 4, "sede": 1})");
    const Outcome refused = runEngine({"train", "pretrain", config});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.err, HasSubstr("no field \"sede\"; the nearest is \"seed\""));
}

} // namespace
} // namespace fulgurite::test
