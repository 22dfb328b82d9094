// SPDX-License-Identifier: Apache-2.0
// `train` as a process: the contracts that checks from outside rely on.
#include "core/base/atomic_file.h"
#include "core/checkpoint/safetensors.h"
#include "core/train/cross_entropy.h"
#include "tests/support/engine_process.h"
#include "tests/support/golden_models.h"

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

} // namespace
} // namespace fulgurite::test
