// SPDX-License-Identifier: Apache-2.0
// Ranks that are threads: what their collective calls give, and what the others hear when one of them fails.
#include "kernels/comm/local_group.h"

#include <bit>
#include <cmath>
#include <functional>
#include <gmock/gmock.h>
#include <random>
#include <thread>
#include <vector>

namespace fulgurite::kernels {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

struct RankSetup {
    int rank = 0;
    RankIdentity identity{"1", "model", "plan"};
};

// Runs `work` on every rank; returns what each of them threw, "" for nothing.
std::vector<std::string> onRanks(int size, const std::function<void(Communicator&, Queue&)>& work,
                                 std::chrono::milliseconds timeout = 20s,
                                 const std::function<void(RankSetup&)>& prepare = {}) {
    LocalGroup group(size, timeout);
    std::vector<std::string> messages(static_cast<std::size_t>(size));
    {
        std::vector<std::jthread> threads;
        for (int rank = 0; rank < size; ++rank) {
            threads.emplace_back([&, rank] {
                ThreadPool pool(1);
                Queue queue(pool);
                RankSetup setup{rank};
                try {
                    if (prepare) {
                        prepare(setup);
                    }
                    const auto comm = group.join(setup.rank, setup.identity);
                    work(*comm, queue);
                } catch (const CommError& error) {
                    messages[static_cast<std::size_t>(rank)] = error.what();
                }
            });
        }
    }
    return messages;
}

std::vector<float> valuesOf(int rank, std::size_t count) {
    std::mt19937 random(static_cast<unsigned>(rank) + 1);
    std::uniform_real_distribution<float> value(-1, 1);
    std::vector<float> values(count);
    for (float& v : values) {
        v = value(random);
    }
    return values;
}

class Comm : public testing::TestWithParam<int> {};

TEST_P(Comm, AllReduceAddsInTheOrderOfRanksOnEveryRank) {
    for (const std::size_t count : {0u, 1u, 3u, 17u, 1000u}) {
        std::vector<float> expected(count, 0.0f);
        std::vector<float> expected_bf16(count, 0.0f);
        for (int rank = 0; rank < GetParam(); ++rank) {
            const auto values = valuesOf(rank, count);
            for (std::size_t i = 0; i < count; ++i) {
                expected[i] += values[i];
                expected_bf16[i] += bf16ToFloat(floatToBf16(values[i]));
            }
        }
        const auto failures = onRanks(GetParam(), [&](Communicator& comm, Queue& queue) {
            for (int repeat = 0; repeat < 3; ++repeat) {
                std::vector<float> mine = valuesOf(comm.rank(), count);
                std::vector<std::uint16_t> halves;
                for (const float value : mine) {
                    halves.push_back(floatToBf16(value));
                }
                comm.allReduceSum(mine.data(), count, queue);
                EXPECT_EQ(mine, expected);
                comm.allReduceSumBf16(halves.data(), count, queue);
                for (std::size_t i = 0; i < count; ++i) {
                    ASSERT_EQ(halves[i], floatToBf16(expected_bf16[i])) << i;
                }
            }
        });
        EXPECT_THAT(failures, testing::Each(""));
    }
}

TEST_P(Comm, GatherBroadcastAndBarrier) {
    const auto failures = onRanks(GetParam(), [&](Communicator& comm, Queue& queue) {
        EXPECT_EQ(comm.size(), GetParam());
        for (const std::size_t count : {0u, 1u, 33u}) {
            const auto mine = valuesOf(comm.rank(), count);
            std::vector<float> all(count * static_cast<std::size_t>(comm.size()), std::nanf(""));
            comm.allGather(mine.data(), all.data(), count * sizeof(float), queue);
            for (int rank = 0; rank < comm.size(); ++rank) {
                const auto begin =
                    all.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(rank) * count);
                EXPECT_EQ(std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(count)),
                          valuesOf(rank, count));
            }
        }
        for (int root = 0; root < comm.size(); ++root) {
            std::vector<float> values = valuesOf(comm.rank(), 9);
            comm.broadcast(values.data(), values.size() * sizeof(float), root, queue);
            EXPECT_EQ(values, valuesOf(root, 9));
        }
        comm.barrier(queue);
    });
    EXPECT_THAT(failures, testing::Each(""));
}

INSTANTIATE_TEST_SUITE_P(Ranks, Comm, testing::Values(1, 2, 4, 8));

