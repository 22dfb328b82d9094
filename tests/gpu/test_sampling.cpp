// SPDX-License-Identifier: Apache-2.0
// Sampling from what a device looks up in rows of logits: the look-up against the scalar reference, and the records
// of a sampler that has only its answer against those of one that has the whole row. Both to the last bit: sums are
// made in one order everywhere, so no tolerance is left to derive.
#include "core/generate/engine.h"
#include "core/generate/sampler.h"
#include "core/generate/scheduler.h"
#include "core/model/shard.h"
#include "kernels/device_library.h"
#include "tests/support/collecting_listener.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace fulgurite::test {
namespace {

using kernels::Candidate;
using kernels::LogitChange;
using kernels::Preselected;
using kernels::PreselectRow;

// Logits of a model: a few far above the rest, many alike, some exactly alike.
std::vector<float> logitsOf(std::size_t vocab, std::uint32_t seed, float spread) {
    std::mt19937 random(seed);
    std::normal_distribution<float> value(0.0f, spread);
    std::vector<float> logits(vocab);
    for (float& logit : logits) {
        logit = value(random);
    }
    for (std::size_t i = 0; i < vocab / 8; ++i) {
        logits[random() % vocab] = logits[random() % vocab];
    }
    if (vocab > 2) {
        logits[random() % vocab] = -0.0f;
        logits[random() % vocab] = 0.0f;
        logits[random() % vocab] = -std::numeric_limits<float>::infinity();
    }
    return logits;
}

class Sampling : public testing::Test {
  protected:
    Sampling() : device_(kernels::openCudaDevice(0)), stream_(device_->newQueue()), queue_(pool_, stream_.get()) {}

    // Of rows that lie one behind the other, answers over memory full of ones.
    std::vector<Preselected> ask(const std::vector<float>& logits, std::size_t known,
                                 const std::vector<PreselectRow>& wishes, const std::vector<LogitChange>& changes) {
        const std::size_t bytes = wishes.size() * sizeof(Preselected);
        auto* placed = static_cast<float*>(device_->allocate(logits.size() * sizeof(float), "a test"));
        auto* answers = static_cast<Preselected*>(device_->allocate(bytes, "a test"));
        device_->copyIn(placed, logits.data(), logits.size() * sizeof(float));
        const std::vector<std::uint8_t> poison(bytes, 0xff);
        device_->copyIn(answers, poison.data(), bytes);
        kernels::cudaSampling().preselect({placed, wishes.size(), logits.size() / wishes.size(), known,
                                           wishes.data(), changes.data(), changes.size(), answers},
                                          queue_);
        std::vector<Preselected> result(wishes.size());
        stream_->copyOut(result.data(), answers, bytes);
        device_->release(placed);
        device_->release(answers);
        return result;
    }

    static std::vector<Preselected> truth(const std::vector<float>& logits, std::size_t known,
                                          const std::vector<PreselectRow>& wishes,
                                          const std::vector<LogitChange>& changes) {
        std::vector<Preselected> result(wishes.size());
        kernels::referencePreselect({logits.data(), wishes.size(), logits.size() / wishes.size(), known,
                                     wishes.data(), changes.data(), changes.size(), result.data()});
        return result;
    }

