// SPDX-License-Identifier: Apache-2.0
// Checkpoints with int8 experts: how they are made, what the model makes of them, and what is wrong with bad ones.
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/staged_folder.h"
#include "core/checkpoint/int8_checkpoint.h"
#include "core/checkpoint/int8_rows.h"
#include "core/checkpoint/random_checkpoint.h"
#include "core/model/costs.h"
#include "core/model/weights.h"
#include "core/train/train_model.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"
#include "tests/support/tolerance.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <gmock/gmock.h>
#include <limits>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

template <class Action>
std::string messageOf(Action action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

TEST(QuantizeRow, IsWithinHalfAStepAndKeepsTheLargest) {
    const std::vector<float> row{0.3f, -1.27f, 0.005f, 0.0f, 1.0f, -0.0149f};
    std::vector<std::int8_t> integers(row.size());
    const float scale = quantizeRow(row, integers).value();
    EXPECT_FLOAT_EQ(scale, 0.01f);
    EXPECT_EQ(integers[1], -127);
    for (std::size_t i = 0; i < row.size(); ++i) {
        EXPECT_NEAR(static_cast<float>(integers[i]) * scale, row[i], 0.5f * scale * 1.00001f) << i;
    }
}

TEST(QuantizeRow, OfZerosOfNearZerosAndOfWhatIsNoNumber) {
    std::vector<std::int8_t> integers(2, 99);
    EXPECT_EQ(quantizeRow(std::vector<float>{0, 0}, integers), 1.0f);
    EXPECT_EQ(integers, (std::vector<std::int8_t>{0, 0}));
    const auto scale = quantizeRow(std::vector<float>{1e-45f, -1e-45f}, integers);
    EXPECT_GT(scale.value(), 0.0f);
    EXPECT_EQ(quantizeRow(std::vector<float>{3e38f, -3e38f}, integers).value(), 3e38f / 127);
    EXPECT_EQ(integers, (std::vector<std::int8_t>{127, -127}));
    EXPECT_FALSE(quantizeRow(std::vector<float>{1, std::numeric_limits<float>::infinity()}, integers));
    EXPECT_FALSE(quantizeRow(std::vector<float>{1, std::nanf("")}, integers));
}

void convert(const fs::path& from, const fs::path& to, std::uint64_t max_shard_bytes = std::uint64_t{4} << 30) {
    StagedFolder folder(to);
    Int8CheckpointOptions options;
    options.max_shard_bytes = max_shard_bytes;
    writeInt8Checkpoint(Checkpoint(from), folder.path(), options);
    folder.commit();
}

struct Tensor {
    DType dtype;
    Shape shape;
    std::vector<std::byte> bytes;
};
using Tensors = std::map<std::string, Tensor>;

// Writes the checkpoint of `from` once more with its tensors changed.
void rewrite(const fs::path& from, const fs::path& to, const std::function<void(Tensors&)>& change) {
    Tensors tensors;
    const Checkpoint source(from);
    for (const auto& [name, view] : source.tensors()) {
        tensors[name] = {view.dtype, view.shape, {view.data, view.data + view.bytes()}};
    }
    change(tensors);
    fs::create_directories(to);
    SafetensorsWriter writer(to / "model.safetensors");
    for (const auto& [name, tensor] : tensors) {
        writer.declare(name, tensor.dtype, tensor.shape);
    }
    for (const auto& [name, tensor] : tensors) {
        writer.append(tensor.bytes);
    }
    writer.finish();
    fs::copy_file(from / "config.json", to / "config.json", fs::copy_options::overwrite_existing);
}

// scale * integer in float32 in place of each int8 matrix.
void widen(Tensors& tensors) {
    for (auto entry = tensors.begin(); entry != tensors.end();) {
        Tensor& tensor = entry->second;
        if (tensor.dtype != DType::I8) {
            ++entry;
            continue;
        }
        const auto scale = tensors.find(scaleName(entry->first));
        const auto cols = static_cast<std::size_t>(tensor.shape[1]);
        std::vector<float> values(tensor.bytes.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            float s = 0;
            std::memcpy(&s, scale->second.bytes.data() + i / cols * sizeof(s), sizeof(s));
            values[i] = s * static_cast<float>(static_cast<std::int8_t>(tensor.bytes[i]));
        }
        const auto bytes = std::as_bytes(std::span(values));
        tensor = {DType::F32, tensor.shape, {bytes.begin(), bytes.end()}};
        tensors.erase(scale);
        ++entry;
    }
}

TEST(Int8Checkpoint, KeepsWhatIsNotAnExpertAndCopiesTheOtherFiles) {
    const TemporaryFolder folder;
    writeCheckpoint(goldenModel('A'), folder / "source", {.dtype = DType::BF16, .shards = 3});
    writeFileAtomically(folder / "source" / "tokenizer.json", "{}");
    convert(folder / "source", folder / "int8", 50'000);
    EXPECT_TRUE(fs::exists(folder / "int8" / "model.safetensors.index.json"));
    EXPECT_TRUE(fs::exists(folder / "int8" / "tokenizer.json"));
    EXPECT_FALSE(fs::exists(folder / "int8.partial"));
    const Checkpoint source(folder / "source");
    const Checkpoint converted(folder / "int8");
    std::size_t matrices = 0;
    for (const auto& [name, view] : source.tensors()) {
        const TensorView now = converted.tensors().at(name);
        EXPECT_EQ(now.shape, view.shape) << name;
        if (name.find(".experts.") == std::string::npos) {
            ASSERT_EQ(now.dtype, view.dtype) << name;
            EXPECT_EQ(std::memcmp(now.data, view.data, view.bytes()), 0) << name;
            continue;
        }
        ++matrices;
        ASSERT_EQ(now.dtype, DType::I8) << name;
        const TensorView scale = converted.tensors().at(scaleName(name));
        EXPECT_EQ(scale.dtype, DType::F32);
        EXPECT_EQ(scale.shape, Shape{view.shape[0]});
        const auto scales = toFloats(scale);
        const auto values = toFloats(view);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const float s = scales[i / static_cast<std::size_t>(view.shape[1])];
            const auto integer = static_cast<float>(static_cast<std::int8_t>(now.data[i]));
            ASSERT_NEAR(s * integer, values[i], 0.5001f * s) << name << " " << i;
        }
    }
    EXPECT_EQ(matrices, 4u * 4 * 3);
    EXPECT_EQ(converted.tensors().size(), source.tensors().size() + matrices);
}

// The same integers as weights of float32: only the order of rounding differs.
TEST(Int8Model, ComputesWhatItsWidenedWeightsCompute) {
    for (const char letter : {'A', 'B', 'C'}) {
        const TemporaryFolder folder;
        const auto golden = goldenModel(letter);
        writeCheckpoint(golden, folder / "source");
        convert(folder / "source", folder / "int8");
        rewrite(folder / "int8", folder / "wide", widen);
        const auto int8 = HybridModel::load(folder / "int8");
        EXPECT_TRUE(hasInt8Experts(int8->weights()));
        const auto expected = runModel(*HybridModel::load(folder / "wide"), golden.prompt, 256);
        for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{256}}) {
            const auto found = runModel(*int8, golden.prompt, chunk);
            EXPECT_LE(largestDifference(found.logits, expected.logits), 5e-6) << letter << " " << chunk;
        }
        const auto exact = runModel(*HybridModel::load(folder / "source"), golden.prompt, 256);
        const double error = largestDifference(expected.logits, exact.logits);
        EXPECT_GT(error, 1e-4) << "weights of one byte cannot give the same logits";
        EXPECT_LT(error, 0.05) << letter;
    }
}

