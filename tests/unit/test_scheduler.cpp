// SPDX-License-Identifier: Apache-2.0
// Scheduling, stop rules, snapshots and the listener's contract, over a scripted model whose answers are known.
#include "core/generate/context_length_error.h"
#include "core/generate/scheduler.h"
#include "tests/support/collecting_listener.h"
#include "tests/support/scripted_runner.h"
#include "tests/unit/letter_script.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <thread>

namespace fulgurite {
namespace {

using test::CollectingListener;
using test::ScriptedRunner;
using namespace test::letters;

class SchedulerTest : public testing::Test {
  protected:
    Scheduler& start(ScriptedRunner::Script script, EngineOptions options = {},
                     std::int64_t max_positions = 100000) {
        if (options.memory_bytes == 0) {
            options.memory_bytes = std::size_t{64} << 20;
        }
        auto runner = std::make_unique<ScriptedRunner>(kVocab, max_positions, std::move(script));
        runner_ = runner.get();
        scheduler_ = std::make_unique<Scheduler>(std::move(runner), smallTokenizer(), options);
        return *scheduler_;
    }

    static GenerateRequest greedy(TokenIds prompt) {
        GenerateRequest request;
        request.prompt = std::move(prompt);
        request.sampler.temperature = 0;
        return request;
    }

    std::shared_ptr<CollectingListener> run(GenerateRequest request) {
        auto listener = std::make_shared<CollectingListener>();
        scheduler_->submit(std::move(request), listener);
        EXPECT_TRUE(listener->wait());
        EXPECT_FALSE(listener->error) << listener->error->what();
        return listener;
    }

    // The worker keeps snapshots and figures up to date just after it has told the listener.
    void waitUntilIdle() const {
        while (scheduler_->status().active + scheduler_->status().queued > 0) {
            std::this_thread::yield();
        }
    }