    std::shared_ptr<kernels::Device> device_;
    kernels::ThreadPool pool_{1};
    std::unique_ptr<kernels::DeviceQueue> stream_;
    kernels::Queue queue_;
};

void expectSame(const Candidate& a, const Candidate& b, const char* what) {
    EXPECT_EQ(a.id, b.id) << what;
    EXPECT_EQ(a.weight, b.weight) << what;
    EXPECT_EQ(a.logit, b.logit) << what;
    EXPECT_EQ(a.rank, b.rank) << what;
}

void expectSameList(const Candidate* a, const Candidate* b, int found, std::size_t room, const char* what) {
    if (found > static_cast<int>(room)) {
        return; // of no use to anybody
    }
    const auto byId = [&](const Candidate* list) {
        std::vector<Candidate> sorted(list, list + found);
        std::ranges::sort(sorted, {}, &Candidate::id);
        return sorted;
    };
    const auto left = byId(a);
    const auto right = byId(b);
    for (std::size_t i = 0; i < left.size(); ++i) {
        expectSame(left[i], right[i], what);
    }
}

void expectSame(const Preselected& a, const Preselected& b) {
    EXPECT_EQ(a.max_before, b.max_before);
    EXPECT_EQ(a.max_after, b.max_after);
    EXPECT_EQ(a.sum_before, b.sum_before);
    EXPECT_EQ(a.weighted_before, b.weighted_before);
    EXPECT_EQ(a.sum_after, b.sum_after);
    EXPECT_EQ(a.weighing_before, b.weighing_before);
    EXPECT_EQ(a.weighing_after, b.weighing_after);
    ASSERT_EQ(a.candidates, b.candidates);
    ASSERT_EQ(a.before, b.before);
    expectSame(a.drawn, b.drawn, "drawn");
    expectSame(a.named, b.named, "named");
    expectSameList(a.candidate, b.candidate, a.candidates, Preselected::kMostCandidates, "candidate");
    expectSameList(a.before_list, b.before_list, a.before, Preselected::kMostBefore, "before");
}

// Every kind of wish, for one vocabulary.
std::vector<PreselectRow> allWishes(std::size_t known) {
    std::vector<PreselectRow> wishes;
    const auto add = [&](PreselectRow wish) {
        wish.statistics = wishes.size() % 3 != 0 ? 1 : 0;
        wish.before = static_cast<std::int32_t>(wishes.size() % 4 * 7);
        wish.named = wishes.size() % 5 == 2 ? static_cast<std::int32_t>(known / 2) : -1;
        wishes.push_back(wish);
    };
    for (const float scale : {1.0f, 1.0f / 0.7f, 5.0f}) {
        add({.scale = scale, .best = 1});
        add({.scale = scale, .best = 40});
        add({.scale = scale, .best = 700});
        add({.scale = scale, .share = 0.95f});
        add({.scale = scale, .share = 0.3f, .least = 0.05f});
        add({.scale = scale, .share = 0.99999994f});
        add({.scale = scale, .share = 0.0f});
        add({.scale = scale, .least = 0.02f});
        add({.scale = scale, .least = kernels::kWeightMargin});
        add({.scale = scale, .draws = 1, .uniform = 0.0});
        add({.scale = scale, .best = 20, .draws = 1, .uniform = 0.777});
        add({.scale = scale, .draws = 1, .uniform = 1.0 - 0x1p-53});
    }
    return wishes;
}

TEST_F(Sampling, TheLookUpIsThatOfTheReference) {
    struct Case {
        unsigned vocab, known;
        float spread; // of the logits: flat rows and peaked ones
    };
    for (const auto& [vocab, known, spread] :
         {Case{1, 1, 4.0f}, Case{17, 16, 0.5f}, Case{512, 512, 0.5f}, Case{512, 512, 4.0f}, Case{8197, 8191, 0.5f},
          Case{20001, 19990, 4.0f}}) {
        SCOPED_TRACE(testing::Message() << vocab << " tokens, spread " << spread);
        std::vector<PreselectRow> wishes = allWishes(known);
        std::vector<LogitChange> changes;
        for (std::size_t row = 0; row < wishes.size(); row += 2) { // every other row has changes
            PreselectRow& wish = wishes[row];
            wish.repetition = 1.3f;
            wish.presence = 0.4f;
            wish.frequency = 0.15f;
            wish.first_change = static_cast<std::int32_t>(changes.size());
            for (std::uint32_t id = static_cast<std::uint32_t>(row); id < known; id += 1 + known / 300) {
                changes.push_back({static_cast<std::int32_t>(id), id % 2 == 0 ? 0.37f : 0.0f,
                                   static_cast<std::int32_t>(id % 5), id % 3 == 0 ? 0 : 1});
            }
            wish.changes = static_cast<std::int32_t>(changes.size()) - wish.first_change;
        }
        std::vector<float> logits;
        for (std::size_t row = 0; row < wishes.size(); ++row) {
            const auto more = logitsOf(vocab, static_cast<std::uint32_t>(row + 1), spread);
            logits.insert(logits.end(), more.begin(), more.end());
        }
        const auto found = ask(logits, known, wishes, changes);
        const auto expected = truth(logits, known, wishes, changes);
        for (std::size_t row = 0; row < wishes.size(); ++row) {
            SCOPED_TRACE(row);
            expectSame(found[row], expected[row]);
        }
    }
}

void expectSame(const std::vector<Alternative>& a, const std::vector<Alternative>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].id, b[i].id) << i;
        EXPECT_EQ(a[i].logprob, b[i].logprob) << i;
    }
}

