// SPDX-License-Identifier: Apache-2.0
// The engine over the real forward pass: states that go on from a fork or a file, sequences alone and in company,
// answers that start from snapshots.
#include "core/generate/engine.h"
#include "tests/support/collecting_listener.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"
#include "tests/unit/test_paths.h"

#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace fulgurite::test {
namespace {

// The real pattern of layers, small; logits of magnitude 1, so that draws at temperature 1 go everywhere.
constexpr const char* kConfig = R"({"architectures": ["MiniMaxM1ForCausalLM"], "model_type": "minimax_m1",
  "hidden_size": 64, "num_hidden_layers": 8, "attn_type_list": [0, 0, 0, 1, 0, 0, 0, 1], "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 16, "rotary_dim": 8, "rope_theta": 10000, "intermediate_size": 48,
  "num_local_experts": 8, "num_experts_per_tok": 2, "vocab_size": 424, "postnorm": true, "hidden_act": "silu",
  "rms_norm_eps": 1e-05, "shared_intermediate_size": 0, "tie_word_embeddings": false,
  "max_position_embeddings": 20000,
  "layernorm_full_attention_alpha": 2.0, "layernorm_full_attention_beta": 1.0,
  "layernorm_linear_attention_alpha": 2.0, "layernorm_linear_attention_beta": 1.0,
  "layernorm_mlp_alpha": 2.0, "layernorm_mlp_beta": 1.0})";

TokenIds randomTokens(std::size_t count, std::uint32_t seed) {
    std::mt19937 random(seed);
    TokenIds tokens(count);
    for (TokenId& token : tokens) {
        token = static_cast<TokenId>(random() % 256); // plain bytes
    }
    return tokens;
}

class EngineTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        writeCheckpoint(modelOf(kConfig, {1}), *folder_ / "model");
        model_ = HybridModel::load(*folder_ / "model");
    }
    static void TearDownTestSuite() {
        model_.reset();
        folder_.reset();
    }

    static std::unique_ptr<Engine> start(EngineOptions options = {}) {
        options.threads = 2;
        options.memory_bytes = std::size_t{256} << 20;
        return std::make_unique<Engine>(model_, Tokenizer::load(sourceDir() / "tests/data/tokenizer_small"),
                                        options);
    }

    static GenerateRequest seeded(TokenIds prompt, std::uint64_t seed, int tokens) {
        GenerateRequest request;
        request.prompt = std::move(prompt);
        request.sampler.seed = seed;
        request.sampler.top_p = 0.95f;
        request.stop.max_tokens = tokens;
        request.stop.ignore_eos = true;
        return request;
    }

    static std::shared_ptr<CollectingListener> run(Engine& engine, const GenerateRequest& request) {
        auto listener = std::make_shared<CollectingListener>();
        engine.submit(request, listener);
        EXPECT_TRUE(listener->wait());
        EXPECT_FALSE(listener->error);
        return listener;
    }

    static std::vector<float> step(SequenceState& state, std::span<const TokenId> tokens, std::size_t chunk) {
        kernels::ThreadPool pool(2);
        Workspace workspace;
        std::vector<float> logits;
        for (std::size_t begin = 0; begin < tokens.size(); begin += chunk) {
            SequenceChunk part{&state, tokens.subspan(begin, std::min(chunk, tokens.size() - begin)),
                               LogitsWanted::All};
            model_->forward({&part, 1}, pool, workspace, logits);
        }
        return logits;
    }

    // The same tokens, with log-probabilities as close as the contract asks: 1e-6 relative.
    static void expectSame(const CollectingListener& a, const CollectingListener& b) {
        ASSERT_EQ(a.ids(), b.ids());
        for (std::size_t i = 0; i < a.tokens.size(); ++i) {
            const double scale = std::max(1.0, std::abs(static_cast<double>(a.tokens[i].logprob)));
            ASSERT_NEAR(a.tokens[i].logprob, b.tokens[i].logprob, 1e-6 * scale) << i;
        }
    }

    static std::unique_ptr<TemporaryFolder> folder_;
    static std::shared_ptr<const HybridModel> model_;
};