    ScriptedRunner* runner_ = nullptr;
    std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, StreamsAnAnswerToItsEnd) {
    start(Script({{'A', "Gr\xc3\xbc\xc3\x9f"
                        "e!"}}));
    GenerateRequest request = greedy(bytes("Ask|"));
    request.alternatives = 3;
    const auto answer = run(request);
    EXPECT_EQ(answer->text, "Grüße!");
    EXPECT_EQ(answer->rest, "");
    ASSERT_EQ(answer->tokens.size(), 9u);
    EXPECT_EQ(answer->tokens.back().id, endOfSentence()); // reported, but has no text
    EXPECT_EQ(answer->tokens[0].before.size(), 3u);
    EXPECT_EQ(answer->tokens[0].rank, 1);
    EXPECT_NEAR(answer->tokens[0].logprob, 8.3 - std::log(std::exp(8.3) + kVocab - 1), 1e-5);
    EXPECT_EQ(answer->summary.reason, FinishReason::EndOfSentence);
    EXPECT_EQ(answer->summary.prompt_tokens, 4u);
    EXPECT_EQ(answer->summary.completion_tokens, 9u);
    EXPECT_EQ(answer->summary.reused_tokens, 0u);
    ASSERT_GE(answer->prefill.size(), 2u);
    EXPECT_EQ(answer->prefill.front().done, 0u);
    EXPECT_EQ(answer->prefill.back().done, 4u);
    EXPECT_EQ(answer->after_end, 0);
}

TEST_F(SchedulerTest, StopRules) {
    start(Script({{'A', "one two three"}}));
    GenerateRequest request = greedy(bytes("A|"));
    request.stop.strings = {"two t", "xyz"};
    auto answer = run(request);
    EXPECT_EQ(answer->text, "one ");
    EXPECT_EQ(answer->summary.reason, FinishReason::StopString);
    EXPECT_EQ(answer->summary.stop_string, "two t");

    request.stop.strings = {"three!"};
    answer = run(request);
    EXPECT_EQ(answer->text + answer->rest, "one two three");
    EXPECT_EQ(answer->rest, "three");

    request.stop = {.max_tokens = 5};
    answer = run(request);
    EXPECT_EQ(answer->text, "one t");
    EXPECT_EQ(answer->summary.reason, FinishReason::MaxTokens);

    request.stop = {.token_ids = {'w'}};
    answer = run(request);
    EXPECT_EQ(answer->text, "one t");
    EXPECT_EQ(answer->summary.reason, FinishReason::StopToken);

    request.stop = {.max_tokens = 20, .ignore_eos = true};
    answer = run(request);
    EXPECT_EQ(answer->tokens.size(), 20u);
    EXPECT_EQ(answer->text, "one two three");

    request.stop = {.repetition = {.run = 4, .probability = 0.8f}};
    answer = run(request);
    EXPECT_EQ(answer->text, "one ");
    EXPECT_EQ(answer->summary.reason, FinishReason::Repetition);
    request.stop.repetition.probability = 0.95f;
    EXPECT_EQ(run(request)->summary.reason, FinishReason::EndOfSentence);
}

TEST_F(SchedulerTest, ThinkingBudgetEndsThinking) {
    // The script goes by the number of tokens, so after the forced ones it goes on where it would have been.
    start(Script({{'A', "<think>\nabcdefghijklmnopqrstuvwxyz0123456789"}}));
    GenerateRequest request = greedy(bytes("A|"));
    request.stop.thinking_budget = 6;
    const auto answer = run(request);
    EXPECT_TRUE(answer->text.starts_with("<think>\nabcde\n</think>\n")) << answer->text;
    std::string forced;
    for (const TokenRecord& token : answer->tokens) {
        if (token.forced) {
            forced += smallTokenizer()->bytesOf(token.id);
            EXPECT_GT(token.rank, 0);
        }
    }
    EXPECT_EQ(forced, "\n</think>\n");
    EXPECT_GE(answer->summary.thinking_tokens, 6u);
    EXPECT_LE(answer->summary.thinking_tokens, 7u); // the forced line break counts
    // Without the budget all of it is thinking.
    request.stop.thinking_budget = 0;
    EXPECT_EQ(run(request)->summary.thinking_tokens, 37u);
    // What the prompt holds of the section counts too.
    request = greedy(framed("A|", "<think>\nabc"));
    request.stop.thinking_budget = 5;
    EXPECT_TRUE(run(request)->text.starts_with("e\n</think>\n"));
    // A section that the model ends in time is left alone, even when the budget runs out inside the marker.
    start(Script({{'A', "<think>abcd</think>42"}}));
    request = greedy(bytes("A|"));
    request.stop.thinking_budget = 5;
    EXPECT_EQ(run(request)->text, "<think>abcd</think>42");
}

TEST_F(SchedulerTest, RefusesAtOnce) {
    EngineOptions options;
    options.memory_bytes = 64 << 10;
    options.max_queue = 0;
    Scheduler& scheduler = start(Script({{'A', "x"}}), options, 5000);
    const auto refused = [&](const GenerateRequest& request, ErrorKind kind, const std::string& word) {
        try {
            scheduler.submit(request, std::make_shared<CollectingListener>());
            ADD_FAILURE() << word;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), kind) << error.what();
            EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
        }
    };
    refused(greedy({}), ErrorKind::InvalidInput, "empty");
    refused(greedy({1, kVocab}), ErrorKind::InvalidInput, "424");
    refused(greedy({-1}), ErrorKind::InvalidInput, "-1");
    EXPECT_THROW(scheduler.submit(greedy(TokenIds(5000, 'A')), std::make_shared<CollectingListener>()), ContextLengthError);
    refused(greedy(TokenIds(4999, 'A')), ErrorKind::OutOfMemory, "needs 79.0 KiB for keys, values and states; 64.0 KiB");
    GenerateRequest request = greedy(bytes("A|"));
    request.alternatives = 21;
    refused(request, ErrorKind::InvalidInput, "alternatives");
    request = greedy(bytes("A|"));
    request.sampler.top_p = 2;
    refused(request, ErrorKind::InvalidInput, "top_p");
    refused(greedy(bytes("A|")), ErrorKind::Unavailable, "waiting");
}

