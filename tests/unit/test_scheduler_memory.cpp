// SPDX-License-Identifier: Apache-2.0
// A machine, or a device, without memory in the middle of answers: one of them ends, the engine lives, and what is
// worth having but not needed is given up first.
#include "core/generate/overload.h"
#include "core/generate/scheduler.h"
#include "tests/support/collecting_listener.h"
#include "tests/support/host_device.h"
#include "tests/support/refused_memory.h"
#include "tests/support/scripted_runner.h"
#include "tests/unit/letter_script.h"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <optional>
#include <thread>

namespace fulgurite {
namespace {

using test::CollectingListener;
using test::HostDevice;
using test::RefusedMemory;
using test::ScriptedRunner;
using namespace test::letters;

GenerateRequest greedy(const std::string& prompt) {
    GenerateRequest request;
    request.prompt = bytes(prompt);
    request.sampler.temperature = 0;
    return request;
}

EngineOptions smallOptions() {
    EngineOptions options;
    options.memory_bytes = std::size_t{64} << 20;
    options.snapshot_interval = 8;
    return options;
}

std::shared_ptr<CollectingListener> answerTo(Scheduler& scheduler, const std::string& prompt) {
    auto listener = std::make_shared<CollectingListener>();
    scheduler.submit(greedy(prompt), listener);
    EXPECT_TRUE(listener->wait());
    return listener;
}

void waitUntilIdle(const Scheduler& scheduler) {
    while (scheduler.status().active + scheduler.status().queued > 0) {
        std::this_thread::yield();
    }
}

class DeviceMemory : public testing::Test {
  protected:
    Scheduler& start(std::map<char, std::string> answers) {
        auto runner = std::make_unique<ScriptedRunner>(kVocab, 100000, Script(std::move(answers)));
        runner->keepStatesOn(device_);
        runner_ = runner.get();
        scheduler_ = std::make_unique<Scheduler>(std::move(runner), smallTokenizer(), smallOptions());
        return *scheduler_;
    }

