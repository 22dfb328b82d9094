// SPDX-License-Identifier: Apache-2.0
// Training on a device: the gradient of whole models against the scalar reference, runs that learn, stop and go on
// with the same bits, and reinforcement learning whose answers are written there too.
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/model/weights.h"
#include "core/state/device_call.h"
#include "core/text/bpe_trainer.h"
#include "core/train/cross_entropy.h"
#include "core/train/rl_trainer.h"
#include "core/train/trainer.h"
#include "kernels/device_library.h"
#include "tests/support/golden_models.h"
#include "tests/support/tolerance.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace fulgurite {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class DeviceTraining : public testing::Test {
  protected:
    std::shared_ptr<kernels::Device> device = kernels::openCudaDevice(0);
    test::TemporaryFolder folder;
};

// Gradients by parameter, with the loss.
struct Gradient {
    double loss = 0;
    double balance = 0;
    std::vector<float> values;
};

Gradient gradientOf(TrainPass& pass, const TrainModel& model, const TokenIds& tokens, std::size_t split) {
    TokenIds targets(tokens.begin() + 1, tokens.end());
    targets.push_back(TrainBatch::kNoTarget);
    targets[split - 1] = TrainBatch::kNoTarget; // the last of the first sequence
    const std::size_t lengths[] = {split, tokens.size() - split};
    kernels::FloatArray sums(model.layout().size(), model.device(), "a test");
    CrossEntropy loss(tokens.size() - 2);
    pass.forward({tokens, lengths, targets});
    Gradient gradient;
    gradient.balance = pass.backward(loss.objective(), {.temperature = 1.25f, .balance = 0.5}, sums);
    gradient.loss = loss.mean();
    gradient.values = sums.values();
    return gradient;
}

TEST_F(DeviceTraining, GradientsOfWholeModelsAreThoseOfTheReference) {
    kernels::ThreadPool pool(1);
    for (const char letter : {'A', 'B'}) {
        const auto golden = test::goldenModel(letter);
        const auto path = folder / std::string(1, letter);
        test::writeCheckpoint(golden, path);
        TrainModel model = TrainModel::load(path);
        TokenIds tokens = golden.prompt;
        tokens.resize(letter == 'A' ? 12 : 40);
        TrainPass reference(model, pool, kernels::referenceOps(), kernels::referenceBackwardOps());
        const Gradient expected = gradientOf(reference, model, tokens, 5);
        model.placeOn(device);
        TrainPass pass(model, pool);
        const Gradient found = gradientOf(pass, model, tokens, 5);
        EXPECT_NEAR(found.loss, expected.loss, 1e-5);
        EXPECT_NEAR(found.balance, expected.balance, 1e-5);
        for (const Parameter& p : model.layout().parameters()) {
            const auto part = [&](const std::vector<float>& all) {
                return std::span(all).subspan(p.offset, p.count);
            };
            float largest = 0;
            for (const float value : part(expected.values)) {
                largest = std::max(largest, std::abs(value));
            }
            SCOPED_TRACE(p.name);
            // As between the processor's code and central differences (tests/grad): about 40 roundings on the way
            // through a layer and back, relative to the largest gradient of the matrix; sums over 64 channels.
            test::expectClose(part(found.values), part(expected.values),
                              80.0 * static_cast<double>(model.config().layers.size()) * test::kUnitRoundoff *
                                  static_cast<double>(largest));
        }
    }
}

class DevicePretraining : public DeviceTraining {
  protected:
    DevicePretraining() {
        writeFileAtomically(folder / "config.json", test::goldenModel('A').config_json);
        TokenIds tokens; // three words in an order without end: easy to learn
        for (int i = 0; i < 300; ++i) {
            tokens.push_back(i % 3 == 0 ? 5 : i % 3 == 1 ? 17 : 40);
        }
        writeFileAtomically(folder / "data.json", json(tokens).dump());
    }
    TrainConfig configOf(const std::string& out, const json& changes = json::object()) const {
        json config{{"out", out},
                    {"fresh", {{"config", "config.json"}, {"deviation", 0.05}}},
                    {"data", {"data.json"}},
                    {"steps", 6},
                    {"sequence", 12},
                    {"batch", 2},
                    {"accumulate", 2},
                    {"learning_rate", {{"peak", 0.01}, {"warmup", 2}}},
                    {"checkpoint", {{"every", 3}, {"dtype", "f32"}}},
                    {"threads", 1}};
        config.merge_patch(changes);
        return TrainConfig::parse(TrainMethod::Pretrain, config.dump(), "run.json", folder.path());
    }
    static std::vector<StepFigures> finish(Trainer& trainer) {
        std::vector<StepFigures> all;
        while (!trainer.done()) {
            all.push_back(trainer.step());
        }
        return all;
    }
};