TEST_F(SchedulerTest, TheContextEnds) {
    start(Script({{'A', std::string(500, 'x')}}), {}, 64);
    auto answer = run(greedy(bytes("Abc|")));
    EXPECT_EQ(answer->summary.reason, FinishReason::ContextFull);
    EXPECT_EQ(answer->tokens.size(), 60u);

    EngineOptions options;
    options.memory_bytes = StateShape{{LayerKind::Lightning, LayerKind::Softmax}, 1, 1, 2}.bytesAt(128);
    start(Script({{'A', std::string(500, 'x')}}), options);
    answer = run(greedy(bytes("Abc|")));
    EXPECT_EQ(answer->summary.reason, FinishReason::ContextFull); // memory, this time
    EXPECT_EQ(answer->tokens.size(), 128u - 4 + 1);
}

TEST_F(SchedulerTest, WaitsForMemoryInsteadOfFailing) {
    EngineOptions options;
    options.memory_bytes = 3 * StateShape{{LayerKind::Lightning, LayerKind::Softmax}, 1, 1, 2}.bytesAt(64);
    start(Script({{'A', std::string(40, 'x')}}), options);
    std::vector<std::shared_ptr<CollectingListener>> listeners;
    for (int i = 0; i < 12; ++i) {
        listeners.push_back(std::make_shared<CollectingListener>());
        GenerateRequest request = greedy(bytes(fmt::format("A{}|", i)));
        request.stop.max_tokens = 50;
        scheduler_->submit(request, listeners.back());
    }
    for (const auto& listener : listeners) {
        ASSERT_TRUE(listener->wait());
        EXPECT_EQ(listener->text.size(), 40u);
        EXPECT_EQ(listener->summary.reason, FinishReason::EndOfSentence);
    }
    for (const auto& batch : runner_->log()) {
        EXPECT_LE(batch.size(), 3u);
    }
    EXPECT_LE(scheduler_->status().snapshot_bytes, options.memory_bytes);
}

TEST_F(SchedulerTest, CancelsWithinAStep) {
    start(Script({{'A', std::string(90000, 'x')}}));
    auto listener = std::make_shared<CollectingListener>();
    const GenerationId id = scheduler_->submit(greedy(bytes("A|")), listener);
    ASSERT_TRUE(listener->waitForTokens(3));
    scheduler_->cancel(id);
    scheduler_->cancel(id + 7); // nobody
    ASSERT_TRUE(listener->wait());
    EXPECT_EQ(listener->summary.reason, FinishReason::Cancelled);
    scheduler_->cancel(id);

    // From within the listener: no further token.
    auto self = std::make_shared<CollectingListener>();
    GenerationId own = 0;
    std::mutex own_mutex;
    self->on_token = [&](const TokenRecord&) {
        const std::lock_guard lock(own_mutex);
        scheduler_->cancel(own);
    };
    {
        const std::lock_guard lock(own_mutex);
        own = scheduler_->submit(greedy(bytes("A2|")), self);
    }
    ASSERT_TRUE(self->wait());
    EXPECT_EQ(self->tokens.size(), 1u);
}

TEST_F(SchedulerTest, CancelsWhatWaitsAndWhatIsLeftAtTheEnd) {
    EngineOptions options;
    options.max_batch = 1;
    start(Script({{'A', std::string(90000, 'x')}}), options);
    std::vector<std::shared_ptr<CollectingListener>> listeners;
    std::vector<GenerationId> ids;
    for (int i = 0; i < 3; ++i) {
        listeners.push_back(std::make_shared<CollectingListener>());
        ids.push_back(scheduler_->submit(greedy(bytes("A|")), listeners.back()));
    }
    scheduler_->cancel(ids[1]);
    ASSERT_TRUE(listeners[1]->wait());
    EXPECT_EQ(listeners[1]->summary.reason, FinishReason::Cancelled);
    EXPECT_TRUE(listeners[1]->tokens.empty());
    scheduler_.reset();
    for (const int i : {0, 2}) {
        ASSERT_TRUE(listeners[static_cast<std::size_t>(i)]->wait());
        EXPECT_EQ(listeners[static_cast<std::size_t>(i)]->summary.reason, FinishReason::Cancelled);
        EXPECT_EQ(listeners[static_cast<std::size_t>(i)]->after_end, 0);
    }
}