TEST(CommFailure, ARankThatAbortsIsNamedToAllOthers) {
    const auto messages = onRanks(4, [](Communicator& comm, Queue& queue) {
        if (comm.rank() == 2) {
            comm.abort("out of memory");
            return;
        }
        for (;;) {
            comm.barrier(queue);
        }
    });
    EXPECT_EQ(messages[2], "");
    for (const int rank : {0, 1, 3}) {
        EXPECT_EQ(messages[static_cast<std::size_t>(rank)], "rank 2: out of memory");
    }
}

TEST(CommFailure, ARankThatLeavesIsNamedWhetherTheOthersWaitOrComeLater) {
    for (const bool late : {false, true}) {
        const auto messages = onRanks(3, [&](Communicator& comm, Queue& queue) {
            comm.barrier(queue);
            if (comm.rank() == 1) {
                std::this_thread::sleep_for(late ? 0ms : 50ms);
                return;
            }
            std::this_thread::sleep_for(late ? 50ms : 0ms);
            comm.barrier(queue);
        });
        EXPECT_EQ(messages[0], "rank 1 has left") << late;
        EXPECT_EQ(messages[2], "rank 1 has left") << late;
    }
}

TEST(CommFailure, ARankThatHangsIsNamedAfterTheTimeout) {
    const auto messages = onRanks(
        4,
        [](Communicator& comm, Queue& queue) {
            if (comm.rank() == 1 || comm.rank() == 3) {
                std::this_thread::sleep_for(3s);
            }
            float one = 1;
            comm.allReduceSum(&one, 1, queue);
        },
        1500ms);
    for (const std::string& message : messages) { // those that hung hear of it too
        EXPECT_EQ(message, "rank 1, rank 3 did not come to all-reduce of 1 within 1500 ms");
    }
}

TEST(CommFailure, ARankThatNeverJoinsIsNamed) {
    const auto messages = onRanks(
        3, [](Communicator&, Queue&) {}, 1500ms,
        [](RankSetup& setup) {
            if (setup.rank == 1) {
                throw CommError(1, "died before");
            }
        });
    EXPECT_THAT(messages[0], HasSubstr("rank 1 did not come to join"));
    EXPECT_THAT(messages[2], HasSubstr("rank 1 did not come to join"));
}

TEST(CommFailure, RanksThatCallDifferentThingsAreTold) {
    const auto messages = onRanks(3, [](Communicator& comm, Queue& queue) {
        std::vector<float> values(8);
        comm.allReduceSum(values.data(), comm.rank() == 2 ? 7 : 8, queue);
    });
    EXPECT_THAT(messages, testing::Each("rank 2 called all-reduce of 7 where rank 0 called all-reduce of 8"));
    const auto kinds = onRanks(2, [](Communicator& comm, Queue& queue) {
        float value = 0;
        if (comm.rank() == 1) {
            comm.broadcast(&value, 4, 0, queue);
        } else {
            comm.barrier(queue);
        }
    });
    EXPECT_THAT(kinds, testing::Each("rank 1 called broadcast of 4 where rank 0 called barrier of 0"));
}

TEST(CommFailure, RanksThatDisagreeNeverBegin) {
    const auto joinWith = [](const std::function<void(RankIdentity&)>& change) {
        return onRanks(
            4, [](Communicator&, Queue&) { FAIL() << "joined"; }, 20s,
            [&](RankSetup& setup) {
                if (setup.rank == 3) {
                    change(setup.identity);
                }
            });
    };
    EXPECT_THAT(
        joinWith([](RankIdentity& id) { id.model = "other"; }),
        testing::Each("rank 3 has loaded model other, rank 0 model model: give every rank the same folder"));
    EXPECT_THAT(joinWith([](RankIdentity& id) { id.version = "2"; }),
                testing::Each(HasSubstr("rank 3 runs version 2, rank 0 version 1")));
    EXPECT_THAT(joinWith([](RankIdentity& id) { id.plan = "8 ranks"; }),
                testing::Each(HasSubstr("rank 3 splits the model as \"8 ranks\", rank 0 as \"plan\"")));
}

TEST(CommFailure, ARankOutsideTheGroupIsRefused) {
    LocalGroup group(2);
    EXPECT_THROW(group.join(2, {}), CommError);
    EXPECT_THROW(group.join(-1, {}), CommError);
}

} // namespace
} // namespace fulgurite::kernels