TEST(Int8Model, FusedExpertsBecomeTheSameModel) {
    const TemporaryFolder folder;
    const auto golden = goldenModel('B');
    writeCheckpoint(golden, folder / "split");
    writeCheckpoint(golden, folder / "fused", {.fused_experts = true});
    convert(folder / "split", folder / "a");
    convert(folder / "fused", folder / "b");
    const auto a = runModel(*HybridModel::load(folder / "a"), golden.prompt, 40);
    const auto b = runModel(*HybridModel::load(folder / "b"), golden.prompt, 40);
    EXPECT_EQ(a.logits, b.logits);
}

TEST(Int8Checkpoint, RandomOnesAreWhatConvertingMakesOfRandomOnes) {
    const TemporaryFolder folder;
    const auto golden = goldenModel('B');
    RandomCheckpointOptions options;
    options.seed = 7;
    writeRandomCheckpoint(golden.config_json, golden.config, folder / "bf16", options);
    options.int8_experts = true;
    writeRandomCheckpoint(golden.config_json, golden.config, folder / "random", options);
    convert(folder / "bf16", folder / "converted");
    const Checkpoint random(folder / "random");
    const Checkpoint converted(folder / "converted");
    ASSERT_EQ(random.tensors().size(), converted.tensors().size());
    for (const auto& [name, view] : converted.tensors()) {
        const TensorView other = random.tensors().at(name);
        ASSERT_EQ(other.dtype, view.dtype) << name;
        EXPECT_EQ(std::memcmp(other.data, view.data, view.bytes()), 0) << name;
    }
}