std::unique_ptr<TemporaryFolder> EngineTest::folder_;
std::shared_ptr<const HybridModel> EngineTest::model_;

TEST_F(EngineTest, ForkedAndRestoredStatesGoOnBitForBit) {
    for (const std::size_t prefix : {1u, 64u, 130u}) {
        const TokenIds tokens = randomTokens(prefix + 70, 1);
        SequenceState whole = model_->newState();
        step(whole, std::span(tokens).first(prefix), 100);
        SequenceState fork = whole.fork();
        whole.save(*folder_ / "state");
        SequenceState restored = SequenceState::restore(*folder_ / "state", StateShape::of(model_->config()));
        for (const std::size_t chunk : {1u, 30u}) {
            SequenceState again = whole.fork();
            const auto rest = std::span(tokens).subspan(prefix);
            const std::vector<float> expected = step(again, rest, chunk);
            SequenceState from_fork = fork.fork();
            SequenceState from_file = restored.fork();
            EXPECT_EQ(step(from_fork, rest, chunk), expected);
            EXPECT_EQ(step(from_file, rest, chunk), expected);
            EXPECT_TRUE(std::ranges::equal(from_fork.lightning(0), again.lightning(0)));
        }
        EXPECT_EQ(step(whole, std::span(tokens).subspan(prefix), 7),
                  step(fork, std::span(tokens).subspan(prefix), 7));
    }
}

TEST_F(EngineTest, CompanyChangesNothing) {
    std::vector<GenerateRequest> requests;
    for (std::uint32_t i = 0; i < 6; ++i) {
        requests.push_back(seeded(randomTokens(3 + 130 * i, i), 100 + i, 60));
    }
    std::vector<std::shared_ptr<CollectingListener>> alone;
    for (const GenerateRequest& request : requests) {
        alone.push_back(run(*start(), request));
    }
    const auto engine = start();
    std::vector<std::shared_ptr<CollectingListener>> together;
    for (const GenerateRequest& request : requests) {
        together.push_back(std::make_shared<CollectingListener>());
        engine->submit(request, together.back());
    }
    for (std::size_t i = 0; i < requests.size(); ++i) {
        ASSERT_TRUE(together[i]->wait());
        expectSame(*alone[i], *together[i]);
    }
    EXPECT_NE(alone[0]->ids(), alone[1]->ids());
}

TEST_F(EngineTest, SnapshotsChangeNothing) {
    const auto engine = start();
    const GenerateRequest request = seeded(randomTokens(500, 7), 42, 200);
    const auto first = run(*engine, request);
    EXPECT_EQ(first->summary.reused_tokens, 0u);
    const auto again = run(*engine, request);
    EXPECT_EQ(again->summary.reused_tokens, 499u);
    expectSame(*first, *again);
    // From the middle of the answer: draws depend on seed and position, so it goes on as it did before.
    const TokenIds answer = first->ids();
    for (const std::size_t kept : {1u, 77u, 150u}) {
        GenerateRequest middle = request;
        middle.prompt.insert(middle.prompt.end(), answer.begin(),
                             answer.begin() + static_cast<std::ptrdiff_t>(kept));
        middle.stop.max_tokens = static_cast<int>(200 - kept);
        const auto rest = run(*engine, middle);
        EXPECT_GE(rest->summary.reused_tokens + 64, middle.prompt.size());
        EXPECT_TRUE(
            std::equal(answer.begin() + static_cast<std::ptrdiff_t>(kept), answer.end(), rest->ids().begin()));
    }
    // An edited last message.
    GenerateRequest edited = request;
    edited.prompt.resize(460);
    const TokenIds words = randomTokens(40, 8);
    edited.prompt.insert(edited.prompt.end(), words.begin(), words.end());
    const auto fresh = run(*start(), edited);
    const auto reusing = run(*engine, edited);
    EXPECT_GE(reusing->summary.reused_tokens, 256u);
    expectSame(*fresh, *reusing);
}

