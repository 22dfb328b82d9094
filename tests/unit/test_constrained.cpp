// SPDX-License-Identifier: Apache-2.0
// Constrained answers through sampler and scheduler: many at once, beside free ones, with thoughts, with limits.
#include "core/generate/sampler.h"
#include "core/generate/scheduler.h"
#include "core/grammar/answer_grammar.h"
#include "core/grammar/constraint.h"
#include "tests/support/collecting_listener.h"
#include "tests/support/schema_validator.h"
#include "tests/support/scripted_runner.h"
#include "tests/unit/letter_script.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

namespace fulgurite {
namespace {

using test::CollectingListener;
using test::ScriptedRunner;
using namespace test::letters;

const char* const kPerson = R"({"type":"object","properties":{"name":{"type":"string","maxLength":12},
    "age":{"type":"integer","minimum":0,"maximum":130},"tags":{"type":"array","items":{"enum":["a","b"]},"maxItems":3}},
    "required":["name","age"]})";

std::shared_ptr<grammar::Constraint> constraintOf(const std::string& schema) {
    return std::make_shared<grammar::Constraint>(grammar::schemaAnswer(grammar::Schema::parse(schema), "schema"));
}

// A model that says anything: logits depend on all tokens so far and on nothing else.
void anything(const TokenIds& tokens, std::span<float> logits) {
    std::uint64_t state = 1;
    for (const TokenId token : tokens) {
        state = (state ^ static_cast<std::uint64_t>(token)) * 0x9E3779B97F4A7C15ULL + 1;
    }
    std::mt19937 random(static_cast<std::uint32_t>(state >> 32));
    std::normal_distribution<float> value(0.0f, 2.0f);
    for (float& logit : logits) {
        logit = value(random);
    }
    logits[static_cast<std::size_t>('<')] -= 8; // few thoughts, or all would end in one
    logits[static_cast<std::size_t>('"')] += 3;
    logits[static_cast<std::size_t>('}')] += 3;
}

class ConstrainedTest : public testing::Test {
  protected:
    void start(ScriptedRunner::Script script) {
        EngineOptions options;
        options.memory_bytes = std::size_t{64} << 20;
        scheduler_ = std::make_unique<Scheduler>(
            std::make_unique<ScriptedRunner>(kVocab, 100000, std::move(script)), smallTokenizer(), options);
    }
    std::shared_ptr<CollectingListener> submit(GenerateRequest request) {
        auto listener = std::make_shared<CollectingListener>();
        scheduler_->submit(std::move(request), listener);
        return listener;
    }
    std::shared_ptr<CollectingListener> run(GenerateRequest request) {
        auto listener = submit(std::move(request));
        EXPECT_TRUE(listener->wait());
        EXPECT_FALSE(listener->error) << listener->error->what();
        return listener;
    }
    static GenerateRequest asked(const std::string& prompt, const char* schema) {
        GenerateRequest request;
        request.prompt = bytes(prompt);
        request.sampler.temperature = 0;
        request.constraint = schema == nullptr ? nullptr : constraintOf(schema);
        return request;
    }

    std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(ConstrainedTest, ManyAtOnceBesideFreeOnes) {
    start(anything);
    const auto constraint = constraintOf(kPerson);
    const test::SchemaValidator validator(grammar::Schema::parse(kPerson));
    std::vector<std::shared_ptr<CollectingListener>> constrained;
    std::vector<std::shared_ptr<CollectingListener>> free;
    GenerateRequest request = asked("Q|", nullptr);
    request.sampler.temperature = 1;
    request.stop.max_tokens = 60;
    request.sampler.seed = 1000;
    const TokenIds alone = run(request)->ids();
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
        request.sampler.seed = seed;
        request.sampler.top_k = seed % 3 == 0 ? 40 : 0;
        request.sampler.top_p = seed % 3 == 1 ? 0.9f : 1.0f;
        request.stop.max_tokens = 400;
        request.constraint = constraint;
        constrained.push_back(submit(request));
        request.sampler = {.seed = 1000};
        request.stop.max_tokens = 60;
        request.constraint = nullptr;
        free.push_back(submit(request));
    }
    int finished = 0;
    for (const auto& answer : constrained) {
        ASSERT_TRUE(answer->wait());
        ASSERT_FALSE(answer->error) << answer->error->what();
        if (answer->summary.reason == FinishReason::EndOfSentence) {
            std::string text = answer->text + answer->rest;
            text = text.find("</think>") == std::string::npos ? text : text.substr(text.find("</think>") + 8);
            EXPECT_EQ(validator.problemOf(grammar::Schema::parse(text)), "") << text;
            ++finished;
        } else {
            EXPECT_EQ(answer->summary.reason, FinishReason::MaxTokens);
        }
    }
    EXPECT_GT(finished, 12);
    for (const auto& answer : free) {
        ASSERT_TRUE(answer->wait());
        EXPECT_EQ(answer->ids(), alone);
    }
}