TEST(Int8Checkpoint, CountsTheBytesOfADecodedToken) {
    const TemporaryFolder folder;
    const auto golden = goldenModel('A');
    writeCheckpoint(golden, folder / "source", {.dtype = DType::BF16});
    convert(folder / "source", folder / "int8");
    const auto before = decodeBytes(*loadWeights(folder / "source"), 10);
    const auto after = decodeBytes(*loadWeights(folder / "int8"), 10);
    // Four layers of two experts: three matrices of 96 x 64 at one byte less, and a scale for each of their rows.
    const double saved = 4.0 * 2 * (3.0 * 96 * 64 - 4.0 * (96 + 96 + 64));
    EXPECT_DOUBLE_EQ(before.weights - after.weights, saved);
}

class BadInt8 : public testing::Test {
  protected:
    BadInt8() {
        writeCheckpoint(goldenModel('A'), folder / "source", {.dtype = DType::BF16});
        convert(folder / "source", folder / "int8");
    }

    std::string loading(const std::function<void(Tensors&)>& change) {
        rewrite(folder / "int8", folder / "bad", change);
        return messageOf([&] { loadWeights(folder / "bad"); });
    }

    static std::string expert(int layer, const std::string& matrix) {
        return "model.layers." + std::to_string(layer) + ".block_sparse_moe.experts.0." + matrix + ".weight";
    }
    static void setScale(Tensors& tensors, const std::string& name, float value) {
        std::memcpy(tensors.at(scaleName(name)).bytes.data() + 3 * sizeof(value), &value, sizeof(value));
    }

    TemporaryFolder folder;
};

TEST_F(BadInt8, AllThatIsWrongWithScalesIsReportedTogether) {
    const std::string message = loading([](Tensors& tensors) {
        tensors.erase(scaleName(expert(0, "w1")));
        Tensor& wide = tensors.at(scaleName(expert(0, "w2")));
        wide = {DType::F32, {16, 4}, wide.bytes};
        tensors.at(scaleName(expert(0, "w3"))).dtype = DType::I32;
        setScale(tensors, expert(1, "w1"), std::nanf(""));
        setScale(tensors, expert(1, "w2"), -0.25f);
        setScale(tensors, expert(1, "w3"), std::numeric_limits<float>::infinity());
        tensors.erase("model.norm.weight");
    });
    EXPECT_THAT(message, HasSubstr("7 tensor(s) do not match"));
    EXPECT_THAT(message, HasSubstr(expert(0, "w1") + ": type I8 without its scales: " + scaleName(expert(0, "w1")) +
                                   " is missing"));
    EXPECT_THAT(message, HasSubstr(scaleName(expert(0, "w2")) + ": F32 [16, 4] found, F32 [64] expected"));
    EXPECT_THAT(message, HasSubstr(scaleName(expert(0, "w3")) + ": I32 [96] found, F32 [96] expected"));
    EXPECT_THAT(message, HasSubstr(scaleName(expert(1, "w1")) + ": the scale of row 3 is nan"));
    EXPECT_THAT(message, HasSubstr(scaleName(expert(1, "w2")) + ": the scale of row 3 is -0.25"));
    EXPECT_THAT(message, HasSubstr(scaleName(expert(1, "w3")) + ": the scale of row 3 is inf"));
    EXPECT_THAT(message, HasSubstr("model.norm.weight: missing"));
}