TEST_F(DevicePretraining, TakesTheStepsOfTheProcessor) {
    Trainer there(configOf("there"), device);
    Trainer here(configOf("here"));
    there.begin();
    here.begin();
    const auto on_device = finish(there);
    const auto on_host = finish(here);
    ASSERT_EQ(on_device.size(), on_host.size());
    for (std::size_t i = 0; i < on_host.size(); ++i) {
        // Adam divides by the root of the squares: where a gradient is nearly zero, rounding decides the step,
        // which is bounded by the rate and not by the error.
        EXPECT_NEAR(on_device[i].loss, on_host[i].loss, 2e-3 * on_host[i].loss) << "step " << i + 1;
        EXPECT_NEAR(on_device[i].gradient_norm, on_host[i].gradient_norm, 0.02 * on_host[i].gradient_norm);
    }
    EXPECT_NEAR(on_device[0].loss, on_host[0].loss, 1e-5);
    EXPECT_NEAR(on_device[0].gradient_norm, on_host[0].gradient_norm, 1e-5);
    EXPECT_LT(on_device.back().loss, on_device.front().loss);
    // What was saved is a model, and the weights that the device has.
    const auto saved = TrainModel::load(folder / "there" / "checkpoints" / "step-00000006");
    EXPECT_EQ(saved.weights(), there.model().weights());
}

TEST_F(DevicePretraining, GoesOnWithTheSameBits) {
    Trainer whole(configOf("whole"), device);
    whole.begin();
    finish(whole);
    {
        Trainer first(configOf("parts"), device);
        first.begin();
        for (int i = 0; i < 4; ++i) {
            first.step();
        }
        first.stop();
    }
    Trainer second(configOf("parts"), device);
    EXPECT_EQ(second.begin(), 4u);
    finish(second);
    EXPECT_EQ(second.model().weights(), whole.model().weights());
}

TEST_F(DevicePretraining, RoundsProductsWhereAskedAndMeasuresWithoutAChange) {
    Trainer rounded(configOf("rounded", {{"arithmetic", "bf16"}}), device);
    Trainer exact(configOf("exact"), device);
    EXPECT_GT(rounded.measure(1), 0);
    rounded.begin();
    exact.begin();
    const double of_rounded = rounded.step().loss;
    const double of_exact = exact.step().loss;
    EXPECT_NE(of_rounded, of_exact);
    EXPECT_NEAR(of_rounded, of_exact, 0x1p-8 * of_exact);
}

TEST_F(DevicePretraining, MuonSaysThatItNeedsTheProcessor) {
    try {
        Trainer trainer(configOf("muon", {{"optimizer", {{"method", "muon"}}}}), device);
        FAIL() << "it took Muon";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
        EXPECT_THAT(error.what(), HasSubstr("adamw"));
    }
}

TEST_F(DeviceTraining, ReinforcementLearningWritesItsAnswersThere) {
    const std::vector<std::string> special{"<end_of_sentence>"};
    const LearntVocabulary bytes = BpeTrainer({.vocabulary = 257, .special = special}).learn();
    std::filesystem::create_directories(folder / "tokenizer");
    writeFileAtomically(folder / "tokenizer" / "tokenizer.json", tokenizerJson(bytes, special));
    writeFileAtomically(folder / "tokenizer" / "tokenizer_config.json",
                        tokenizerConfigJson(bytes.tokens.size(), special,
                                            "{%- for m in messages -%}{{ m['content'] }}{%- endfor -%}"));
    ModelConfig config = test::goldenModel('A').config;
    config.vocab_size = 257;
    config.eos_token_ids = {256};
    writeFileAtomically(folder / "config.json", config.toJson());
    writeFileAtomically(folder / "data.json", json(TokenIds(40, 65)).dump());
    const json start{{"out", "start"},
                     {"fresh", {{"config", "config.json"}, {"deviation", 0.1}}},
                     {"tokenizer", "tokenizer"},
                     {"data", {"data.json"}},
                     {"steps", 1},
                     {"sequence", 10},
                     {"batch", 1},
                     {"checkpoint", {{"dtype", "f32"}}},
                     {"threads", 1}};
    Trainer starter(TrainConfig::parse(TrainMethod::Pretrain, start.dump(), "start.json", folder.path()));
    starter.begin();
    starter.step();
    const json rl{{"out", "rl"},
                  {"model", "start/checkpoints/step-00000001"},
                  {"tasks", {{{"task", "strings"}, {"operation", "copy"}, {"min_length", 1}, {"max_length", 1}}}},
                  {"batches", 2},
                  {"prompts", 2},
                  {"group", 2},
                  {"rollout", {{"max_tokens", 3}}},
                  {"evaluation", {{"items", 0}}},
                  {"threads", 1}};
    RlTrainer trainer(RlConfig::parse(rl.dump(), "rl.json", folder.path()), device);
    trainer.begin();
    while (!trainer.done()) {
        const RlBatchFigures figures = trainer.step();
        // What the engine drew with and what the training pass finds: the same weights, other kernels.
        EXPECT_LT(figures.rollout.mismatch.largest_ratio, 1 + 1e-4);
    }
    EXPECT_TRUE(std::filesystem::exists(folder / "rl" / "checkpoints" / "step-00000002"));
}

} // namespace
} // namespace fulgurite
