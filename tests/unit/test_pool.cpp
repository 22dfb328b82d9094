// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool.h"

#include <atomic>
#include <gtest/gtest.h>
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