    std::shared_ptr<HostDevice> device_ = std::make_shared<HostDevice>();
    ScriptedRunner* runner_ = nullptr;
    std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(DeviceMemory, ASnapshotThatFindsNoneIsLeftOut) {
    const std::string text(40, 'x');
    Scheduler& scheduler = start({{'A', text}});
    // From the first token on: the answer stays within the page that it has by then.
    auto listener = std::make_shared<CollectingListener>();
    listener->on_token = [&](const TokenRecord&) { device_->limit = 0; };
    scheduler.submit(greedy("A|"), listener);
    ASSERT_TRUE(listener->wait());
    EXPECT_FALSE(listener->error) << listener->error->what();
    EXPECT_EQ(listener->text, text);
    EXPECT_GT(device_->refusals, 2);
}

TEST_F(DeviceMemory, WithoutAnyOneAnswerEndsAndTheEngineLives) {
    Scheduler& scheduler = start({{'A', std::string(100, 'x')}, {'B', "short"}});
    device_->limit = 0;
    auto answer = answerTo(scheduler, "B|");
    ASSERT_TRUE(answer->error);
    EXPECT_EQ(answer->error->kind(), ErrorKind::OutOfMemory);
    EXPECT_NE(std::string(answer->error->what()).find("the device has no memory left"), std::string::npos);

    // While keys and values grow by a page.
    device_->limit = std::size_t{1} << 30;
    auto grows = std::make_shared<CollectingListener>();
    grows->on_token = [&](const TokenRecord&) { device_->limit = 0; };
    scheduler.submit(greedy("A|"), grows);
    ASSERT_TRUE(grows->wait());
    ASSERT_TRUE(grows->error);
    EXPECT_EQ(grows->error->kind(), ErrorKind::OutOfMemory);
    EXPECT_EQ(grows->text, std::string(grows->text.size(), 'x'));
    EXPECT_GT(grows->text.size(), 50u);

    device_->limit = std::size_t{1} << 30;
    answer = answerTo(scheduler, "B|");
    EXPECT_FALSE(answer->error);
    EXPECT_EQ(answer->text, "short");
}

TEST_F(DeviceMemory, SnapshotsGiveWayToAnAnswer) {
    Scheduler& scheduler = start({{'A', "first"}, {'B', "second"}});
    EXPECT_EQ(answerTo(scheduler, "A|")->text, "first");
    waitUntilIdle(scheduler);
    ASSERT_GT(scheduler.status().snapshot_count, 0u);
    device_->limit = device_->used(); // all of it is snapshots
    const auto answer = answerTo(scheduler, "B|");
    EXPECT_FALSE(answer->error) << answer->error->what();
    EXPECT_EQ(answer->text, "second");
}

// A pass that ended half way has changed states: to run it again would answer with tokens absorbed twice.
TEST_F(DeviceMemory, APassThatEndedHalfWayIsNotRunAgain) {
    Scheduler& scheduler = start({{'A', "one two three four five six"}, {'B', "a b c d!e f g h"}});
    runner_->broken = '!'; // behind the other's token in a batch of both
    auto first = std::make_shared<CollectingListener>();
    auto second = std::make_shared<CollectingListener>();
    std::atomic<bool> go{false};
    first->on_token = [&](const TokenRecord&) {
        while (!go) {
            std::this_thread::yield();
        }
    };
    scheduler.submit(greedy("A|"), first);
    scheduler.submit(greedy("B|"), second);
    go = true;
    ASSERT_TRUE(first->wait());
    ASSERT_TRUE(second->wait());
    for (const auto& listener : {first, second}) {
        ASSERT_TRUE(listener->error) << listener->text;
        EXPECT_EQ(listener->error->kind(), ErrorKind::OutOfMemory);
    }
    EXPECT_EQ(second->text, "a b c d!");
    waitUntilIdle(scheduler);
    // Nor is anything of it kept.
    runner_->broken = -1;
    EXPECT_EQ(answerTo(scheduler, "A|")->text, "one two three four five six");
    EXPECT_EQ(answerTo(scheduler, "B|")->text, "a b c d!e f g h");
}

// A state that is brought here counts like one of an answer as long as it is on its way in.
TEST(BroughtStates, TakeWhatRunningAnswersLeave) {
    EngineOptions options;
    options.memory_bytes = 20000; // an answer is promised 17 pages of 1 KiB
    auto runner = std::make_unique<ScriptedRunner>(kVocab, 100000, Script({{'A', std::string(20, 'x')}}));
    const StateShape shape = runner->stateShape();
    Scheduler scheduler(std::move(runner), smallTokenizer(), options);
    const auto bring = [&](std::size_t count, bool& restored) {
        return scheduler.keepSnapshot(
            TokenIds(count, 'y'),
            [&] {
                restored = true;
                SequenceState state(shape);
                state.skipTo(count);
                return state;
            },
            {});
    };
    bool restored = false;
    EXPECT_FALSE(bring(3000, restored));
    EXPECT_FALSE(restored) << "it could not be kept";

    std::atomic<bool> go{false};
    auto answer = std::make_shared<CollectingListener>();
    answer->on_token = [&](const TokenRecord&) {
        while (!go) {
            std::this_thread::yield();
        }
    };
    scheduler.submit(greedy("A|"), answer);
    ASSERT_TRUE(answer->waitForTokens(1));
    try {
        bring(400, restored);
        ADD_FAILURE() << "there was no room";
    } catch (const OverloadError& error) { // there will be, when the answer has ended
        EXPECT_GE(error.seconds(), 1);
        EXPECT_NE(std::string(error.what()).find("needs 7.0 KiB"), std::string::npos) << error.what();
    }
    EXPECT_FALSE(restored);
    EXPECT_TRUE(bring(60, restored));
    EXPECT_TRUE(restored);
    go = true;
    ASSERT_TRUE(answer->wait());
    waitUntilIdle(scheduler);
    EXPECT_TRUE(bring(400, restored)) << "what was set aside was given back";
}

// One of four ranks: a fourth of the heads, and so of every state, is here.
class OneOfFour final : public ForwardRunner {
  public:
    OneOfFour() : inner_(kVocab, 100000, Script({{'A', "found"}})), config_(inner_.config()) {
        config_.num_heads *= 4;
        config_.num_kv_heads *= 4;
    }
    const ModelConfig& config() const override { return config_; }
    StateShape stateShape() const override { return inner_.stateShape(); }
    kernels::ThreadPool& pool() override { return inner_.pool(); }
    void forward(std::span<SequenceChunk> batch, std::vector<float>& logits) override {
        inner_.forward(batch, logits);
    }