TEST_F(ConstrainedTest, ThoughtsAreFreeAndTheAnswerIsNot) {
    start(Script({{'A', "<think>\nI say {no}.\n</think>\n\nfalse, it is"}}));
    const auto answer = run(asked("A|", R"({"type":"boolean"})"));
    EXPECT_EQ(answer->text, "<think>\nI say {no}.\n</think>\n\nfalse");
    EXPECT_EQ(answer->summary.reason, FinishReason::EndOfSentence);
    EXPECT_GT(answer->summary.thinking_tokens, 5U);
    // A prompt that has begun to think.
    start(Script({{'A', "<think>?hm</think>true"}}));
    GenerateRequest begun = asked("", R"({"type":"boolean"})");
    begun.prompt = framed("A|", "<think>");
    EXPECT_EQ(run(begun)->text, "hm</think>true");
}

TEST_F(ConstrainedTest, ABudgetEndsTheThoughts) {
    start(Script({{'A', "<think>\nabcdefghijklmnopqrstuvwxyz0123456789"}}));
    GenerateRequest request = asked("A|", R"({"type":"boolean"})");
    request.stop.thinking_budget = 6;
    const auto answer = run(request);
    EXPECT_TRUE(answer->text.starts_with("<think>\nabcde\n</think>\n")) << answer->text;
    EXPECT_TRUE(answer->text.ends_with("true") || answer->text.ends_with("false")) << answer->text;
}

TEST_F(ConstrainedTest, EndsWhereNothingCanFollow) {
    start(Script({{'A', "[1,2]xyz"}}));
    GenerateRequest request = asked("A|", R"({"type":"array","items":{"type":"integer"},"maxItems":2})");
    request.stop.ignore_eos = true;
    const auto answer = run(request);
    EXPECT_EQ(answer->text, "[1,2]");
    EXPECT_EQ(answer->tokens.size(), 5U);
    // A number may go on, so the model says where it ends.
    start(Script({{'A', "12"}}));
    request.constraint = constraintOf(R"({"type":"integer"})");
    EXPECT_EQ(run(request)->text, "12");
}

TEST_F(ConstrainedTest, ALimitCutsItAndSaysSo) {
    start(Script({{'A', "\"abcdefgh\""}}));
    GenerateRequest request = asked("A|", R"({"type":"string"})");
    request.stop.max_tokens = 4;
    const auto answer = run(request);
    EXPECT_EQ(answer->text, "\"abc");
    EXPECT_EQ(answer->summary.reason, FinishReason::MaxTokens);
}

TEST_F(ConstrainedTest, SpecialTokensAreNeverPartOfIt) {
    start([](const TokenIds&, std::span<float> logits) {
        for (TokenId id = 0; static_cast<std::size_t>(id) < logits.size(); ++id) {
            logits[static_cast<std::size_t>(id)] = smallTokenizer()->isSpecial(id) ? 20.0f
                                                   : id == '"'                     ? 5.0f
                                                                                   : 0.0f;
        }
    });
    const auto answer = run(asked("A|", R"({"type":"string","minLength":3})"));
    for (const TokenRecord& token : answer->tokens) {
        EXPECT_FALSE(smallTokenizer()->isSpecial(token.id));
    }
    EXPECT_TRUE(grammar::Schema::parse(answer->text).is_string());
}

TEST(MaskedSampler, DrawsOnlyWhatIsAllowedInItsProportions) {
    std::vector<float> logits(200, 0.0f);
    logits[3] = 10;
    logits[70] = 2;
    logits[130] = 2 + std::log(3.0f);
    grammar::TokenMask mask;
    mask.bits.assign(4, 0);
    for (const std::size_t id : {70U, 130U}) {
        mask.bits[id / 64] |= std::uint64_t{1} << id % 64;
    }
    mask.count = 2;
    for (const SamplerParams& params : {SamplerParams{.seed = 4}, SamplerParams{.top_k = 50, .seed = 4},
                                        SamplerParams{.top_p = 0.999f, .seed = 4}}) {
        Sampler sampler(params, logits.size());
        int often = 0;
        for (std::uint64_t position = 0; position < 4000; ++position) {
            const TokenRecord record = sampler.sample(logits, position, {true, 5}, &mask);
            ASSERT_TRUE(mask.allows(record.id)) << record.id;
            EXPECT_EQ(record.kept, 2);
            EXPECT_EQ(record.before[0].id, 3); // the model's own distribution is told as it is
            often += record.id == 130 ? 1 : 0;
        }
        EXPECT_NEAR(often, 3000, 5 * std::sqrt(4000 * 0.75 * 0.25)); // five standard deviations
    }
    Sampler greedy({.temperature = 0}, logits.size());
    EXPECT_EQ(greedy.sample(logits, 0, {true, 0}, &mask).id, 130);
}

} // namespace
} // namespace fulgurite
