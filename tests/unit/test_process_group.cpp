// SPDX-License-Identifier: Apache-2.0
// The communicator of processes: the bits that threads would get, orders in their place between the calls, and
// errors that name the rank. The ranks are threads here, with a connection each; tests/cli starts processes.
#include "kernels/comm/local_group.h"
#include "kernels/comm/process_group.h"
#include "kernels/dtype.h"
#include "tests/support/free_port.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <gmock/gmock.h>
#include <mutex>
#include <random>
#include <thread>
#include <unistd.h>
#include <vector>

namespace fulgurite::kernels {
namespace {

using test::freePort;
using testing::HasSubstr;
using namespace std::chrono_literals;

// Runs `work` on every rank and returns what each was told when it failed, "" for nothing.
std::vector<std::string> together(int size, const std::function<void(ProcessGroup&, Queue&)>& work) {
    const std::uint16_t port = freePort();
    std::vector<std::string> messages(static_cast<std::size_t>(size));
    std::vector<std::jthread> ranks;
    for (int rank = 0; rank < size; ++rank) {
        ranks.emplace_back([&, rank] {
            ThreadPool pool(1);
            Queue queue(pool);
            try {
                ProcessGroup group({"test", rank, size, rank, "127.0.0.1", port}, {"1", "model", "plan"}, 20s);
                work(group, queue);
            } catch (const CommError& error) {
                messages[static_cast<std::size_t>(rank)] = error.what();
            }
        });
    }
    ranks.clear();
    return messages;
}

std::vector<float> valuesOf(int rank, std::size_t count) {
    std::mt19937 random(static_cast<unsigned>(rank) + 1);
    std::uniform_real_distribution<float> value(-1.0f, 1.0f);
    std::vector<float> values(count);
    std::generate(values.begin(), values.end(), [&] { return value(random); });
    return values;
}

// What every rank gets out of all calls, one after another.
std::vector<float> callAll(Communicator& comm, Queue& queue) {
    std::vector<float> all;
    for (const std::size_t count : {0u, 1u, 1000u, 200000u}) {
        std::vector<float> sum = valuesOf(comm.rank(), count);
        comm.allReduceSum(sum.data(), count, queue);
        all.insert(all.end(), sum.begin(), sum.end());
        std::vector<float> gathered(count * static_cast<std::size_t>(comm.size()));
        const std::vector<float> mine = valuesOf(comm.rank(), count);
        comm.allGather(mine.data(), gathered.data(), count * sizeof(float), queue);
        all.insert(all.end(), gathered.begin(), gathered.end());
        for (int root = 0; root < comm.size(); ++root) {
            std::vector<float> sent = valuesOf(comm.rank(), count);
            comm.broadcast(sent.data(), count * sizeof(float), root, queue);
            all.insert(all.end(), sent.begin(), sent.end());
        }
        std::vector<std::uint16_t> halves(count);
        std::transform(mine.begin(), mine.end(), halves.begin(), floatToBf16);
        comm.allReduceSumBf16(halves.data(), count, queue);
        std::transform(halves.begin(), halves.end(), std::back_inserter(all), bf16ToFloat);
        comm.barrier(queue);
    }
    return all;
}

TEST(ProcessGroup, GivesTheBitsOfThreads) {
    for (const int size : {2, 3, 4}) {
        std::mutex mutex;
        std::vector<std::vector<float>> found;
        EXPECT_THAT(together(size,
                             [&](ProcessGroup& group, Queue& queue) {
                                 auto all = callAll(group, queue);
                                 const std::lock_guard lock(mutex);
                                 found.push_back(std::move(all));
                             }),
                    testing::Each(""));
        std::vector<float> expected;
        {
            LocalGroup threads(size);
            std::vector<std::jthread> ranks;
            for (int rank = 0; rank < size; ++rank) {
                ranks.emplace_back([&, rank] {
                    ThreadPool pool(1);
                    Queue queue(pool);
                    const auto comm = threads.join(rank, {});
                    auto all = callAll(*comm, queue);
                    if (rank == 0) {
                        expected = std::move(all);
                    }
                });
            }
        }
        ASSERT_EQ(found.size(), static_cast<std::size_t>(size));
        for (const auto& of_rank : found) {
            EXPECT_EQ(of_rank, expected) << size << " ranks";
        }
    }
}

TEST(ProcessGroup, OrdersKeepTheirPlaceBetweenCalls) {
    EXPECT_THAT(together(3,
                         [](ProcessGroup& group, Queue& queue) {
                             for (int i = 0; i < 50; ++i) {
                                 const std::string order(static_cast<std::size_t>(i) * 1000, 'x');
                                 if (group.rank() == 0) {
                                     group.tell(order);
                                 } else {
                                     EXPECT_EQ(group.hear(), order);
                                 }
                                 float one = 1;
                                 group.allReduceSum(&one, 1, queue);
                                 EXPECT_EQ(one, 3.0f);
                             }
                         }),
                testing::Each(""));
}

TEST(ProcessGroup, AnAbortEndsEveryCallWithTheRankAndTheReason) {
    for (const int culprit : {0, 2}) {
        const auto messages = together(4, [&](ProcessGroup& group, Queue& queue) {
            if (group.rank() == culprit) {
                group.abort("no memory is left");
                return;
            }
            float one = 1;
            while (true) {
                group.allReduceSum(&one, 1, queue);
            }
        });
        for (int rank = 0; rank < 4; ++rank) {
            if (rank != culprit) {
                EXPECT_THAT(messages[static_cast<std::size_t>(rank)],
                            HasSubstr("rank " + std::to_string(culprit) + ": no memory is left"));
            }
        }
    }
}

TEST(ProcessGroup, RanksThatCallDifferentThingsAreTold) {
    const auto messages = together(3, [](ProcessGroup& group, Queue& queue) {
        std::vector<float> values(8, 1.0f);
        group.allReduceSum(values.data(), group.rank() == 2 ? 4 : 8, queue);
        group.barrier(queue);
    });
    for (const std::string& message : messages) {
        EXPECT_THAT(message, HasSubstr("rank 2 came with a sum of 16 bytes"));
    }
}

TEST(ProcessGroup, WhoeverListensHearsOfALossOnce) {
    std::atomic<int> heard{0};
    together(2, [&](ProcessGroup& group, Queue& queue) {
        if (group.rank() == 1) {
            group.abort("gone");
            return;
        }
        group.onLoss([&](const CommError& error) {
            EXPECT_EQ(error.rank(), 1);
            ++heard;
        });
        EXPECT_THROW(group.barrier(queue), CommError);
        EXPECT_THROW(group.check(), CommError);
    });
    EXPECT_EQ(heard, 1);
}

} // namespace
} // namespace fulgurite::kernels