TEST_F(SchedulerTest, APrefixIsComputedOnce) {
    start(Script({{'A', std::string(300, 'x')}}));
    const TokenIds prompt = bytes(fmt::format("A{:p>700}|", ""));
    const auto first = run(greedy(prompt));
    waitUntilIdle();
    EXPECT_EQ(first->summary.reused_tokens, 0u);
    // The same again: all but the last token, which has to be run for its logits.
    EXPECT_EQ(run(greedy(prompt))->summary.reused_tokens, prompt.size() - 1);
    // Another token in the middle of the answer: at most one interval is replayed.
    TokenIds branch = prompt;
    const TokenIds answer = first->ids();
    branch.insert(branch.end(), answer.begin(), answer.begin() + 150);
    branch.push_back('y');
    const auto branched = run(greedy(branch));
    EXPECT_GE(branched->summary.reused_tokens + 64, branch.size());
    EXPECT_LT(branched->summary.reused_tokens, branch.size());
    // The next turn goes on from the end of the answer.
    waitUntilIdle();
    TokenIds turn = prompt;
    turn.insert(turn.end(), answer.begin(), answer.end());
    const std::size_t absorbed = turn.size() - 1; // the end of sentence was drawn, but never run
    const TokenIds more = bytes("\nmore");
    turn.insert(turn.end(), more.begin(), more.end());
    EXPECT_EQ(scheduler_->reentryCost(turn).reused, absorbed);
    EXPECT_EQ(scheduler_->reentryCost(turn).tokens, turn.size());
    EXPECT_GT(scheduler_->reentryCost(turn).seconds, 0);
    EXPECT_EQ(run(greedy(turn))->summary.reused_tokens, absorbed);
    const EngineStatus status = scheduler_->status();
    EXPECT_GT(status.snapshot_count, 5u);
    EXPECT_GT(status.reused_tokens_total, 3 * prompt.size());
    EXPECT_GT(status.decode_tokens_per_second, 0);
}

TEST_F(SchedulerTest, TellsCostsBeforeTheFirstQuestion) {
    start(Script({{'A', "x"}}));
    while (scheduler_->status().prefill_tokens_per_second == 0) {
        std::this_thread::yield();
    }
    const ReentryCost cost = scheduler_->reentryCost(TokenIds(1000, 'A'));
    EXPECT_EQ(cost.reused, 0u);
    EXPECT_GT(cost.seconds, 0);
}

TEST_F(SchedulerTest, EditingTheLastMessageReplaysOnlyThat) {
    start(Script({{'A', "ok"}}));
    const TokenId begin = *smallTokenizer()->idOf("<beginning_of_sentence>");
    const auto chat = [&](const std::string& last) {
        TokenIds prompt = bytes(fmt::format("A{:h>1000}", ""));
        prompt.push_back(begin);
        for (const TokenId id : bytes(fmt::format("user\n{}", last))) {
            prompt.push_back(id);
        }
        prompt.push_back(endOfSentence());
        prompt.push_back('\n');
        prompt.push_back(begin);
        for (const TokenId id : bytes("ai\n|")) {
            prompt.push_back(id);
        }
        return prompt;
    };
    run(greedy(chat("first wording")));
    waitUntilIdle();
    EXPECT_EQ(run(greedy(chat("second wording")))->summary.reused_tokens, 1001u);
}

