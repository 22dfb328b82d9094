// SPDX-License-Identifier: Apache-2.0
// Turns at the model: order, errors, the share of the time, and the end.
#include "core/base/error.h"
#include "core/generate/model_turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace fulgurite {
namespace {

constexpr std::size_t kBudget = 64;

class ModelTurnsTest : public testing::Test {
  protected:
    void waitUntilWanted() {
        while (!turns_.wanted()) {
            std::this_thread::yield();
        }
    }
    void idleRound() { turns_.afterRound(0, false, pool_, kBudget); }

    kernels::ThreadPool pool_{1};
    std::atomic<int> woken_{0};
    ModelTurns turns_{[this] { ++woken_; }};
};

TEST_F(ModelTurnsTest, RunsOnTheWorkingThreadWithItsPoolAndBudget) {
    std::thread::id ran;
    std::size_t budget = 0;
    kernels::ThreadPool* pool = nullptr;
    std::jthread asker([&] {
        turns_.take([&](kernels::ThreadPool& p, std::size_t tokens) {
            ran = std::this_thread::get_id();
            budget = tokens;
            pool = &p;
        });
    });
    waitUntilWanted();
    idleRound();
    asker.join();
    EXPECT_EQ(ran, std::this_thread::get_id());
    EXPECT_EQ(budget, kBudget);
    EXPECT_EQ(pool, &pool_);
    EXPECT_EQ(woken_, 1);
    EXPECT_FALSE(turns_.wanted());
}

TEST_F(ModelTurnsTest, WhatTheWorkThrowsReachesWhoAskedForIt) {
    std::string said;
    std::jthread asker([&] {
        try {
            turns_.take([](kernels::ThreadPool&, std::size_t) { fail(ErrorKind::Io, "the disk is full"); });
        } catch (const Error& error) {
            said = error.what();
        }
    });
    waitUntilWanted();
    idleRound();
    asker.join();
    EXPECT_EQ(said, "the disk is full");
}

// A turn of 20 ms is followed by rounds of 5 ms: the next turn must wait for at least four of them.
TEST_F(ModelTurnsTest, AnswersGetAtLeastAsMuchTimeAsTurns) {
    std::atomic<int> ran{0};
    std::jthread asker([&] {
        for (int i = 0; i < 2; ++i) {
            turns_.take([&](kernels::ThreadPool&, std::size_t) {
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
                ++ran;
            });
        }
    });
    waitUntilWanted();
    turns_.afterRound(0.005, true, pool_, kBudget);
    ASSERT_EQ(ran, 1);
    waitUntilWanted();
    for (int round = 0; round < 3; ++round) { // 15 ms are less than any sleep of 20 ms
        turns_.afterRound(0.005, true, pool_, kBudget);
        EXPECT_EQ(ran, 1) << "after round " << round;
    }
    while (ran < 2) {
        turns_.afterRound(0.005, true, pool_, kBudget);
    }
    asker.join();
}

TEST_F(ModelTurnsTest, NobodyWaitsBeyondTheEnd) {
    std::atomic<int> refused{0};
    std::vector<std::jthread> askers;
    for (int i = 0; i < 3; ++i) {
        askers.emplace_back([&] {
            try {
                turns_.take([](kernels::ThreadPool&, std::size_t) { FAIL() << "ran after the end"; });
            } catch (const Error& error) {
                refused += error.kind() == ErrorKind::Unavailable ? 1 : 0;
            }
        });
    }
    waitUntilWanted();
    turns_.stop();
    askers.clear();
    EXPECT_EQ(refused, 3);
}

} // namespace
} // namespace fulgurite