void expectSame(const TokenRecord& a, const TokenRecord& b) {
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.logprob, b.logprob);
    EXPECT_EQ(a.logprob_after, b.logprob_after);
    EXPECT_EQ(a.rank, b.rank);
    EXPECT_EQ(a.entropy, b.entropy);
    EXPECT_EQ(a.kept, b.kept);
    EXPECT_EQ(a.kept_mass, b.kept_mass);
    EXPECT_EQ(a.forced, b.forced);
    expectSame(a.before, b.before);
    expectSame(a.after, b.after);
}

// Parameters of every kind and together, and a sharp distribution in which few tokens weigh anything.
std::vector<SamplerParams> allParams() {
    std::vector<SamplerParams> all;
    for (const float temperature : {0.0f, 0.05f, 0.7f, 1.0f, 1.5f}) {
        all.push_back({.temperature = temperature});
        all.push_back({.temperature = temperature, .top_k = 1});
        all.push_back({.temperature = temperature, .top_k = 40});
        all.push_back({.temperature = temperature, .top_k = 100000});
        all.push_back({.temperature = temperature, .top_p = 0.9f});
        all.push_back({.temperature = temperature, .top_p = 0.0f});
        all.push_back({.temperature = temperature, .min_p = 0.1f});
        all.push_back({.temperature = temperature, .top_k = 50, .top_p = 0.8f, .min_p = 0.01f});
        all.push_back({.temperature = temperature, .top_p = 0.95f, .min_p = 0.02f, .repetition_penalty = 1.2f});
        all.push_back({.temperature = temperature,
                       .repetition_penalty = 1.1f,
                       .presence_penalty = 0.5f,
                       .frequency_penalty = 0.3f,
                       .logit_bias = {{3, 2.0f}, {7, -100.0f}, {11, 4.0f}}});
    }
    return all;
}

TEST_F(Sampling, RecordsAreThoseOfTheWholeRow) {
    constexpr std::size_t kVocab = 3001;
    constexpr std::size_t kKnown = 2990;
    const TokenIds prompt{5, 11, 11, 200, 2989};
    int whole = 0;
    int answered = 0;
    for (SamplerParams params : allParams()) {
        params.seed = 42 + static_cast<std::uint64_t>(answered);
        Sampler with_row(params, kKnown);
        Sampler with_answer(params, kKnown);
        with_row.observePrompt(prompt);
        with_answer.observePrompt(prompt);
        for (std::uint64_t position = 0; position < 8; ++position) {
            const ReportParams report{position % 4 != 3, static_cast<int>(position % 3) * 10};
            const auto logits = logitsOf(kVocab, static_cast<std::uint32_t>(position * 31 + params.seed),
                                         position % 2 == 0 ? 3.0f : 12.0f);
            SCOPED_TRACE(testing::Message()
                         << "temperature " << params.temperature << ", top_k " << params.top_k << ", top_p "
                         << params.top_p << ", min_p " << params.min_p << ", position " << position);
            std::vector<LogitChange> changes;
            const PreselectRow wish = with_answer.wish(position, report, changes);
            const Preselected answer = ask(logits, kKnown, {wish}, changes)[0];
            const TokenRecord expected = with_row.sample(logits, position, report);
            if (!kernels::suffices(wish, answer)) {
                ++whole;
                expectSame(with_answer.sample(logits, position, report), expected);
                continue;
            }
            ++answered;
            expectSame(with_answer.sample(answer, position, report), expected);
        }
        const auto logits = logitsOf(kVocab, 99, 3.0f);
        const ReportParams report{true, 5};
        expectSame(with_answer.force(1234, ask(logits, kKnown, {Sampler::wishFor(1234, report)}, {})[0], report),
                   with_row.force(1234, logits, report));
    }
    EXPECT_GT(answered, 9 * whole) << "most rows stay where they are";
}

TEST_F(Sampling, RowsThatAreTooFlatAreToldFromOthers) {
    const std::vector<float> flat(5000, 1.25f);
    const PreselectRow wish{.share = 0.95f, .before = 20};
    EXPECT_FALSE(kernels::suffices(wish, ask(flat, flat.size(), {wish}, {})[0]));
    const PreselectRow draw{.draws = 1, .uniform = 0.5};
    const Preselected answer = ask(flat, flat.size(), {draw}, {})[0];
    EXPECT_TRUE(kernels::suffices(draw, answer));
    EXPECT_EQ(answer.drawn.id, 2500);
}

