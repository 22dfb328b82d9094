// SPDX-License-Identifier: Apache-2.0
// Checkpoint folders and configurations that are wrong in every way a download or an editor can make them wrong.
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/random_checkpoint.h"
#include "core/model/hybrid_model.h"
#include "core/model/weights.h"
#include "tests/support/golden_models.h"

#include <cmath>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fulgurite {
namespace {

using test::goldenModel;
using test::TemporaryFolder;
using testing::HasSubstr;
using testing::Not;

template <class Action>
std::string messageOf(Action action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

std::string loadMessage(const std::filesystem::path& folder) {
    return messageOf([&] { HybridModel::load(folder); });
}

std::string configMessage(const nlohmann::json& change) {
    nlohmann::json config = nlohmann::json::parse(goldenModel('A').config_json);
    config.merge_patch(change);
    return messageOf([&] { ModelConfig::parse(config.dump(), "config.json"); });
}

TEST(Config, NamesTheFieldThatIsWrong) {
    EXPECT_THAT(configMessage({{"attn_type_list", {0, 0, 2, 1}}}), HasSubstr("attn_type_list[2] is 2"));
    EXPECT_THAT(configMessage({{"attn_type_list", {0, 0, 1}}}),
                HasSubstr("attn_type_list has 3 entries, num_hidden_layers is 4"));
    EXPECT_THAT(
        configMessage({{"attn_type_list", nullptr}, {"layer_types", {"linear_attention", "sliding", "x", "y"}}}),
        HasSubstr("layer_types[1] is \"sliding\""));
    EXPECT_THAT(configMessage({{"architectures", {"LlamaForCausalLM"}}}), HasSubstr("LlamaForCausalLM"));
    EXPECT_THAT(configMessage({{"hidden_act", "gelu"}}), HasSubstr("hidden_act"));
    EXPECT_THAT(configMessage({{"hidden_size", "64"}}), HasSubstr("hidden_size must be an integer"));
    EXPECT_THAT(configMessage({{"hidden_size", 0}}), HasSubstr("hidden_size is 0"));
    EXPECT_THAT(configMessage({{"num_key_value_heads", 3}}), HasSubstr("not a multiple"));
    EXPECT_THAT(configMessage({{"rotary_dim", 17}}), HasSubstr("rotary_dim is 17"));
    EXPECT_THAT(configMessage({{"rotary_dim", 7}}), HasSubstr("rotary_dim 7 is odd"));
    EXPECT_THAT(configMessage({{"num_experts_per_tok", 5}}), HasSubstr("exceeds num_local_experts"));
    EXPECT_THAT(configMessage({{"shared_intermediate_size", 64}}), HasSubstr("shared_intermediate_size"));
    EXPECT_THAT(configMessage({{"rope_theta", -1}}), HasSubstr("rope_theta"));
    EXPECT_THAT(configMessage({{"postnorm", 1}}), HasSubstr("postnorm must be true or false"));
    EXPECT_EQ(configMessage({{"shared_intermediate_size", {0}}, {"sliding_window", nullptr}}), "accepted");
}

TEST(Config, DefaultsOfEachSpelling) {
    const auto published = ModelConfig::parse(R"({"model_type": "minimax_text_01", "num_hidden_layers": 2})", "c");
    EXPECT_EQ(published.architecture, "MiniMaxText01ForCausalLM");
    EXPECT_FALSE(published.postnorm);
    EXPECT_EQ(published.layers, (std::vector{LayerKind::Softmax, LayerKind::Softmax}));
    EXPECT_EQ(published.rotary_dim, published.head_dim);
    const auto transformers = ModelConfig::parse(R"({"model_type": "minimax", "num_hidden_layers": 3})", "c");
    EXPECT_TRUE(transformers.postnorm);
    EXPECT_EQ(transformers.layers, (std::vector{LayerKind::Softmax, LayerKind::Lightning, LayerKind::Softmax}));
}

TEST(Config, PositionsThatAreScaledAreRefusedWhereTheyWouldCount) {
    const auto parse = [](const char* text) { return ModelConfig::parse(text, "config.json"); };
    for (const char* text : {R"({"model_type": "minimax", "rope_parameters": {"rope_type": "yarn", "factor": 4}})",
                             R"({"model_type": "minimax", "rope_scaling": {"type": "yarn", "factor": 4}})"}) {
        try {
            parse(text);
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::Unsupported);
            EXPECT_THAT(error.what(), HasSubstr("yarn"));
        }
    }
    EXPECT_EQ(parse(R"({"model_type": "minimax", "rope_parameters": {"rope_type": "default", "rope_theta": 5}})").rope_theta,
              5);
    EXPECT_NO_THROW(parse(R"({"model_type": "minimax", "rope_scaling": null})"));
    // The published code does not read the field.
    EXPECT_NO_THROW(parse(R"({"model_type": "minimax_text_01", "rope_scaling": {"type": "yarn"}})"));
    EXPECT_NO_THROW(parse(R"({"model_type": "minimax_text_01", "rope_scaling": "none"})"));
}

TEST(Config, CountsThePublishedModel) {
    std::string kinds;
    for (int layer = 0; layer < 80; ++layer) {
        kinds += layer % 8 == 7 ? "1," : "0,";
    }
    kinds.pop_back();
    const auto m1 = ModelConfig::parse(
        R"({"architectures": ["MiniMaxM1ForCausalLM"], "hidden_size": 6144, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128, "rotary_dim": 64, "intermediate_size": 9216,
        "num_local_experts": 32, "num_experts_per_tok": 2, "vocab_size": 200064, "attn_type_list": [)" +
            kinds + "]}",
        "m1");
    EXPECT_EQ(m1.parameterCount(), 456'089'655'296);
    const auto first = decayRates(m1, 0);
    const auto last = decayRates(m1, 78);
    EXPECT_NEAR(std::exp(-first[0]), 0.39971111, 1e-7);
    EXPECT_NEAR(std::exp(-last[63]), 0.99995052, 1e-7);
}

TEST(Config, DecayRatesOfOddHeadCounts) {
    auto config = goldenModel('B').config;
    config.num_heads = 12;
    const auto rates = decayRates(config, 0);
    const std::vector<float> expected{0.5f,       0.25f,       0.125f,      0.0625f,     0.03125f,   0.015625f,
                                      0.0078125f, 0.00390625f, 0.70710678f, 0.35355339f, 0.1767767f, 0.08838835f};
    ASSERT_EQ(rates.size(), expected.size());
    for (std::size_t i = 0; i < rates.size(); ++i) {
        EXPECT_NEAR(rates[i], expected[i] * 1.00001f, 1e-7f);
    }
    config.layers = {LayerKind::Lightning};
    EXPECT_NEAR(decayRates(config, 0)[0], 0.5f * 1.00001f, 1e-7f);
}

// Every step in float32, as the published code has it: for half of them one rounding gives another last bit.
TEST(Config, RotaryFrequenciesAreThePublishedOnes) {
    ModelConfig config;
    config.rope_theta = 1e7;
    config.rotary_dim = 64;
    const std::vector<float> frequencies = rotaryFrequencies(config);
    ASSERT_EQ(frequencies.size(), 32u);
    const std::pair<std::size_t, float> expected[] = {
        {0, 0x1p+0f}, {1, 0x1.356656p-1f}, {2, 0x1.75f036p-2f}, {3, 0x1.c3f06ap-3f}, {5, 0x1.4a12acp-4f},
        {7, 0x1.e222eep-6f}, {16, 0x1.4b96cp-12f}, {31, 0x1.635e88p-23f}};
    for (const auto& [i, frequency] : expected) {
        EXPECT_EQ(frequencies[i], frequency) << i;
    }
}

TEST(Checkpoint, ReportsMissingExtraAndMisshapedTensorsTogether) {
    const TemporaryFolder folder;
    const auto golden = goldenModel('A');
    test::WriteOptions options;
    nlohmann::json config = nlohmann::json::parse(golden.config_json);
    config["num_local_experts"] = 5;  // expert 4 is missing, the router has another shape
    config["intermediate_size"] = 95; // every expert matrix has another shape
    config["num_hidden_layers"] = 3;  // layer 3 is extra
    config["attn_type_list"] = {0, 0, 0};
    options.config_json = config.dump();
    writeCheckpoint(golden, folder.path(), options);
    const std::string message = loadMessage(folder.path());
    EXPECT_THAT(message,
                HasSubstr("model.layers.0.block_sparse_moe.gate.weight: shape [4, 64] found, [5, 64] expected"));
    EXPECT_THAT(message, HasSubstr("experts.0.w1.weight: shape [96, 64] found, [95, 64] expected"));
    EXPECT_THAT(message, HasSubstr("experts.4.w1.weight or"));
    EXPECT_THAT(message, HasSubstr("missing, shape [95, 64] expected"));
    EXPECT_THAT(message, HasSubstr("more"));

    config = nlohmann::json::parse(golden.config_json);
    config["num_hidden_layers"] = 3;
    config["attn_type_list"] = {0, 0, 0};
    writeFileAtomically(folder / "config.json", config.dump());
    EXPECT_THAT(loadMessage(folder.path()),
                HasSubstr("model.layers.3.self_attn.q_proj.weight: extra, shape [64, 64] found"));
}

TEST(Checkpoint, MissingAndTruncatedShardsAreNamed) {
    const TemporaryFolder folder;
    test::WriteOptions options;
    options.shards = 3;
    writeCheckpoint(goldenModel('A'), folder.path(), options);
    const auto shard = folder / "model-00002-of-00003.safetensors";
    const auto size = std::filesystem::file_size(shard);
    std::filesystem::resize_file(shard, size - 1);
    EXPECT_THAT(loadMessage(folder.path()),
                testing::AllOf(HasSubstr("model-00002-of-00003"), HasSubstr("truncated")));
    std::filesystem::remove(shard);
    EXPECT_THAT(loadMessage(folder.path()),
                testing::AllOf(HasSubstr("1 of 3 shards are missing"), HasSubstr("model-00002")));
}

// Whoever has to fetch files again must not learn of them one by one.
TEST(Checkpoint, ShardsAndTensorsAreReportedTogether) {
    for (const int first : {0, 1}) {
        for (const bool indexed : {true, false}) {
            SCOPED_TRACE(testing::Message() << "from " << first << (indexed ? ", indexed" : ""));
            const TemporaryFolder folder;
            const auto golden = goldenModel('A');
            test::WriteOptions options;
            options.shards = 5;
            options.first_shard = first;
            nlohmann::json config = nlohmann::json::parse(golden.config_json);
            config["intermediate_size"] = 95; // every expert matrix has another shape
            options.config_json = config.dump();
            writeCheckpoint(golden, folder.path(), options);
            const auto shard = [&](int number) {
                return folder / fmt::format("model-{:05}-of-00005.safetensors", first + number);
            };
            std::filesystem::copy_file(shard(1), folder / "model-00001-of-00002.safetensors");
            std::filesystem::remove(shard(1));
            std::filesystem::remove(shard(2));
            std::filesystem::resize_file(shard(3), std::filesystem::file_size(shard(3)) - 1);
            writeFileAtomically(folder / "notes.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
            if (!indexed) {
                std::filesystem::remove(folder / "model.safetensors.index.json");
                std::filesystem::remove(folder / "model-00001-of-00002.safetensors");
                std::filesystem::remove(folder / "notes.safetensors");
            }
            const std::string message = loadMessage(folder.path());
            EXPECT_THAT(message, HasSubstr("2 of 5 shards are missing: " + shard(1).filename().string() + ", " +
                                           shard(2).filename().string()));
            EXPECT_THAT(message, HasSubstr(shard(3).string()));
            EXPECT_THAT(message, HasSubstr("truncated"));
            EXPECT_THAT(message, HasSubstr(".w1.weight: shape [96, 64] found, [95, 64] expected"));
            EXPECT_THAT(message, Not(HasSubstr("weight: missing"))) << "it may be in a shard that is not there";
            EXPECT_THAT(message, HasSubstr("tensors of shards that are missing or damaged"));
            EXPECT_THAT(message, Not(HasSubstr("notes.safetensors")));
            if (indexed) {
                EXPECT_THAT(message, HasSubstr("1 extra shard(s)"));
                EXPECT_THAT(message, HasSubstr("model-00001-of-00002.safetensors"));
            }
        }
    }
}

TEST(Checkpoint, FoldersThatAreNoCheckpoint) {
    const TemporaryFolder folder;
    EXPECT_THAT(loadMessage(folder / "nowhere"), HasSubstr("nowhere"));
    writeFileAtomically(folder / "config.json", goldenModel('A').config_json);
    EXPECT_THAT(loadMessage(folder.path()), HasSubstr("no .safetensors files"));
    writeFileAtomically(folder / "model.safetensors.index.json",
                        R"({"weight_map": {"a": "../other/x.safetensors"}})");
    EXPECT_THAT(loadMessage(folder.path()), HasSubstr("not the name of a file in this folder"));
    writeFileAtomically(folder / "model.safetensors.index.json", "{");
    EXPECT_THAT(loadMessage(folder.path()), HasSubstr("not valid JSON"));
}

TEST(Checkpoint, ATensorInTwoShardsIsRefused) {
    const TemporaryFolder folder;
    writeCheckpoint(goldenModel('A'), folder.path());
    std::filesystem::rename(folder / "model.safetensors", folder / "one.safetensors");
    std::filesystem::copy_file(folder / "one.safetensors", folder / "two.safetensors");
    EXPECT_THAT(loadMessage(folder.path()), HasSubstr("is in one.safetensors and in two.safetensors"));
}

TEST(RandomCheckpoint, LoadsAndRunsInBothTypes) {
    for (const DType dtype : {DType::BF16, DType::F32}) {
        const TemporaryFolder folder;
        const auto golden = goldenModel('B');
        RandomCheckpointOptions options;
        options.dtype = dtype;
        options.max_shard_bytes = 100'000;
        writeRandomCheckpoint(golden.config_json, golden.config, folder / "random", options);
        EXPECT_TRUE(std::filesystem::exists(folder / "random" / "model.safetensors.index.json"));
        const auto model = HybridModel::load(folder / "random");
        kernels::ThreadPool pool(1);
        Workspace workspace;
        SequenceState state = model->newState();
        std::vector<float> logits;
        SequenceChunk chunk{&state, golden.prompt, LogitsWanted::Last};
        model->forward({&chunk, 1}, pool, workspace, logits);
        for (const float logit : logits) {
            ASSERT_TRUE(std::isfinite(logit));
        }
        EXPECT_THAT(messageOf([&] {
                        writeRandomCheckpoint(golden.config_json, golden.config, folder / "random", options);
                    }),
                    HasSubstr("new or empty"));
    }
}

TEST(RandomCheckpoint, CanBeStopped) {
    const TemporaryFolder folder;
    const auto golden = goldenModel('A');
    RandomCheckpointOptions options;
    options.progress = [](std::uint64_t, std::uint64_t) { return false; };
    EXPECT_THAT(messageOf([&] { writeRandomCheckpoint(golden.config_json, golden.config, folder / "r", options); }),
                HasSubstr("stopped after"));
    EXPECT_FALSE(std::filesystem::exists(folder / "r" / "config.json"));
}

} // namespace
} // namespace fulgurite