  private:
    ScriptedRunner inner_;
    ModelConfig config_;
};

TEST(RankMemory, AStateIsAsLargeAsItsPartHere) {
    EngineOptions options;
    options.memory_bytes = 5000; // two pages of 1 KiB and the matrices, not four times that
    Scheduler scheduler(std::make_unique<OneOfFour>(), smallTokenizer(), options);
    const auto answer = answerTo(scheduler, "A" + std::string(100, 'p') + "|");
    EXPECT_FALSE(answer->error);
    EXPECT_EQ(answer->text, "found");
}

// The memory for snapshots goes by what a conversation of this model takes.
TEST(SnapshotMemory, HoldsTwoLongConversationsOrAQuarter) {
    const auto statusWith = [](std::size_t memory, std::optional<std::size_t> snapshots, std::int64_t positions) {
        EngineOptions options;
        options.memory_bytes = memory;
        options.snapshot_bytes = snapshots;
        auto runner = std::make_unique<ScriptedRunner>(kVocab, positions, Script({{'A', "x"}}));
        return Scheduler(std::move(runner), smallTokenizer(), options).status();
    };
    constexpr std::size_t kPage = 1024; // 64 tokens of the scripted model
    constexpr std::size_t kLong = kWorthKeeping / 64 * kPage + 16;
    EXPECT_EQ(statusWith(64 << 20, {}, 100000).snapshot_limit, std::size_t{16} << 20);
    EXPECT_EQ(statusWith(1 << 20, {}, 100000).snapshot_limit, 2 * kLong);
    EXPECT_GE(statusWith(1 << 20, {}, 100000).snapshot_tokens, 2 * kWorthKeeping);
    EXPECT_EQ(statusWith(100 << 10, {}, 100000).snapshot_limit, std::size_t{100} << 10) << "no more than there is";
    EXPECT_EQ(statusWith(1 << 20, 3 * kPage + 16, 100000).snapshot_tokens, 3 * 64U);
    EXPECT_EQ(statusWith(1 << 20, 3 * kPage + 16, 100000).snapshot_limit, 3 * kPage + 16);
    EXPECT_GE(statusWith(1 << 20, 3 * kPage + 16, 150).snapshot_tokens, kWorthKeeping) << "none is longer";
    EXPECT_EQ(statusWith(1 << 20, 0, 100000).snapshot_limit, 0U);
}

// Says what it hears without taking memory for it: what is refused is the scheduler's own.
class FrugalListener final : public GenerationListener {
  public:
    FrugalListener() { text_.reserve(4096); }
    void onToken(const TokenRecord&, const std::string& part) override { text_ += part; }
    void onFinish(const GenerationSummary&, const std::string& rest) override {
        text_ += rest;
        end_ = 1;
    }
    void onError(const Error&) override { end_ = 2; }

    bool wait() const {
        for (int i = 0; i < 60000 && end_ == 0; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return end_ != 0;
    }
    bool failed() const { return end_ == 2; }
    const std::string& text() const { return text_; }

  private:
    std::string text_;
    std::atomic<int> end_{0};
};

// Whatever the working thread asks memory for, for want of it nothing is worse than an answer that ends with an error.
TEST(HostMemory, NoArrayThatIsRefusedEndsTheEngine) {
    const Script script({{'A', "an answer of some length, so that snapshots are taken"}, {'B', "a shorter one"}});
    const std::string expected[] = {"an answer of some length, so that snapshots are taken", "a shorter one"};
    RefusedMemory::marked_threads_alone = true;
    int failures = 0;
    for (int allowed = 0;; allowed += 1 + allowed / 64) {
        Scheduler scheduler(std::make_unique<ScriptedRunner>(kVocab, 100000,
                                                             [&](const TokenIds& tokens, std::span<float> logits) {
                                                                 script(tokens, logits);
                                                                 RefusedMemory::marked = true; // the working thread from now on
                                                             }),
                            smallTokenizer(), smallOptions());
        answerTo(scheduler, "B|"); // the thread has shown itself
        waitUntilIdle(scheduler);
        RefusedMemory::until = allowed;
        std::vector<std::shared_ptr<FrugalListener>> listeners;
        for (const char* prompt : {"A|", "B again|"}) {
            listeners.push_back(std::make_shared<FrugalListener>());
            scheduler.submit(greedy(prompt), listeners.back());
        }
        for (std::size_t i = 0; i < listeners.size(); ++i) {
            ASSERT_TRUE(listeners[i]->wait()) << "nobody heard of the end of answer " << i << ", array " << allowed;
            failures += listeners[i]->failed() ? 1 : 0;
            if (!listeners[i]->failed()) {
                EXPECT_EQ(listeners[i]->text(), expected[i]) << "array " << allowed;
            }
        }
        waitUntilIdle(scheduler);
        const bool enough = RefusedMemory::until.exchange(-1) >= 0;
        const auto afterwards = answerTo(scheduler, "A|");
        ASSERT_FALSE(afterwards->error) << "array " << allowed << ": " << afterwards->error->what();
        ASSERT_EQ(afterwards->text, expected[0]) << "array " << allowed;
        if (enough) {
            break;
        }
    }
    EXPECT_GT(failures, 10);
}

} // namespace
} // namespace fulgurite
