// SPDX-License-Identifier: Apache-2.0
// The model against itself: any split of the prompt, any spelling of the checkpoint, other shapes, saved and forked
// states, batches.
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fulgurite::test {
namespace {

// Agreement of two orders of summation, relative to the largest logit.
constexpr double kRelative = 1e-6;

struct Loaded {
    explicit Loaded(GoldenModel golden, const WriteOptions& options = {}) : golden(std::move(golden)) {
        writeCheckpoint(this->golden, folder.path(), options);
        model = HybridModel::load(folder.path());
    }
    TemporaryFolder folder;
    GoldenModel golden;
    std::shared_ptr<const HybridModel> model;
};

// The same greedy token wherever the best two logits are further apart than both rounding errors together.
void expectSameGreedyTokens(std::span<const float> a, std::span<const float> b, std::size_t vocab,
                            double near_tie) {
    for (std::size_t row = 0; row < a.size() / vocab; ++row) {
        const auto x = a.subspan(row * vocab, vocab);
        const auto y = b.subspan(row * vocab, vocab);
        std::vector<float> sorted(x.begin(), x.end());
        std::partial_sort(sorted.begin(), sorted.begin() + 2, sorted.end(), std::greater<>());
        if (sorted[0] - sorted[1] > near_tie) {
            EXPECT_EQ(argmax(x), argmax(y)) << "row " << row;
        }
    }
}

class Chunking : public testing::TestWithParam<char> {};

TEST_P(Chunking, AnySplitOfThePromptAgrees) {
    const Loaded loaded(goldenModel(GetParam()));
    const auto& prompt = loaded.golden.prompt;
    const ModelRun whole = runModel(*loaded.model, prompt, prompt.size());
    const double tolerance = kRelative * largestMagnitude(whole.logits);
    for (const std::size_t chunk : {1u, 7u, 255u, 256u, 257u, 300u}) {
        SCOPED_TRACE(testing::Message() << "chunks of " << chunk);
        const ModelRun parts = runModel(*loaded.model, prompt, chunk);
        EXPECT_LE(largestDifference(parts.logits, whole.logits), tolerance);
        expectSameGreedyTokens(parts.logits, whole.logits,
                               static_cast<std::size_t>(loaded.golden.config.vocab_size), 2 * tolerance);
        for (int layer = 0; layer < loaded.golden.config.layerCount(); ++layer) {
            if (loaded.golden.config.layers[static_cast<std::size_t>(layer)] == LayerKind::Lightning) {
                const auto state = whole.state.lightning(layer);
                EXPECT_LE(largestDifference(parts.state.lightning(layer), state), 2e-6 * largestMagnitude(state))
                    << layer;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Models, Chunking, testing::Values('A', 'B', 'C'));

TEST(ModelAgreement, ThreadsDoNotChangeABit) {
    const Loaded loaded(goldenModel('C'));
    const ModelRun one = runModel(*loaded.model, loaded.golden.prompt, 300, 1);
    for (const std::size_t threads : {2u, 3u, 5u}) {
        EXPECT_EQ(runModel(*loaded.model, loaded.golden.prompt, 300, threads).logits, one.logits);
    }
}

// kv, experts and layers of other shapes in the published spelling.
std::string shapeConfig(int heads, int kv, int head_dim, int rotary, int experts, int top_k, bool postnorm,
                        const std::string& layers, int layer_count) {
    return fmt::format(R"({{"architectures": ["MiniMaxM1ForCausalLM"], "hidden_size": 40, "num_hidden_layers": {},
        "attn_type_list": [{}], "num_attention_heads": {}, "num_key_value_heads": {}, "head_dim": {}, "rotary_dim": {},
        "rope_theta": 10000, "intermediate_size": 24, "num_local_experts": {}, "num_experts_per_tok": {}, "vocab_size": 50,
        "postnorm": {}, "layernorm_linear_attention_alpha": 1.5, "layernorm_full_attention_alpha": 1.25,
        "layernorm_mlp_alpha": 1.75, "layernorm_mlp_beta": 0.5}})",
                       layer_count, layers, heads, kv, head_dim, rotary, experts, top_k, postnorm);
}

TEST(ModelAgreement, OtherShapesMatchTheReference) {
    TokenIds prompt;
    for (int t = 0; t < 90; ++t) {
        prompt.push_back((11 * t * t + 5 * t + 3) % 50);
    }
    for (const std::string& config :
         {shapeConfig(1, 1, 8, 8, 1, 1, true, "0", 1), shapeConfig(5, 1, 8, 4, 4, 1, true, "1, 0, 1", 3),
          shapeConfig(7, 7, 6, 2, 6, 4, false, "0, 0", 2), shapeConfig(12, 4, 10, 10, 3, 3, true, "1, 1", 2),
          shapeConfig(3, 3, 16, 8, 8, 2, false, "0, 1, 1, 0, 0", 5),
          shapeConfig(40, 1, 4, 4, 5, 2, true, "1, 0", 2)}) {
        for (const DType dtype : {DType::F32, DType::BF16}) {
            SCOPED_TRACE(config);
            WriteOptions options;
            options.dtype = dtype;
            options.router_dtype = dtype;
            TemporaryFolder folder;
            const GoldenModel golden = modelOf(config, prompt);
            writeCheckpoint(golden, folder.path(), options);
            const ModelRun truth = runModel(*HybridModel::load(folder.path(), kernels::referenceOps()), prompt, 90);
            const ModelRun fast = runModel(*HybridModel::load(folder.path()), prompt, 37);
            // Two float32 runs of a few layers: each is within half of the golden tolerance of the exact result.
            EXPECT_LE(largestDifference(fast.logits, truth.logits), 5e-6);
        }
    }
}

std::string transformersConfigA() {
    return R"({"architectures": ["MiniMaxForCausalLM"], "model_type": "minimax", "hidden_size": 64,
        "num_hidden_layers": 4, "layer_types": ["linear_attention", "linear_attention", "linear_attention",
        "full_attention"], "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "block_size": 256,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000, "partial_rotary_factor": 0.5},
        "intermediate_size": 96, "num_local_experts": 4, "num_experts_per_tok": 2, "vocab_size": 128,
        "hidden_act": "silu", "rms_norm_eps": 1e-05, "bos_token_id": 1, "eos_token_id": [2],
        "full_attn_alpha_factor": 1.681792830507429, "full_attn_beta_factor": 1.0,
        "linear_attn_alpha_factor": 1.681792830507429, "linear_attn_beta_factor": 1.0,
        "mlp_alpha_factor": 1.681792830507429, "mlp_beta_factor": 1.0})";
}

