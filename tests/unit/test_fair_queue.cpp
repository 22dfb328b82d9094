// SPDX-License-Identifier: Apache-2.0
// Requests of several tenants take turns, whatever one of them sends; none holds more memory than its share; a full
// queue says when to come back.
#include "core/generate/overload.h"
#include "core/generate/scheduler.h"
#include "tests/support/collecting_listener.h"
#include "tests/support/scripted_runner.h"
#include "tests/unit/letter_script.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <future>
#include <gmock/gmock.h>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace fulgurite {
namespace {

using test::CollectingListener;
using test::ScriptedRunner;
using testing::HasSubstr;
using namespace test::letters;

class FairnessTest : public testing::Test {
  protected:
    void start(EngineOptions options) {
        auto runner = std::make_unique<ScriptedRunner>(kVocab, 100000, Script({{'A', "ok"}}));
        runner_ = runner.get();
        scheduler_ = std::make_unique<Scheduler>(std::move(runner), smallTokenizer(), options);
    }
    ~FairnessTest() override {
        open();
        scheduler_.reset();
    }

    // With its first token it enters the order, and holds the engine up until the gate is open.
    void submit(const std::string& tenant, double share = 1, const std::string& prompt = "A|") {
        auto listener = std::make_shared<CollectingListener>();
        listener->on_token = [this, tenant, first = true](const TokenRecord& token) mutable {
            {
                const std::lock_guard lock(mutex_);
                if (std::exchange(first, false)) {
                    order_.push_back(tenant);
                    most_[tenant] = std::max(most_[tenant], ++now_[tenant]);
                }
                now_[tenant] -= token.id == endOfSentence() ? 1 : 0;
            }
            opened_.wait();
        };
        GenerateRequest request;
        request.prompt = bytes(prompt);
        request.sampler.temperature = 0;
        request.stop.max_tokens = 4;
        request.tenant = {tenant, share};
        scheduler_->submit(std::move(request), listener);
        listeners_.push_back(listener);
    }
    void open() {
        if (!std::exchange(is_open_, true)) {
            gate_.set_value();
        }
    }
    std::vector<std::string> orderOfAll() {
        open();
        for (const auto& listener : listeners_) {
            EXPECT_TRUE(listener->wait());
            EXPECT_FALSE(listener->error);
        }
        const std::lock_guard lock(mutex_);
        return order_;
    }

