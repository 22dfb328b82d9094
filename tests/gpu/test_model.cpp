// SPDX-License-Identifier: Apache-2.0
// Whole models on a device: the published parity models, and one with the head size that the tensor cores are used
// for.
#include "core/base/error.h"
#include "core/model/hybrid_model.h"
#include "core/model/shard.h"
#include "kernels/device_library.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace fulgurite::test {
namespace {

// The reference on the processor, the device, and both on the same checkpoint.
struct Pair {
    explicit Pair(const GoldenModel& golden, DType dtype = DType::F32) : golden(golden) {
        WriteOptions options;
        options.dtype = dtype;
        writeCheckpoint(golden, folder / "model", options);
        host = HybridModel::load(folder / "model", kernels::referenceOps());
        device =
            HybridModel::load(folder / "model", kernels::referenceOps(), ShardPlan{}, kernels::openCudaDevice(0));
    }
    GoldenModel golden;
    TemporaryFolder folder;
    std::shared_ptr<const HybridModel> host;
    std::shared_ptr<const HybridModel> device;
};

// The head size of the published models, small in all else; softmax behind two lightning layers.
GoldenModel wideHeads() {
    TokenIds prompt(100);
    for (std::size_t t = 0; t < prompt.size(); ++t) {
        prompt[t] = static_cast<TokenId>((7 * t * t + 3 * t + 5) % 96);
    }
    return modelOf(
        R"({"architectures": ["MiniMaxM1ForCausalLM"], "model_type": "minimax_m1", "attn_type_list": [0, 0, 1],
        "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 128, "rotary_dim": 64, "rope_theta": 10000000, "num_hidden_layers": 3,
        "num_local_experts": 4, "num_experts_per_tok": 2, "vocab_size": 96, "rms_norm_eps": 1e-5, "postnorm": true,
        "layernorm_full_attention_alpha": 1.5650845800732873, "layernorm_full_attention_beta": 1,
        "layernorm_linear_attention_alpha": 1.5650845800732873, "layernorm_linear_attention_beta": 1,
        "layernorm_mlp_alpha": 1.5650845800732873, "layernorm_mlp_beta": 1, "shared_intermediate_size": 0,
        "max_position_embeddings": 4096, "tie_word_embeddings": false})",
        prompt);
}

class DeviceModel : public testing::TestWithParam<char> {};