TEST(ModelAgreement, EverySpellingGivesTheSameBits) {
    const Loaded published(goldenModel('A'));
    const auto expected = runModel(*published.model, published.golden.prompt, 12).logits;
    std::vector<WriteOptions> spellings(5);
    spellings[0].fused_experts = true;
    spellings[0].config_json = transformersConfigA();
    spellings[1].config_json = transformersConfigA();
    spellings[2].dtype = DType::BF16; // exact by construction of the weights
    spellings[2].router_dtype = DType::F32;
    spellings[3].shards = 3;
    spellings[4].shards = 5;
    spellings[4].first_shard = 0;
    spellings[4].dtype = DType::BF16;
    for (std::size_t i = 0; i < spellings.size(); ++i) {
        const Loaded other(goldenModel('A'), spellings[i]);
        EXPECT_EQ(runModel(*other.model, other.golden.prompt, 12).logits, expected) << "spelling " << i;
    }
}

TEST(ModelAgreement, ForkedAndRestoredStatesContinueBitIdentically) {
    const Loaded loaded(goldenModel('C'));
    const auto& prompt = loaded.golden.prompt;
    kernels::ThreadPool pool(2);
    Workspace workspace;
    const auto feed = [&](SequenceState& state, std::span<const TokenId> tokens) {
        std::vector<float> logits;
        SequenceChunk chunk{&state, tokens, LogitsWanted::All};
        loaded.model->forward({&chunk, 1}, pool, workspace, logits);
        return logits;
    };
    SequenceState original = loaded.model->newState();
    feed(original, std::span(prompt).first(300));
    SequenceState forked = original.fork();
    original.save(loaded.folder / "state.safetensors");
    SequenceState restored =
        SequenceState::restore(loaded.folder / "state.safetensors", StateShape::of(loaded.golden.config));
    // The fork goes another way first: nothing of that may reach the original.
    SequenceState astray = original.fork();
    feed(astray, std::span(prompt).first(77));

    const auto rest = std::span(prompt).subspan(300);
    const auto expected = feed(original, rest);
    EXPECT_EQ(feed(forked, rest), expected);
    EXPECT_EQ(feed(restored, rest), expected);
}

TEST(ModelAgreement, ABatchGivesEachSequenceItsOwnLogits) {
    const Loaded loaded(goldenModel('B'));
    const auto& prompt = loaded.golden.prompt;
    const std::size_t vocab = static_cast<std::size_t>(loaded.golden.config.vocab_size);
    kernels::ThreadPool pool(2);
    Workspace workspace;
    const std::vector<std::size_t> lengths{1, 40, 7, 23};
    std::vector<SequenceState> states;
    std::vector<SequenceChunk> batch;
    states.reserve(lengths.size());
    for (const std::size_t length : lengths) {
        states.push_back(loaded.model->newState());
        batch.push_back({&states.back(), std::span(prompt).first(length), LogitsWanted::Last});
    }
    std::vector<float> together;
    loaded.model->forward(batch, pool, workspace, together);
    ASSERT_EQ(together.size(), lengths.size() * vocab);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        const auto alone = runModel(*loaded.model, std::span(prompt).first(lengths[i]), lengths[i]).logits;
        const auto last = std::span(alone).last(vocab);
        EXPECT_LE(largestDifference(std::span(together).subspan(i * vocab, vocab), last),
                  kRelative * largestMagnitude(last));
    }
}

TEST(ModelAgreement, ATokenOutsideTheVocabularyTouchesNothing) {
    const Loaded loaded(goldenModel('A'));
    kernels::ThreadPool pool(1);
    Workspace workspace;
    SequenceState state = loaded.model->newState();
    for (const TokenId bad : {-1, 128, 2147483647}) {
        const TokenIds tokens{1, 2, bad};
        SequenceChunk chunk{&state, tokens, LogitsWanted::Last};
        std::vector<float> logits;
        EXPECT_THROW(loaded.model->forward({&chunk, 1}, pool, workspace, logits), std::exception);
        EXPECT_EQ(state.position(), 0u);
        EXPECT_EQ(state.kvBytes(), 0u);
    }
}

} // namespace
} // namespace fulgurite::test