    ScriptedRunner* runner_ = nullptr;
    std::unique_ptr<Scheduler> scheduler_;
    std::promise<void> gate_;
    std::shared_future<void> opened_ = gate_.get_future().share();
    bool is_open_ = false;
    std::vector<std::shared_ptr<CollectingListener>> listeners_;
    std::mutex mutex_;
    std::vector<std::string> order_;
    std::map<std::string, int> now_, most_; // at work
};

TEST_F(FairnessTest, AFloodDelaysSomebodyElseByOne) {
    start({.memory_bytes = std::size_t{64} << 20, .max_batch = 1});
    submit("flood");
    EXPECT_TRUE(listeners_[0]->waitForTokens(1));
    for (int i = 0; i < 50; ++i) {
        submit("flood");
    }
    submit("person");
    const std::vector<std::string> order = orderOfAll();
    EXPECT_EQ(order.at(1), "person");
    EXPECT_EQ(std::count(order.begin(), order.end(), "flood"), 51);
}

TEST_F(FairnessTest, TenantsTakeTurns) {
    start({.memory_bytes = std::size_t{64} << 20, .max_batch = 1});
    submit("a");
    EXPECT_TRUE(listeners_[0]->waitForTokens(1));
    for (const char* tenant : {"a", "a", "a", "b", "b", "c", "b", "c"}) {
        submit(tenant);
    }
    EXPECT_EQ(orderOfAll(), (std::vector<std::string>{"a", "b", "c", "a", "b", "c", "a", "b", "a"}));
}

TEST_F(FairnessTest, OfSeveralPlacesEachTenantHasItsPart) {
    start({.memory_bytes = std::size_t{64} << 20, .max_batch = 4});
    submit("flood");
    EXPECT_TRUE(listeners_[0]->waitForTokens(1));
    for (int i = 0; i < 8; ++i) {
        submit("flood");
    }
    submit("person");
    submit("person");
    const std::vector<std::string> order = orderOfAll();
    EXPECT_EQ(std::count(order.begin(), order.begin() + 4, "person"), 2);
}

TEST_F(FairnessTest, MemorySharesAreKeptAndHoldUpNobodyElse) {
    const StateShape shape = StateShape::of(ScriptedRunner(kVocab, 100000, Script({{'A', "ok"}})).config());
    const std::size_t one = shape.bytesAt(8);
    start({.memory_bytes = 8 * one, .snapshot_bytes = 0, .max_batch = 8});
    submit("free");
    EXPECT_TRUE(listeners_[0]->waitForTokens(1));
    for (int i = 0; i < 3; ++i) {
        submit("bound", 0.15);
    }
    submit("free");
    const std::vector<std::string> order = orderOfAll();
    EXPECT_LE(std::find(order.begin() + 1, order.end(), "free") - order.begin(), 2) << "it waits for no share";
    EXPECT_EQ(most_["bound"], 1);
    EXPECT_THROW(submit("bound", 0.15, std::string(100, 'x')), Error);
    EXPECT_NO_THROW(submit("free", 1, std::string(100, 'x') + "A|"));
}

TEST_F(FairnessTest, AFullQueueSaysWhenToComeBackAndHasRoomForOthers) {
    start({.memory_bytes = std::size_t{64} << 20, .max_batch = 1, .max_queue = 4});
    submit("a");
    EXPECT_TRUE(listeners_[0]->waitForTokens(1));
    for (int i = 0; i < 4; ++i) {
        submit("a");
    }
    try {
        submit("a");
        FAIL() << "the queue is full";
    } catch (const OverloadError& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Unavailable);
        EXPECT_GE(error.seconds(), 1);
        EXPECT_LE(error.seconds(), 600);
        EXPECT_THAT(error.what(), HasSubstr("4 requests are waiting already, 4 of them yours"));
    }
    submit("b");
    submit("b");
    EXPECT_THROW(submit("b"), OverloadError);
    EXPECT_GT(scheduler_->status().queue_seconds, 0);
    EXPECT_EQ(orderOfAll().size(), 7U);
}

// Time in which nobody asked for anything is not time that an answer takes.
TEST_F(FairnessTest, AfterAnIdleTimeTheWaitIsThatOfTheWorkAlone) {
    using Clock = std::chrono::steady_clock;
    constexpr auto kIdle = std::chrono::milliseconds(1500);
    start({.memory_bytes = std::size_t{64} << 20, .max_batch = 1});
    std::promise<void> first;
    const std::shared_future<void> closed = std::exchange(opened_, first.get_future().share());
    first.set_value();
    const auto began = Clock::now();
    submit("a");
    EXPECT_TRUE(listeners_[0]->wait());
    while (scheduler_->status().active > 0) {
        std::this_thread::yield();
    }
    const auto worked = Clock::now() - began;
    std::this_thread::sleep_for(kIdle);
    opened_ = closed;
    const auto again = Clock::now();
    submit("a");
    EXPECT_TRUE(listeners_[1]->waitForTokens(1));
    submit("a");
    const double wait = scheduler_->status().queue_seconds;
    const std::chrono::duration<double> most = worked + (Clock::now() - again);
    EXPECT_GT(wait, 0);
    EXPECT_LE(wait, most.count());
    EXPECT_EQ(orderOfAll().size(), 3U);
}

// What others than answers hold of the memory for states is not promised to answers, and the other way round.
TEST_F(FairnessTest, WhatIsSetAsideIsNobodyElses) {
    const StateShape shape = StateShape::of(ScriptedRunner(kVocab, 100000, Script({{'A', "ok"}})).config());
    const std::size_t one = shape.bytesAt(8);
    start({.memory_bytes = 4 * one, .snapshot_bytes = 0, .max_batch = 8});
    auto held = scheduler_->setAside(3 * one);
    EXPECT_THROW(scheduler_->setAside(2 * one), OverloadError);
    submit("a"); // the last quarter is its own
    EXPECT_TRUE(listeners_[0]->waitForTokens(1));
    submit("b");
    open();
    EXPECT_TRUE(listeners_[0]->wait() && listeners_[1]->wait());
    EXPECT_EQ(most_["b"], 1);
    held = scheduler_->setAside(one);
    held.reset();
    EXPECT_NO_THROW(scheduler_->setAside(4 * one));
}

