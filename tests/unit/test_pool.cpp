// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool.h"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace fulgurite::kernels {
namespace {

TEST(ThreadPool, CoversEveryIndexOnce) {
    for (const std::size_t threads : {1u, 2u, 3u, 8u}) {
        ThreadPool pool(threads);
        EXPECT_EQ(pool.size(), threads);
        for (const std::size_t count : {0u, 1u, 2u, 7u, 64u, 1001u}) {
            for (const std::size_t grain : {0u, 1u, 4u, 16u}) {
                std::vector<int> hits(count, 0);
                pool.parallelFor(count, grain, [&](std::size_t begin, std::size_t end, std::size_t worker) {
                    EXPECT_LT(worker, threads);
                    EXPECT_TRUE(grain == 0 || begin % grain == 0);
                    for (std::size_t i = begin; i < end; ++i) {
                        ++hits[i];
                    }
                });
                EXPECT_EQ(hits, std::vector<int>(count, 1));
            }
        }
    }
}

TEST(ThreadPool, WhatARangeThrowsReachesTheCallerWhenAllAreDone) {
    ThreadPool pool(4);
    for (std::size_t thrower = 0; thrower < 4; ++thrower) {
        std::atomic<int> done{0};
        const auto call = [&] {
            pool.parallelFor(4, 1, [&](std::size_t begin, std::size_t, std::size_t) {
                if (begin >= thrower) {
                    throw std::runtime_error(std::to_string(begin));
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
                ++done;
            });
        };
        try {
            call();
            FAIL() << "nothing was thrown";
        } catch (const std::runtime_error& error) {
            EXPECT_EQ(error.what(), std::to_string(thrower)) << "of several, the first range's";
        }
        EXPECT_EQ(done.load(), static_cast<int>(thrower));
    }
    // Of use afterwards, and with nothing left over.
    std::atomic<int> sum{0};
    pool.parallelFor(100, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        sum += static_cast<int>(end - begin);
    });
    EXPECT_EQ(sum.load(), 100);
}

TEST(ThreadPool, CallersOnSeveralThreadsTakeTurns) {
    ThreadPool pool(3);
    std::atomic<long> sum{0};
    {
        std::vector<std::jthread> callers;
        for (int caller = 0; caller < 4; ++caller) {
            callers.emplace_back([&] {
                for (int round = 0; round < 500; ++round) {
                    pool.parallelFor(30, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
                        sum += static_cast<long>(end - begin);
                    });
                }
            });
        }
    }
    EXPECT_EQ(sum.load(), 4 * 500 * 30);
}

} // namespace
} // namespace fulgurite::kernels