// The published tolerance of float32 arithmetic: 5e-6 on logits.
TEST_P(DeviceModel, Float32GivesThePublishedLogitsInAnyChunks) {
    const Pair pair(goldenModel(GetParam()));
    const auto expected = runModel(*pair.host, pair.golden.prompt, pair.golden.prompt.size());
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, pair.golden.prompt.size()}) {
        if (chunk < 10 && pair.golden.prompt.size() > 100) {
            continue; // the same code as for the shorter prompts
        }
        const auto found = runModel(*pair.device, pair.golden.prompt, chunk);
        SCOPED_TRACE(chunk);
        EXPECT_LE(largestDifference(found.logits, expected.logits), 5e-6);
        EXPECT_EQ(found.seen.experts, expected.seen.experts);
        for (std::size_t layer = 0; layer < expected.seen.hidden.size(); ++layer) {
            EXPECT_LE(largestDifference(found.seen.hidden[layer], expected.seen.hidden[layer]),
                      5e-6 * std::max(1.0, largestMagnitude(expected.seen.hidden[layer])))
                << layer;
        }
        for (int layer = 0; layer < pair.golden.config.layerCount(); ++layer) {
            if (pair.golden.config.layers[static_cast<std::size_t>(layer)] == LayerKind::Lightning) {
                const auto state = expected.state.lightningValues(layer);
                EXPECT_LE(largestDifference(found.state.lightningValues(layer), state),
                          5e-6 * largestMagnitude(state));
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Published, DeviceModel, testing::Values('A', 'B', 'C'));

// The published error of bfloat16 arithmetic: at most 0.03 on logits, the same best token for 98 of 100.
TEST(DeviceModelBf16, StaysWithinThePublishedError) {
    const Pair pair(wideHeads(), DType::BF16);
    const auto expected = runModel(*pair.host, pair.golden.prompt, pair.golden.prompt.size());
    const std::size_t vocab = static_cast<std::size_t>(pair.golden.config.vocab_size);
    for (const std::size_t chunk : {pair.golden.prompt.size(), std::size_t{64}, std::size_t{9}}) {
        const auto found = runModel(*pair.device, pair.golden.prompt, chunk);
        EXPECT_LE(largestDifference(found.logits, expected.logits), 0.03) << chunk;
        std::size_t same = 0;
        for (std::size_t t = 0; t < pair.golden.prompt.size(); ++t) {
            same += argmax(std::span(found.logits).subspan(t * vocab, vocab)) ==
                            argmax(std::span(expected.logits).subspan(t * vocab, vocab))
                        ? 1
                        : 0;
        }
        EXPECT_GE(same * 100, 98 * pair.golden.prompt.size()) << chunk;
    }
}

std::vector<float> feed(const HybridModel& model, SequenceState& state, std::span<const TokenId> tokens,
                        Workspace& workspace, kernels::ThreadPool& pool) {
    std::vector<float> logits;
    SequenceChunk chunk{&state, tokens, LogitsWanted::Last};
    model.forward({&chunk, 1}, pool, workspace, logits);
    return logits;
}

TEST(DeviceModelStates, ForksAndSavedStatesGoOnToTheSameBits) {
    const Pair pair(goldenModel('A'));
    kernels::ThreadPool pool(1);
    Workspace workspace;
    const std::span<const TokenId> prompt(pair.golden.prompt);
    SequenceState state = pair.device->newState();
    feed(*pair.device, state, prompt.first(8), workspace, pool);
    SequenceState fork = state.fork();
    state.save(pair.folder / "state.safetensors");
    SequenceState restored = SequenceState::restore(pair.folder / "state.safetensors", pair.device->stateShape());
    const auto expected = feed(*pair.device, state, prompt.subspan(8, 1), workspace, pool);
    EXPECT_EQ(feed(*pair.device, fork, prompt.subspan(8, 1), workspace, pool), expected);
    EXPECT_EQ(feed(*pair.device, restored, prompt.subspan(8, 1), workspace, pool), expected);
}

// Two sequences decode in turn through the same replayed steps, and as one batch.
TEST(DeviceModelStates, ReplayedStepsKeepSequencesApart) {
    const Pair pair(goldenModel('B'));
    kernels::ThreadPool pool(1);
    Workspace workspace;
    const std::span<const TokenId> prompt(pair.golden.prompt);
    std::vector<std::vector<float>> expected;
    for (const std::size_t shift : {0u, 3u}) {
        SequenceState state = pair.host->newState();
        Workspace of_host;
        feed(*pair.host, state, prompt.subspan(shift, 20), of_host, pool);
        std::vector<float> all;
        for (std::size_t t = 20 + shift; t < 26 + shift; ++t) {
            const auto logits = feed(*pair.host, state, prompt.subspan(t, 1), of_host, pool);
            all.insert(all.end(), logits.begin(), logits.end());
        }
        expected.push_back(all);
    }
    for (const bool together : {false, true}) {
        SequenceState one = pair.device->newState();
        SequenceState two = pair.device->newState();
        feed(*pair.device, one, prompt.subspan(0, 20), workspace, pool);
        feed(*pair.device, two, prompt.subspan(3, 20), workspace, pool);
        std::vector<float> of_one;
        std::vector<float> of_two;
        for (std::size_t t = 20; t < 26; ++t) {
            if (together) {
                std::vector<float> logits;
                SequenceChunk chunks[] = {{&one, prompt.subspan(t, 1), LogitsWanted::Last},
                                          {&two, prompt.subspan(t + 3, 1), LogitsWanted::Last}};
                pair.device->forward(chunks, pool, workspace, logits);
                const auto half = static_cast<std::ptrdiff_t>(logits.size() / 2);
                of_one.insert(of_one.end(), logits.begin(), logits.begin() + half);
                of_two.insert(of_two.end(), logits.begin() + half, logits.end());
            } else {
                const auto first = feed(*pair.device, one, prompt.subspan(t, 1), workspace, pool);
                const auto second = feed(*pair.device, two, prompt.subspan(t + 3, 1), workspace, pool);
                of_one.insert(of_one.end(), first.begin(), first.end());
                of_two.insert(of_two.end(), second.begin(), second.end());
            }
        }
        EXPECT_LE(largestDifference(of_one, expected[0]), 5e-6) << together;
        EXPECT_LE(largestDifference(of_two, expected[1]), 5e-6) << together;
    }
}

TEST(DeviceModelInterventions, DoWhatTheyDoOnTheProcessor) {
    const Pair pair(goldenModel('A'));
    Intervention intervention;
    intervention.heads.push_back({0, 1, 0.0f});
    intervention.heads.push_back({3, 0, 2.5f});
    intervention.experts.push_back({1, 3});
    intervention.layers.push_back({2, BlockPart::Experts});
    intervention.from = 4;
    const auto expected = runModel(*pair.host, pair.golden.prompt, 5, 1, &intervention);
    const auto found = runModel(*pair.device, pair.golden.prompt, 5, 1, &intervention);
    EXPECT_LE(largestDifference(found.logits, expected.logits), 1e-5);
    EXPECT_EQ(found.seen.experts, expected.seen.experts);
}

TEST(DeviceModelMemory, RunsOutWithAnErrorAndGoesOn) {
    const Pair pair(goldenModel('A'));
    const std::size_t all = pair.device->device()->info().memory_bytes;
    kernels::ThreadPool pool(1);
    Workspace workspace;
    try {
        SequenceState state = pair.device->newState();
        state.reserve(all / pair.device->stateShape().kvBytesPerToken() + 1000);
        FAIL() << "keys and values for more tokens than the device has memory";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::OutOfMemory);
        EXPECT_THAT(error.what(), testing::HasSubstr("keys and values"));
    }
    SequenceState other = pair.device->newState();
    EXPECT_FALSE(
        feed(*pair.device, other, std::span<const TokenId>(pair.golden.prompt).first(3), workspace, pool).empty());
}

} // namespace
} // namespace fulgurite::test