TEST_F(FairnessTest, AShareHoldsForAnswersAndOtherWorkTogether) {
    const StateShape shape = StateShape::of(ScriptedRunner(kVocab, 100000, Script({{'A', "ok"}})).config());
    const std::size_t one = shape.bytesAt(8);
    start({.memory_bytes = 8 * one, .snapshot_bytes = 0, .max_batch = 8});
    const Tenant bound{"bound", 0.5};
    const auto two = scheduler_->setAside(2 * one, bound);
    EXPECT_THROW(scheduler_->setAside(3 * one, bound), OverloadError);
    const auto others = scheduler_->setAside(3 * one, {"other", 0.5});
    auto third = scheduler_->setAside(one, bound);
    EXPECT_THROW(scheduler_->setAside(2 * one, bound), OverloadError);
    for (int i = 0; i < 2; ++i) {
        submit("bound", 0.5); // the last quarter of its share is for one of them
    }
    EXPECT_TRUE(listeners_[0]->waitForTokens(1));
    EXPECT_EQ(orderOfAll().size(), 2U);
    EXPECT_EQ(most_["bound"], 1);
    third.reset();
    while (scheduler_->status().active > 0) {
        std::this_thread::yield();
    }
    EXPECT_NO_THROW(scheduler_->setAside(2 * one, bound));
}

// A turn would need memory, and wait for as long as the engine is busy.
TEST_F(FairnessTest, WhatWasSetAsideComesBackWhateverTheEngineDoes) {
    const StateShape shape = StateShape::of(ScriptedRunner(kVocab, 100000, Script({{'A', "ok"}})).config());
    const std::size_t one = shape.bytesAt(8);
    start({.memory_bytes = 4 * one, .snapshot_bytes = 0});
    auto held = scheduler_->setAside(3 * one);
    submit("a");
    EXPECT_TRUE(listeners_[0]->waitForTokens(1)); // and is held there
    auto back = std::async(std::launch::async, [&] { held.reset(); });
    EXPECT_EQ(back.wait_for(std::chrono::seconds(5)), std::future_status::ready);
    open();
    back.wait();
    EXPECT_NO_THROW(scheduler_->setAside(3 * one));
}

TEST_F(FairnessTest, WhoeverWaitsForMemoryThatIsSetAsideUsesNoProcessor) {
    const StateShape shape = StateShape::of(ScriptedRunner(kVocab, 100000, Script({{'A', "ok"}})).config());
    const std::size_t all = 4 * shape.bytesAt(8);
    start({.memory_bytes = all, .snapshot_bytes = 0});
    open();
    auto held = scheduler_->setAside(all);
    submit("a");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 20);
    EXPECT_EQ(scheduler_->status().queued, 1U);
    // Nor does it keep anybody else from a turn, or from being cancelled.
    scheduler_->takeTurn([](kernels::ThreadPool&, std::size_t) {});
    submit("b");
    scheduler_->cancel(2);
    EXPECT_TRUE(listeners_[1]->wait());
    EXPECT_EQ(listeners_[1]->summary.reason, FinishReason::Cancelled);
    held.reset();
    EXPECT_TRUE(listeners_[0]->wait());
    EXPECT_EQ(listeners_[0]->text, "ok");
}

TEST(FinishRateTest, CountsTheTimeInWhichThereIsWork) {
    using std::chrono::seconds;
    const FinishRate::Clock::time_point start;
    FinishRate rate;
    EXPECT_FALSE(rate.secondsEach(start));
    rate.busy(start);
    rate.busy(start + seconds(1)); // more of it
    EXPECT_FALSE(rate.secondsEach(start + seconds(2)));
    rate.finished(start + seconds(2));
    EXPECT_EQ(rate.secondsEach(start + seconds(2)), 2);
    rate.finished(start + seconds(4));
    rate.idle(start + seconds(4));
    rate.idle(start + seconds(100));
    EXPECT_EQ(rate.secondsEach(start + seconds(1000)), 2);
    rate.busy(start + seconds(1000));
    EXPECT_EQ(rate.secondsEach(start + seconds(1002)), 3) << "one that takes long is seen before its end";
    for (int i = 0; i < 100; ++i) {
        rate.finished(start + seconds(1002 + i));
    }
    EXPECT_EQ(rate.secondsEach(start + seconds(1101)), 1) << "of the last ones";
}

} // namespace
} // namespace fulgurite