TEST_F(SchedulerTest, ALongPromptDoesNotStopAnswers) {
    start(Script({{'A', std::string(400, 'x')}, {'B', "done"}}));
    auto answer = std::make_shared<CollectingListener>();
    scheduler_->submit(greedy(bytes("A|")), answer);
    ASSERT_TRUE(answer->waitForTokens(1));
    const auto prompted = run(greedy(bytes(fmt::format("B{:p>5000}|", ""))));
    ASSERT_TRUE(answer->wait());
    EXPECT_EQ(answer->text.size(), 400u);
    EXPECT_EQ(prompted->text, "done");
    EXPECT_GT(prompted->prefill.size(), 10u);
    std::size_t since_decode = 0;
    std::size_t decoded = 0;
    for (const auto& batch : runner_->log()) {
        const bool decode = std::all_of(batch.begin(), batch.end(), [](std::size_t n) { return n == 1; });
        since_decode = decode ? 0 : since_decode + 1;
        decoded += decode ? 1 : 0;
        if (decoded > 0 && decoded < 400) {
            EXPECT_LE(since_decode, 1u);
            EXPECT_LE(*std::max_element(batch.begin(), batch.end()), 64u);
        }
    }
}

TEST_F(SchedulerTest, ManySequencesShareBatches) {
    start(Script({{'A', std::string(100, 'a')}, {'B', std::string(100, 'b')}}));
    std::vector<std::shared_ptr<CollectingListener>> listeners;
    for (int i = 0; i < 20; ++i) {
        listeners.push_back(std::make_shared<CollectingListener>());
        scheduler_->submit(greedy(bytes(fmt::format("{}{}|", i % 2 == 0 ? 'A' : 'B', i))), listeners.back());
    }
    for (std::size_t i = 0; i < listeners.size(); ++i) {
        ASSERT_TRUE(listeners[i]->wait());
        EXPECT_EQ(listeners[i]->text, std::string(100, i % 2 == 0 ? 'a' : 'b'));
    }
    std::size_t largest = 0;
    for (const auto& batch : runner_->log()) {
        largest = std::max(largest, batch.size());
    }
    EXPECT_GT(largest, 5u);
    EXPECT_LT(runner_->log().size(), 20u * 100);
}

TEST_F(SchedulerTest, OneFailureHarmsNobodyElse) {
    const Script script({{'A', std::string(200, 'a')}, {'N', "nan"}, {'R', "ab\x01no"}, {'T', "throw"}});
    start([&](const TokenIds& tokens, std::span<float> logits) {
        script(tokens, logits);
        if (tokens.front() == 'N' && tokens.size() > 3) {
            logits[5] = std::numeric_limits<float>::quiet_NaN();
        }
    });
    runner_->refused = 1;
    auto good = std::make_shared<CollectingListener>();
    auto nan = std::make_shared<CollectingListener>();
    auto refused = std::make_shared<CollectingListener>();
    auto throwing = std::make_shared<CollectingListener>();
    std::atomic<int> heard{0};
    throwing->on_token = [&](const TokenRecord&) {
        ++heard;
        throw std::runtime_error("the listener's own trouble");
    };
    scheduler_->submit(greedy(bytes("A|")), good);
    ASSERT_TRUE(good->waitForTokens(1));
    scheduler_->submit(greedy(bytes("N|")), nan);
    scheduler_->submit(greedy(bytes("R|")), refused);
    scheduler_->submit(greedy(bytes("T|")), throwing);
    ASSERT_TRUE(good->wait());
    ASSERT_TRUE(nan->wait());
    ASSERT_TRUE(refused->wait());
    EXPECT_EQ(good->text, std::string(200, 'a'));
    EXPECT_EQ(good->summary.reason, FinishReason::EndOfSentence);
    ASSERT_TRUE(nan->error);
    EXPECT_EQ(nan->error->kind(), ErrorKind::Internal);
    ASSERT_TRUE(refused->error);
    EXPECT_EQ(refused->error->kind(), ErrorKind::InvalidInput);
    waitUntilIdle();
    EXPECT_EQ(heard, 1);
}

TEST_F(SchedulerTest, OnlyWhoGetsNoMemoryFails) {
    start(Script({{'A', std::string(200, 'a')}, {'L', "!l"}, {'T', "?t"}}));
    runner_->too_large = '!';
    runner_->too_large_together = '?';
    auto good = std::make_shared<CollectingListener>();
    auto large = std::make_shared<CollectingListener>();
    auto together = std::make_shared<CollectingListener>();
    scheduler_->submit(greedy(bytes("A|")), good);
    ASSERT_TRUE(good->waitForTokens(1));
    scheduler_->submit(greedy(bytes("L|")), large);
    scheduler_->submit(greedy(bytes("T|")), together);
    ASSERT_TRUE(good->wait() && large->wait() && together->wait());
    EXPECT_EQ(good->text, std::string(200, 'a'));
    EXPECT_EQ(together->text, "?t");
    ASSERT_TRUE(large->error);
    EXPECT_EQ(large->error->kind(), ErrorKind::OutOfMemory);
}