TEST_F(BadInt8, IntegersAndScalesWhereTheyDoNotBelong) {
    const std::string q = "model.layers.3.self_attn.q_proj.weight";
    const std::string message = loading([&](Tensors& tensors) {
        tensors.at(q) = {DType::I8, {64, 64}, std::vector<std::byte>(64 * 64)};
        Tensor& w1 = tensors.at(expert(0, "w1"));
        w1 = {DType::BF16, w1.shape, std::vector<std::byte>(2 * w1.bytes.size())};
        tensors["model.norm.weight_scale"] = {DType::F32, {1}, std::vector<std::byte>(4)};
    });
    EXPECT_THAT(message, HasSubstr(q + ": type I8 found, F32, BF16 or F16 expected"));
    EXPECT_THAT(message, HasSubstr(scaleName(expert(0, "w1")) + ": scales of a matrix of type BF16"));
    EXPECT_THAT(message, HasSubstr("model.norm.weight_scale: extra"));
    EXPECT_THAT(message, HasSubstr("3 tensor(s)"));
}

TEST_F(BadInt8, CannotBeConvertedAgainOrTrained) {
    EXPECT_THAT(messageOf([&] { convert(folder / "int8", folder / "again"); }),
                HasSubstr("its experts are int8 already"));
    EXPECT_FALSE(fs::exists(folder / "again"));
    EXPECT_FALSE(fs::exists(folder / "again.partial"));
    EXPECT_THAT(messageOf([&] { TrainModel::load(folder / "int8"); }),
                HasSubstr("its experts are int8, which can be run but not trained"));
}

TEST_F(BadInt8, AWeightThatIsNoNumberIsNamed) {
    rewrite(folder / "source", folder / "nan", [](Tensors& tensors) {
        const std::uint16_t nan = 0x7fc0;
        std::memcpy(tensors.at(expert(2, "w2")).bytes.data() + 2 * 96 * sizeof(nan), &nan, sizeof(nan));
    });
    EXPECT_THAT(messageOf([&] { convert(folder / "nan", folder / "out"); }),
                HasSubstr(expert(2, "w2") + ": row 2 has a weight that is not finite"));
    EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST(StagedFolder, AppearsWholeOrNotAtAll) {
    const TemporaryFolder folder;
    // What a killed process left.
    fs::create_directories(folder / "out.partial" / "deep");
    writeFileAtomically(folder / "out.partial" / "deep" / "old", "old");
    {
        StagedFolder staged(folder / "out" / "");
        EXPECT_TRUE(fs::is_empty(staged.path()));
        EXPECT_THAT(messageOf([&] { StagedFolder second(folder / "out"); }), HasSubstr("another process"));
        writeFileAtomically(staged.path() / "new", "new");
        staged.commit();
    }
    EXPECT_TRUE(fs::exists(folder / "out" / "new"));
    EXPECT_FALSE(fs::exists(folder / "out.partial"));
    EXPECT_THAT(messageOf([&] { StagedFolder again(folder / "out"); }), HasSubstr("must be a new or empty folder"));
    { StagedFolder abandoned(folder / "other"); }
    EXPECT_FALSE(fs::exists(folder / "other"));
    EXPECT_FALSE(fs::exists(folder / "other.partial"));
    fs::create_directories(folder / "empty");
    StagedFolder into_empty(folder / "empty");
    into_empty.commit();
    EXPECT_TRUE(fs::is_directory(folder / "empty"));
}

} // namespace
} // namespace fulgurite::test