// What an intervention has touched never reaches anybody else, and what lies before it is shared as ever.
TEST_F(EngineTest, InterventionsShareOnlyWhatLiesBeforeThem) {
    const GenerateRequest plain = seeded(randomTokens(500, 7), 42, 60);
    GenerateRequest ablated = plain;
    ablated.intervention.layers = {{2, BlockPart::Both}};
    ablated.intervention.from = 301;
    const auto plain_alone = run(*start(), plain);
    const auto ablated_alone = run(*start(), ablated);
    EXPECT_NE(plain_alone->ids(), ablated_alone->ids());
    EXPECT_EQ(ablated_alone->summary.reused_tokens, 0u);

    const auto engine = start();
    expectSame(*ablated_alone, *run(*engine, ablated));
    const auto after = run(*engine, plain); // its prompt was seen, but not as this one would have it
    EXPECT_EQ(after->summary.reused_tokens, 301u);
    expectSame(*plain_alone, *after);
    const auto again = run(*engine, ablated);
    EXPECT_EQ(again->summary.reused_tokens, 301u);
    expectSame(*ablated_alone, *again);
    EXPECT_EQ(run(*engine, plain)->summary.reused_tokens, 499u);
}

TEST_F(EngineTest, AnInterventionThatNamesNothingIsNone) {
    const auto engine = start();
    GenerateRequest request = seeded(randomTokens(200, 3), 4, 30);
    const auto first = run(*engine, request);
    request.intervention.from = 20;
    const auto second = run(*engine, request);
    EXPECT_EQ(second->summary.reused_tokens, 199u);
    expectSame(*first, *second);
    request.intervention.heads = {{0, 99, 0.0f}};
    EXPECT_THROW(engine->submit(request, nullptr), Error);
}

TEST_F(EngineTest, ScoringAgreesWithTheForwardPass) {
    const TokenIds prompt = randomTokens(300, 9);
    GenerateRequest request = seeded(prompt, 1, 1);
    request.echo_logprobs = true;
    const auto engine = start();
    const auto scored = run(*engine, request);
    SequenceState state = model_->newState();
    const std::vector<float> logits = step(state, prompt, 300);
    ASSERT_EQ(scored->prompt.size(), prompt.size());
    const std::size_t vocab = 424;
    for (std::size_t i = 1; i < prompt.size(); ++i) {
        const std::span<const float> row(&logits[(i - 1) * vocab], vocab);
        double sum = 0;
        for (const float logit : row) {
            sum += std::exp(static_cast<double>(logit));
        }
        const double expected = static_cast<double>(row[static_cast<std::size_t>(prompt[i])]) - std::log(sum);
        ASSERT_EQ(scored->prompt[i].id, prompt[i]);
        ASSERT_NEAR(scored->prompt[i].logprob, expected, 5e-6);
    }
}

TEST_F(EngineTest, ManyComeAndGo) {
    EngineOptions options;
    options.snapshot_bytes = std::size_t{4} << 20;
    options.snapshot_interval = 8;
    options.max_batch = 6;
    const auto engine = start(options);
    std::vector<std::jthread> clients;
    for (std::uint32_t client = 0; client < 3; ++client) {
        clients.emplace_back([&engine, client] {
            std::mt19937 random(client);
            for (int round = 0; round < 8; ++round) {
                auto listener = std::make_shared<CollectingListener>();
                const auto id =
                    engine->submit(seeded(randomTokens(1 + random() % 200, random() % 3), random(), 30), listener);
                if (random() % 3 == 0) {
                    listener->waitForTokens(random() % 10);
                    engine->cancel(id);
                }
                EXPECT_TRUE(listener->wait());
                EXPECT_FALSE(listener->error);
            }
        });
    }
    clients.clear();
    EXPECT_LE(engine->status().snapshot_bytes, *options.snapshot_bytes);
}

} // namespace
} // namespace fulgurite::test
