// SPDX-License-Identifier: Apache-2.0
// States of a model that is split over processes, kept in a file and taken up again: the file is that of one
// process, whoever wrote it, and any number of processes may go on from it. The ranks are threads here, each with a
// model and a connection of its own, as processes have them.
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/model/process_ranks.h"
#include "core/model/shard.h"
#include "core/model/weights.h"
#include "tests/support/free_port.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace fulgurite::test {
namespace {

// Two key heads, so that two of four ranks have the same one; two pages of keys and values.
GoldenModel twoKeyHeads() {
    TokenIds prompt(100);
    for (std::size_t t = 0; t < prompt.size(); ++t) {
        prompt[t] = static_cast<TokenId>((7 * t * t + 3 * t + 5) % 96);
    }
    return modelOf(
        R"({"architectures": ["MiniMaxM1ForCausalLM"], "model_type": "minimax_m1", "attn_type_list": [0, 1, 0],
        "hidden_act": "silu", "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 12, "rotary_dim": 6, "rope_theta": 10000000, "num_hidden_layers": 3,
        "num_local_experts": 4, "num_experts_per_tok": 2, "vocab_size": 96, "rms_norm_eps": 1e-5, "postnorm": true,
        "layernorm_full_attention_alpha": 1.5, "layernorm_full_attention_beta": 1,
        "layernorm_linear_attention_alpha": 1.5, "layernorm_linear_attention_beta": 1,
        "layernorm_mlp_alpha": 1.5, "layernorm_mlp_beta": 1, "shared_intermediate_size": 0,
        "max_position_embeddings": 4096, "tie_word_embeddings": false})",
        prompt);
}

class SplitStates : public testing::Test {
  protected:
    SplitStates() { writeCheckpoint(golden_, folder_ / "model"); }

    // Rank 0 of `ranks` does `work` with the model, the others follow.
    void onRanks(int ranks, const std::function<void(const HybridModel&)>& work) {
        const std::uint16_t port = freePort();
        const ShardPlan plan{ranks, ExpertSplit::Width};
        std::vector<std::jthread> threads;
        for (int rank = 0; rank < ranks; ++rank) {
            threads.emplace_back([&, rank] {
                const auto group = std::make_shared<kernels::ProcessGroup>(
                    kernels::Launch{"a test", rank, ranks, rank, "127.0.0.1", port},
                    kernels::RankIdentity{"1", "a model", plan.text()}, std::chrono::seconds(60));
                auto leader = rank == 0 ? std::make_shared<RankLeader>(group) : nullptr;
                const auto model = std::make_shared<HybridModel>(loadWeights(folder_ / "model"),
                                                                 kernels::bestCpuOps(), plan, group, leader);
                if (rank == 0) {
                    leader.reset(); // lives with the model and its states
                    work(*model);
                } else {
                    kernels::ThreadPool pool(1);
                    followRanks(*model, *group, pool);
                }
            });
        }
    }

    static std::vector<float> feed(const HybridModel& model, SequenceState& state,
                                   std::span<const TokenId> tokens) {
        kernels::ThreadPool pool(1);
        Workspace workspace;
        std::vector<float> logits;
        SequenceChunk chunk{&state, tokens, LogitsWanted::All};
        model.forward({&chunk, 1}, pool, workspace, logits);
        return logits;
    }
    std::span<const TokenId> beginning() const { return std::span(golden_.prompt).first(90); }
    std::span<const TokenId> rest() const { return std::span(golden_.prompt).subspan(90); }
    std::string bytesOf(const std::string& name) const { return readTextFile(folder_ / name); }

    GoldenModel golden_ = twoKeyHeads();
    TemporaryFolder folder_;
};

TEST_F(SplitStates, AFileOfOneProcessIsTakenUpAndWrittenAgainByAnyNumber) {
    const auto one = HybridModel::load(folder_ / "model");
    SequenceState state = one->newState();
    feed(*one, state, beginning());
    state.save(folder_ / "one");
    const std::vector<float> expected = feed(*one, state, rest());
    for (const int ranks : {2, 4}) {
        SCOPED_TRACE(ranks);
        onRanks(ranks, [&](const HybridModel& model) {
            SequenceState restored = SequenceState::restore(folder_ / "one", model.stateShape());
            EXPECT_EQ(restored.position(), beginning().size());
            restored.fork().save(folder_ / "again");
            EXPECT_TRUE(bytesOf("one") == bytesOf("again")) << "every head is where it was";
            EXPECT_LE(largestDifference(feed(model, restored, rest()), expected), 1e-5);
        });
    }
}

TEST_F(SplitStates, WhatRanksWriteGoesOnToTheSameBitsThereAndToTheSameAnswerInOne) {
    const auto one = HybridModel::load(folder_ / "model");
    for (const int ranks : {2, 4}) {
        SCOPED_TRACE(ranks);
        std::vector<float> expected;
        onRanks(ranks, [&](const HybridModel& model) {
            SequenceState state = model.newState();
            feed(model, state, beginning());
            state.save(folder_ / "many");
            expected = feed(model, state, rest());
            SequenceState restored = SequenceState::restore(folder_ / "many", model.stateShape());
            EXPECT_EQ(feed(model, restored, rest()), expected);
        });
        SequenceState restored = SequenceState::restore(folder_ / "many", one->stateShape());
        EXPECT_LE(largestDifference(feed(*one, restored, rest()), expected), 1e-5);
    }
}

TEST_F(SplitStates, SkippedTokensAreSkippedOnEveryRank) {
    const auto one = HybridModel::load(folder_ / "model");
    SequenceState state = one->newState();
    state.skipTo(70);
    const std::vector<float> expected = feed(*one, state, rest());
    onRanks(4, [&](const HybridModel& model) {
        SequenceState split = model.newState();
        split.skipTo(70);
        EXPECT_LE(largestDifference(feed(model, split, rest()), expected), 1e-5);
    });
}

TEST_F(SplitStates, AFileOfAnotherModelIsRefusedOnRankZeroAloneAndWorkGoesOn) {
    onRanks(2, [&](const HybridModel& model) {
        StateShape other = model.stateShape();
        other.mirror = nullptr;
        other.all_heads = 0;
        other.all_kv_heads = 0;
        SequenceState(other).save(folder_ / "half"); // half of the heads
        EXPECT_THROW(SequenceState::restore(folder_ / "half", model.stateShape()), Error);
        SequenceState state = model.newState();
        EXPECT_EQ(feed(model, state, rest()).size(), rest().size() * 96);
    });
}

} // namespace
} // namespace fulgurite::test
