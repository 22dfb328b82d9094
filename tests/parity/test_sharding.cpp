// SPDX-License-Identifier: Apache-2.0
// A model split over ranks against the same model on one: the same sums in another order, and the same tokens.
#include "core/base/error.h"
#include "core/checkpoint/int8_checkpoint.h"
#include "core/model/shard.h"
#include "core/model/weights.h"
#include "kernels/comm/local_group.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"
#include "tests/support/tolerance.h"

#include <gmock/gmock.h>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

std::shared_ptr<const HybridModel> split(const std::filesystem::path& folder, const ShardPlan& plan) {
    return std::make_shared<const HybridModel>(loadWeights(folder), kernels::bestCpuOps(), plan);
}

// Rounding of the logits: each layer's two blocks and the head are sums of at most `longest` products, which ranks
// add up in another order; norms keep what one layer hands to the next at the same scale.
double logitTolerance(const ModelConfig& config, const ShardPlan& plan, double magnitude) {
    const int longest =
        std::max({config.hidden_size, config.num_heads * config.head_dim, config.intermediate_size * config.top_k});
    const auto terms = static_cast<std::size_t>(longest + plan.ranks);
    return (2.0 * config.layerCount() + 1) * sumTolerance(terms, magnitude);
}

TokenIds greedy(const HybridModel& model, std::span<const TokenId> prompt, std::size_t count) {
    kernels::ThreadPool pool(2);
    Workspace workspace;
    SequenceState state = model.newState();
    TokenIds tokens(prompt.begin(), prompt.end());
    std::size_t fed = 0;
    while (tokens.size() < prompt.size() + count) {
        std::vector<float> logits;
        SequenceChunk chunk{&state, std::span(tokens).subspan(fed), LogitsWanted::Last};
        fed = tokens.size();
        model.forward({&chunk, 1}, pool, workspace, logits);
        tokens.push_back(static_cast<TokenId>(argmax(logits)));
    }
    return tokens;
}

void expectSameRun(const ModelRun& found, const ModelRun& expected, const ModelConfig& config, double tolerance) {
    EXPECT_LE(largestDifference(found.logits, expected.logits), tolerance);
    for (std::size_t i = 0; i < expected.seen.hidden.size(); ++i) {
        const double scale = std::max(1.0, largestMagnitude(expected.seen.hidden[i]));
        EXPECT_LE(largestDifference(found.seen.hidden[i], expected.seen.hidden[i]), scale * tolerance) << i;
    }
    EXPECT_EQ(found.seen.experts, expected.seen.experts);
    ASSERT_EQ(found.state.position(), expected.state.position());
    for (int layer = 0; layer < config.layerCount(); ++layer) {
        if (config.layers[static_cast<std::size_t>(layer)] == LayerKind::Lightning) {
            const double scale = std::max(1.0, largestMagnitude(expected.state.lightning(layer)));
            EXPECT_LE(largestDifference(found.state.lightning(layer), expected.state.lightning(layer)),
                      scale * tolerance)
                << layer;
            continue;
        }
        for (std::size_t page = 0; page * kPageTokens < expected.state.position(); ++page) {
            const KvPage& a = found.state.page(layer, page);
            const KvPage& b = expected.state.page(layer, page);
            EXPECT_LE(largestDifference(a.keys, b.keys), 20 * tolerance) << layer;
            EXPECT_LE(largestDifference(a.values, b.values), 20 * tolerance) << layer;
        }
    }
}

constexpr ExpertSplit kSplits[] = {ExpertSplit::Width, ExpertSplit::Whole};

// The published parity models on every number of ranks that they can be split over.
TEST(Sharding, GoldenModelsAgreeWithOneRankOnAnyNumberOfRanks) {
    const std::map<char, std::vector<int>> ranks{{'A', {2, 4}}, {'B', {3, 6}}, {'C', {2, 4, 8}}};
    for (const auto& [letter, counts] : ranks) {
        const TemporaryFolder folder;
        const auto golden = goldenModel(letter);
        writeCheckpoint(golden, folder.path());
        const auto whole = HybridModel::load(folder.path());
        const auto expected = runModel(*whole, golden.prompt, 256);
        const TokenIds tokens = greedy(*whole, std::span(golden.prompt).first(12), 12);
        for (const int count : counts) {
            for (const ExpertSplit experts : kSplits) {
                const ShardPlan plan{count, experts};
                const auto model = split(folder.path(), plan);
                SCOPED_TRACE(testing::Message() << letter << ", " << plan.text());
                ASSERT_EQ(model->ranks(), count);
                // The bound within which one rank agrees with the published values.
                expectSameRun(runModel(*model, golden.prompt, 256), expected, golden.config, 5e-6);
                EXPECT_EQ(greedy(*model, std::span(golden.prompt).first(12), 12), tokens);
            }
        }
    }
}