TEST_F(SchedulerTest, ScoresThePrompt) {
    start(Script({{'A', "xyz"}}));
    GenerateRequest request = greedy(bytes("Aq|xQ"));
    request.echo_logprobs = true;
    request.alternatives = 2;
    request.stop.max_tokens = 1;
    for (int round = 0; round < 2; ++round) { // not even a snapshot keeps it from scoring all
        const auto answer = run(request);
        ASSERT_EQ(answer->prompt.size(), 5u);
        EXPECT_EQ(answer->prompt[0].id, 'A');
        EXPECT_EQ(answer->prompt[0].rank, 0);
        const double likely = 8.3 - std::log(std::exp(8.3) + kVocab - 1);
        EXPECT_NEAR(answer->prompt[2].logprob, likely, 1e-5); // '|' always follows
        EXPECT_NEAR(answer->prompt[3].logprob, likely, 1e-5); // "x" is what the script says
        EXPECT_NEAR(answer->prompt[4].logprob, likely - 8.3, 1e-5);
        EXPECT_EQ(answer->prompt[4].before[0].id, 'y');
        EXPECT_EQ(answer->tokens[0].id, 'z');
    }
}

TEST_F(SchedulerTest, GoesOnInsideACharacter) {
    start(Script({{'A', "\xe2\x82\xac!"}}));
    EXPECT_EQ(run(greedy(bytes("A|\xe2")))->text, "€!");
    GenerateRequest request = greedy(bytes("A|"));
    request.stop.max_tokens = 2;
    const auto cut = run(request);
    EXPECT_EQ(cut->text, "");
    EXPECT_EQ(cut->rest, "\xef\xbf\xbd"); // a character that never came to be
}

TEST_F(SchedulerTest, ManyComeAndGo) {
    EngineOptions options;
    options.memory_bytes = 512 << 10;
    options.snapshot_bytes = 128 << 10;
    options.snapshot_interval = 8;
    options.max_batch = 8;
    start(Script({{'A', std::string(60, 'a')}, {'B', "<think>" + std::string(80, 'b')}, {'C', "short"}}), options);
    std::vector<std::jthread> clients;
    std::atomic<int> finished{0};
    for (std::uint32_t client = 0; client < 4; ++client) {
        clients.emplace_back([this, client, &finished] {
            std::mt19937 random(client);
            for (int round = 0; round < 15; ++round) {
                auto listener = std::make_shared<CollectingListener>();
                const char name = "ABC"[random() % 3];
                GenerateRequest request =
                    greedy(bytes(fmt::format("{}{}|", name, std::string(random() % 300, 'p'))));
                request.sampler.temperature = random() % 2 == 0 ? 0.0f : 0.2f;
                request.sampler.seed = random();
                request.stop.max_tokens = 100;
                request.stop.thinking_budget = random() % 2 == 0 ? 0 : 20;
                const GenerationId id = scheduler_->submit(request, listener);
                if (random() % 3 == 0) {
                    listener->waitForTokens(random() % 20);
                    scheduler_->cancel(id);
                }
                scheduler_->reentryCost(request.prompt);
                scheduler_->status();
                if (random() % 4 != 0) {
                    EXPECT_TRUE(listener->wait());
                    EXPECT_FALSE(listener->error);
                    EXPECT_EQ(listener->after_end, 0);
                    ++finished;
                }
            }
        });
    }
    clients.clear();
    EXPECT_GT(finished, 20);
    waitUntilIdle();
    EXPECT_LE(scheduler_->status().snapshot_bytes, *options.snapshot_bytes);
}

} // namespace
} // namespace fulgurite