TEST_F(Sampling, WhatIsNoNumberIsAnErrorAsOnTheHost) {
    for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        std::vector<float> logits = logitsOf(600, 3, 2.0f);
        logits[300] = wrong;
        for (const float temperature : {0.0f, 1.0f}) {
            Sampler sampler({.temperature = temperature}, logits.size());
            std::vector<LogitChange> changes;
            const PreselectRow wish = sampler.wish(0, {}, changes);
            EXPECT_THROW(sampler.sample(ask(logits, logits.size(), {wish}, changes)[0], 0, {}), Error);
            EXPECT_THROW(sampler.sample(logits, 0, {}), Error);
        }
    }
}

// The model's runner, deaf to wishes.
class WholeRows final : public ForwardRunner {
  public:
    explicit WholeRows(std::shared_ptr<const HybridModel> model) : runner_(std::move(model), 1) {}
    const ModelConfig& config() const override { return runner_.config(); }
    StateShape stateShape() const override { return runner_.stateShape(); }
    std::size_t freeMemory() const override { return runner_.freeMemory(); }
    kernels::ThreadPool& pool() override { return runner_.pool(); }
    void forward(std::span<SequenceChunk> batch, std::vector<float>& logits) override {
        runner_.forward(batch, logits);
    }

  private:
    ModelRunner runner_;
};

TEST_F(Sampling, AnswersOfAnEngineAreTheSameTokenForToken) {
    const GoldenModel golden = modelOf( // of the vocabulary of the tokenizer below
        R"({"architectures": ["MiniMaxM1ForCausalLM"], "model_type": "minimax_m1", "attn_type_list": [0, 1],
        "hidden_act": "silu", "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 16, "rotary_dim": 8, "rope_theta": 10000, "num_hidden_layers": 2,
        "num_local_experts": 4, "num_experts_per_tok": 2, "vocab_size": 424, "rms_norm_eps": 1e-5, "postnorm": true,
        "layernorm_full_attention_alpha": 2.0, "layernorm_full_attention_beta": 1.0,
        "layernorm_linear_attention_alpha": 2.0, "layernorm_linear_attention_beta": 1.0, "layernorm_mlp_alpha": 2.0,
        "layernorm_mlp_beta": 1.0, "shared_intermediate_size": 0, "max_position_embeddings": 2000,
        "tie_word_embeddings": false})",
        {65, 66, 67, 68, 69, 70});
    TemporaryFolder folder;
    writeCheckpoint(golden, folder / "model");
    const auto model =
        HybridModel::load(folder / "model", kernels::referenceOps(), ShardPlan{}, kernels::openCudaDevice(0));
    ASSERT_TRUE(model->preselects());
    const auto tokenizer = Tokenizer::load(sourceDir() / "tests/data/tokenizer_small");
    const auto answers = [&](std::unique_ptr<ForwardRunner> runner) {
        EngineOptions options;
        options.memory_bytes = std::size_t{64} << 20;
        Scheduler scheduler(std::move(runner), tokenizer, options);
        std::vector<std::shared_ptr<CollectingListener>> listeners;
        for (SamplerParams params :
             {SamplerParams{.temperature = 0}, SamplerParams{.temperature = 0.8f, .top_p = 0.9f}, SamplerParams{},
              SamplerParams{.top_k = 10, .repetition_penalty = 1.2f}}) {
            params.seed = listeners.size();
            GenerateRequest request;
            request.prompt = golden.prompt;
            request.sampler = params;
            request.stop.max_tokens = 6;
            request.stop.ignore_eos = true;
            request.alternatives = 3;
            listeners.push_back(std::make_shared<CollectingListener>());
            scheduler.submit(request, listeners.back());
        }
        for (const auto& listener : listeners) {
            EXPECT_TRUE(listener->wait());
            EXPECT_FALSE(listener->error) << listener->error->what();
        }
        return listeners;
    };
    const auto found = answers(std::make_unique<ModelRunner>(model, 1));
    const auto expected = answers(std::make_unique<WholeRows>(model));
    for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i]->tokens.size(), expected[i]->tokens.size());
        for (std::size_t t = 0; t < found[i]->tokens.size(); ++t) {
            SCOPED_TRACE(testing::Message() << "answer " << i << ", token " << t);
            expectSame(found[i]->tokens[t], expected[i]->tokens[t]);
        }
    }
}

} // namespace
} // namespace fulgurite::test