// Shapes at which something does not divide: widths, experts, vocabulary, fewer experts than ranks, more ranks than
// key heads; tied embeddings, residual from before the norm.
std::vector<std::string> oddConfigs() {
    nlohmann::json config = nlohmann::json::parse(goldenModel('A').config_json);
    const auto with = [&](const nlohmann::json& change) {
        nlohmann::json changed = config;
        changed.merge_patch(change);
        return changed.dump();
    };
    return {with({{"num_attention_heads", 8},
                  {"num_key_value_heads", 2},
                  {"head_dim", 6},
                  {"rotary_dim", 4},
                  {"hidden_size", 40},
                  {"intermediate_size", 37},
                  {"num_local_experts", 5},
                  {"num_experts_per_tok", 3},
                  {"vocab_size", 101}}),
            with({{"num_attention_heads", 8},
                  {"num_key_value_heads", 1},
                  {"intermediate_size", 7},
                  {"num_local_experts", 3},
                  {"vocab_size", 13},
                  {"postnorm", false},
                  {"attn_type_list", {1, 0, 1, 0}}}),
            with({{"num_attention_heads", 8},
                  {"num_key_value_heads", 8},
                  {"tie_word_embeddings", true},
                  {"num_experts_per_tok", 1}})};
}

TokenIds spread(std::size_t count, int vocab) {
    TokenIds tokens;
    for (std::size_t i = 0; i < count; ++i) {
        tokens.push_back(static_cast<TokenId>((7 * i * i + 3 * i + 5) % static_cast<std::size_t>(vocab)));
    }
    return tokens;
}

TEST(Sharding, OddShapesAgreeWithOneRankHoweverThePromptIsCut) {
    for (const std::string& config_json : oddConfigs()) {
        const TemporaryFolder folder;
        auto golden = modelOf(config_json, {});
        golden.prompt = spread(70, golden.config.vocab_size);
        writeCheckpoint(golden, folder / "bf16", {.dtype = DType::BF16});
        std::filesystem::create_directory(folder / "int8");
        writeInt8Checkpoint(Checkpoint(folder / "bf16"), folder / "int8", {});
        for (const char* stored : {"bf16", "int8"}) {
            const auto expected = runModel(*HybridModel::load(folder / stored), golden.prompt, 70);
            for (const int count : {2, 4, 8}) {
                for (const ExpertSplit experts : kSplits) {
                    const ShardPlan plan{count, experts};
                    const auto model = split(folder / stored, plan);
                    const double tolerance = logitTolerance(golden.config, plan, largestMagnitude(expected.logits));
                    for (const std::size_t chunk : {std::size_t{13}, std::size_t{70}}) {
                        SCOPED_TRACE(testing::Message()
                                     << config_json << "\n"
                                     << stored << ", " << plan.text() << ", chunks of " << chunk);
                        expectSameRun(runModel(*model, golden.prompt, chunk), expected, golden.config, tolerance);
                    }
                }
            }
        }
    }
}

// Sequences of different lengths that decode together, one of them with an intervention.
TEST(Sharding, BatchesWithInterventionsAgreeWithOneRank) {
    const TemporaryFolder folder;
    const auto golden = goldenModel('C');
    writeCheckpoint(golden, folder.path());
    Intervention intervention;
    intervention.heads = {{0, 1, 0.0f}, {0, 6, 2.0f}, {7, 5, 0.0f}};
    intervention.experts = {{1, 2}, {3, 7}, {4, 0}};
    intervention.renormalise = true;
    intervention.layers = {{5, BlockPart::Attention}};
    const auto runAll = [&](const HybridModel& model) {
        kernels::ThreadPool pool(2);
        Workspace workspace;
        std::vector<SequenceState> states;
        std::vector<float> logits;
        const std::size_t lengths[] = {1, 30, 65};
        for (const std::size_t length : lengths) {
            states.push_back(model.newState());
            SequenceChunk chunk{&states.back(), std::span(golden.prompt).first(length), LogitsWanted::None};
            model.forward({&chunk, 1}, pool, workspace, logits);
        }
        for (std::size_t step = 0; step < 5; ++step) {
            std::vector<SequenceChunk> batch;
            for (std::size_t i = 0; i < states.size(); ++i) {
                batch.push_back({&states[i], std::span(golden.prompt).subspan(100 + 3 * step + i, 1),
                                 LogitsWanted::Last, i == 1 ? &intervention : nullptr});
            }
            batch[0].tokens =
                std::span(golden.prompt).subspan(200 + 4 * step, 4); // a prompt that is still going in
            model.forward(batch, pool, workspace, logits);
        }
        return logits;
    };
    const auto expected = runAll(*HybridModel::load(folder.path()));
    for (const int count : {2, 8}) {
        for (const ExpertSplit experts : kSplits) {
            EXPECT_LE(largestDifference(runAll(*split(folder.path(), {count, experts})), expected), 5e-6) << count;
        }
    }
}

// Everything that can be seen is seen as one rank shows it.
class FullTap : public ForwardTap {
  public:
    bool wants(TapPoint point, int layer) const override { return point != TapPoint::HeadGate || layer != 2; }
    void onValues(TapPoint point, int layer, std::span<const float> values, std::size_t) override {
        seen[{point, layer}].assign(values.begin(), values.end());
    }
    void onRouting(int, std::span<const std::int32_t>, std::span<const float>, std::size_t) override {}
    std::map<std::pair<TapPoint, int>, std::vector<float>> seen;
};

TEST(Sharding, TapsSeeTheHeadsOfAllRanks) {
    for (const char letter : {'B', 'C'}) {
        const TemporaryFolder folder;
        const auto golden = goldenModel(letter);
        writeCheckpoint(golden, folder.path());
        const auto look = [&](const HybridModel& model) {
            kernels::ThreadPool pool(1);
            Workspace workspace;
            SequenceState state = model.newState();
            std::vector<float> logits;
            FullTap tap;
            SequenceChunk chunk{&state, std::span(golden.prompt).first(9)};
            model.forward({&chunk, 1}, pool, workspace, logits, &tap);
            return tap.seen;
        };
        const auto expected = look(*HybridModel::load(folder.path()));
        for (const int count : letter == 'B' ? std::vector{3, 6} : std::vector{2, 8}) {
            const auto found = look(*split(folder.path(), {count, ExpertSplit::Width}));
            ASSERT_EQ(found.size(), expected.size());
            for (const auto& [where, values] : expected) {
                const double scale = std::max(1.0, largestMagnitude(values));
                ASSERT_TRUE(found.contains(where));
                EXPECT_LE(largestDifference(found.at(where), values), 5e-6 * scale)
                    << static_cast<int>(where.first) << " of layer " << where.second << " on " << count;
            }
        }
    }
}

TEST(Sharding, GivesTheSameBitsAgainAndWithAnyNumberOfThreads) {
    const TemporaryFolder folder;
    const auto golden = goldenModel('A');
    writeCheckpoint(golden, folder.path());
    const auto model = split(folder.path(), {4, ExpertSplit::Width});
    const auto first = runModel(*model, golden.prompt, 5, 1);
    EXPECT_EQ(runModel(*model, golden.prompt, 5, 1).logits, first.logits);
    EXPECT_EQ(runModel(*model, golden.prompt, 5, 9).logits, first.logits);
}

TEST(Sharding, ASavedStateGoesOnWithAnotherNumberOfRanks) {
    const TemporaryFolder folder;
    const auto golden = goldenModel('C');
    writeCheckpoint(golden, folder.path());
    const auto one = HybridModel::load(folder.path());
    const auto eight = split(folder.path(), {8, ExpertSplit::Whole});
    const auto prompt = std::span(golden.prompt).first(100);
    const auto expected = runModel(*one, prompt, 50);
    runModel(*eight, prompt.first(70), 70).state.save(folder / "state");
    kernels::ThreadPool pool(1);
    Workspace workspace;
    SequenceState state = SequenceState::restore(folder / "state", one->newState().shape());
    std::vector<float> logits;
    SequenceChunk rest{&state, prompt.subspan(70), LogitsWanted::Last};
    one->forward({&rest, 1}, pool, workspace, logits);
    EXPECT_LE(largestDifference(logits, std::span(expected.logits).last(logits.size())), 5e-6);
}

// One process for each rank, as on a cluster: here every rank is a thread with a model and states of its own. The
// bits are those of the ranks of one process.
TEST(Sharding, RanksWithStatesOfTheirOwnGiveTheBitsOfRanksOfOneProcess) {
    for (const auto& [letter, count] : {std::pair{'A', 4}, {'B', 3}, {'C', 8}}) {
        const TemporaryFolder folder;
        const auto golden = goldenModel(letter);
        writeCheckpoint(golden, folder.path());
        const std::span prompt = std::span(golden.prompt).first(std::min<std::size_t>(golden.prompt.size(), 80));
        const ShardPlan plan{count, ExpertSplit::Width};
        const auto expected = runModel(*split(folder.path(), plan), prompt, 33);
        kernels::LocalGroup group(count);
        std::vector<std::optional<ModelRun>> runs(static_cast<std::size_t>(count));
        {
            std::vector<std::jthread> threads;
            for (int rank = 0; rank < count; ++rank) {
                threads.emplace_back([&, rank] {
                    const std::shared_ptr<kernels::Communicator> comm = group.join(rank, {});
                    const HybridModel model(loadWeights(folder.path()), kernels::bestCpuOps(), plan, comm);
                    runs[static_cast<std::size_t>(rank)] = runModel(model, prompt, 33, 1);
                });
            }
        }
        std::vector<float> first_layer;
        for (const auto& run : runs) {
            ASSERT_TRUE(run.has_value());
            EXPECT_EQ(run->logits, expected.logits) << letter;
            EXPECT_EQ(run->seen.hidden, expected.seen.hidden);
            const auto part = run->state.lightning(0);
            first_layer.insert(first_layer.end(), part.begin(), part.end());
        }
        const auto whole = expected.state.lightning(0);
        EXPECT_EQ(first_layer, std::vector<float>(whole.begin(), whole.end()));
    }
}

class ThrowingTap : public ForwardTap {
  public:
    bool wants(TapPoint point, int layer) const override { return point == TapPoint::Attention && layer == 1; }
    void onValues(TapPoint, int, std::span<const float>, std::size_t) override {
        fail(ErrorKind::Io, "the disk is full");
    }
    void onRouting(int, std::span<const std::int32_t>, std::span<const float>, std::size_t) override {}
};

TEST(Sharding, AFailureOnOneRankEndsThePassAndNotTheModel) {
    const TemporaryFolder folder;
    const auto golden = goldenModel('A');
    writeCheckpoint(golden, folder.path());
    const auto model = split(folder.path(), {4, ExpertSplit::Width});
    kernels::ThreadPool pool(1);
    Workspace workspace;
    std::vector<float> logits;
    {
        SequenceState state = model->newState();
        SequenceChunk chunk{&state, golden.prompt};
        ThrowingTap tap;
        try {
            model->forward({&chunk, 1}, pool, workspace, logits, &tap);
            FAIL();
        } catch (const Error& error) {
            EXPECT_STREQ(error.what(), "the disk is full");
        }
    }
    logits.clear();
    SequenceState state = model->newState();
    SequenceChunk chunk{&state, golden.prompt, LogitsWanted::All};
    model->forward({&chunk, 1}, pool, workspace, logits);
    EXPECT_EQ(logits, runModel(*model, golden.prompt, 100).logits);
}

TEST(Sharding, WhenOneProcessDiesTheOthersSayWhich) {
    const TemporaryFolder folder;
    const auto golden = goldenModel('A');
    writeCheckpoint(golden, folder.path());
    kernels::LocalGroup group(2);
    std::string message;
    {
        std::jthread dies([&] { const auto comm = group.join(1, {}); });
        const std::shared_ptr<kernels::Communicator> comm = group.join(0, {});
        const HybridModel model(loadWeights(folder.path()), kernels::bestCpuOps(), {2, ExpertSplit::Width}, comm);
        try {
            runModel(model, golden.prompt, 100);
        } catch (const Error& error) {
            message = error.what();
        }
    }
    EXPECT_EQ(message, "the ranks of the model stopped: rank 1 has left");
}

TEST(Sharding, NumbersOfRanksThatDoNotFitAreRefusedWithThoseThatDo) {
    const TemporaryFolder folder;
    writeCheckpoint(goldenModel('B'), folder.path());
    for (const int count : {0, 2, 4, 5, 12}) {
        try {
            split(folder.path(), {count, ExpertSplit::Width});
            FAIL() << count;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
            EXPECT_THAT(error.what(), HasSubstr("6 heads with 3 key heads cannot be split over"));
            EXPECT_THAT(error.what(), HasSubstr("possible are 1, 3, 6"));
        }
    }
}

TEST(Sharding, PartsCoverEverythingOnce) {
    for (const std::size_t total : {0u, 1u, 5u, 97u, 200064u}) {
        for (const int ranks : {1, 2, 3, 8}) {
            std::size_t next = 0;
            for (int rank = 0; rank < ranks; ++rank) {
                const Part part = partOf(total, ranks, rank);
                EXPECT_EQ(part.first, next);
                EXPECT_LE(part.count,
                          (total + static_cast<std::size_t>(ranks) - 1) / static_cast<std::size_t>(ranks));
                next += part.count;
            }
            EXPECT_EQ(next, total);
        }
    }
}

} // namespace
} // namespace fulgurite::test
