// SPDX-License-Identifier: Apache-2.0
// The prefix tree against a plain list of token strings, its byte accounts against the pages it really holds, and
// the spacing of periodic snapshots.
#include "core/generate/snapshot_cache.h"
#include "core/generate/snapshot_plan.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace fulgurite {
namespace {

StateShape smallShape() {
    return {{LayerKind::Lightning, LayerKind::Softmax, LayerKind::Softmax}, 2, 1, 4};
}

// A state that remembers what it absorbed: the sum of the tokens lies in its matrix.
void absorb(SequenceState& state, std::span<const TokenId> tokens) {
    state.reserve(tokens.size());
    for (const TokenId token : tokens) {
        state.lightning(0)[0] = state.lightning(0)[0] * 3 + static_cast<float>(token);
    }
    state.advance(tokens.size());
}

SequenceState stateOf(std::span<const TokenId> tokens) {
    SequenceState state(smallShape());
    absorb(state, tokens);
    return state;
}

TEST(SnapshotCache, FindsTheLongestPrefixBelowTheLimit) {
    SnapshotCache cache(std::size_t{1} << 30);
    const TokenIds tokens{1, 2, 3, 4, 5, 6};
    EXPECT_FALSE(cache.longest("", tokens, 6));
    EXPECT_TRUE(
        cache.insert("", std::span(tokens).first(4), stateOf(std::span(tokens).first(4)), SnapshotKind::Turn));
    EXPECT_TRUE(
        cache.insert("", std::span(tokens).first(2), stateOf(std::span(tokens).first(2)), SnapshotKind::Turn));
    EXPECT_EQ(cache.longestLength("", tokens, 6), 4u);
    EXPECT_EQ(cache.longestLength("", tokens, 4), 4u);
    EXPECT_EQ(cache.longestLength("", tokens, 3), 2u);
    EXPECT_EQ(cache.longestLength("", tokens, 1), 0u);
    EXPECT_EQ(cache.longestLength("", TokenIds{1, 2, 9}, 3), 2u);
    EXPECT_EQ(cache.longestLength("", TokenIds{9}, 1), 0u);
    EXPECT_EQ(cache.longest("", tokens, 5)->position(), 4u);
    EXPECT_FALSE(
        cache.insert("", std::span(tokens).first(2), stateOf(std::span(tokens).first(2)), SnapshotKind::Turn));
    EXPECT_EQ(cache.count(), 2u);
}

TEST(SnapshotCache, ThinningSparesTurns) {
    SnapshotCache cache(std::size_t{1} << 30);
    const TokenIds tokens{1, 2, 3};
    cache.insert("", tokens, stateOf(tokens), SnapshotKind::Periodic);
    cache.erasePeriodic("", TokenIds{1, 2});
    EXPECT_TRUE(cache.contains("", tokens));
    cache.erasePeriodic("", tokens);
    EXPECT_FALSE(cache.contains("", tokens));
    cache.insert("", tokens, stateOf(tokens), SnapshotKind::Periodic);
    cache.insert("", tokens, stateOf(tokens), SnapshotKind::Turn);
    cache.erasePeriodic("", tokens);
    EXPECT_TRUE(cache.contains("", tokens));
}

TEST(SnapshotCache, DropsTheLeastRecentlyUsed) {
    const std::size_t one = smallShape().bytesAt(3);
    SnapshotCache cache(3 * one);
    const TokenIds a{1, 1, 1}, b{2, 2, 2}, c{3, 3, 3}, d{4, 4, 4};
    cache.insert("", a, stateOf(a), SnapshotKind::Turn);
    cache.insert("", b, stateOf(b), SnapshotKind::Turn);
    cache.insert("", c, stateOf(c), SnapshotKind::Turn);
    EXPECT_TRUE(cache.longest("", a, 3));
    cache.insert("", d, stateOf(d), SnapshotKind::Turn);
    EXPECT_TRUE(cache.contains("", a));
    EXPECT_FALSE(cache.contains("", b));
    EXPECT_TRUE(cache.contains("", c));
    EXPECT_TRUE(cache.contains("", d));
    EXPECT_EQ(cache.bytes(), 3 * one);
    cache.shrinkTo(one);
    EXPECT_TRUE(cache.contains("", d));
    EXPECT_EQ(cache.count(), 1u);
    const TokenIds huge(1000, 7);
    EXPECT_FALSE(cache.insert("", huge, stateOf(huge), SnapshotKind::Turn)); // larger than the whole budget
    EXPECT_EQ(cache.count(), 1u);
}

TEST(SnapshotCache, SharedPagesCountOnce) {
    SnapshotCache cache(std::size_t{1} << 30);
    const TokenIds tokens(200, 5);
    SequenceState state(smallShape());
    absorb(state, std::span(tokens).first(130));
    cache.insert("", std::span(tokens).first(130), state.fork(), SnapshotKind::Turn);
    absorb(state, std::span(tokens).first(70));
    cache.insert("", tokens, state.fork(), SnapshotKind::Turn);
    const std::size_t page = kPageTokens * smallShape().kvBytesPerToken();
    // 3 pages of the first; the second shares two of them and has two of its own
    EXPECT_EQ(cache.bytes(), 2 * smallShape().lightningBytes() + 5 * page);
    cache.erasePeriodic("", tokens);
    cache.shrinkTo(cache.bytes() - 1);
    EXPECT_FALSE(cache.contains("", std::span(tokens).first(130)));
    EXPECT_EQ(cache.bytes(), smallShape().lightningBytes() + 4 * page);
    cache.shrinkTo(0);
    EXPECT_EQ(cache.bytes(), 0u);
}

TEST(SnapshotCache, AgreesWithAPlainList) {
    std::mt19937 random(1);
    for (int round = 0; round < 30; ++round) {
        SnapshotCache cache(std::size_t{1} << 30);
        std::set<TokenIds> list;
        for (int step = 0; step < 200; ++step) {
            TokenIds tokens(1 + random() % 12);
            std::generate(tokens.begin(), tokens.end(), [&] { return static_cast<TokenId>(random() % 2); });
            switch (random() % 4) {
            case 0:
                cache.erasePeriodic("", tokens);
                list.erase(tokens);
                break;
            case 1:
                ASSERT_EQ(cache.insert("", tokens, stateOf(tokens), SnapshotKind::Periodic),
                          list.insert(tokens).second);
                break;
            default: {
                const std::size_t limit = random() % 13;
                std::size_t expected = 0;
                for (std::size_t n = 1; n <= std::min(limit, tokens.size()); ++n) {
                    if (list.contains(TokenIds(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(n)))) {
                        expected = n;
                    }
                }
                const auto found = cache.longest("", tokens, limit);
                ASSERT_EQ(found ? found->position() : 0, expected);
                if (found) {
                    const SequenceState own = stateOf(std::span(tokens).first(expected));
                    ASSERT_EQ(found->lightning(0)[0], own.lightning(0)[0]);
                }
            }
            }
            ASSERT_EQ(cache.count(), list.size());
        }
        cache.shrinkTo(0);
        EXPECT_EQ(cache.count(), 0u);
        EXPECT_EQ(cache.bytes(), 0u);
    }
}

TEST(SnapshotCache, ServesSeveralThreads) {
    SnapshotCache cache(64 * smallShape().bytesAt(1));
    std::vector<std::jthread> threads;
    for (std::uint32_t id = 0; id < 4; ++id) {
        threads.emplace_back([&cache, id] {
            std::mt19937 random(id);
            for (int step = 0; step < 500; ++step) {
                TokenIds tokens(1 + random() % 100, static_cast<TokenId>(random() % 3));
                if (random() % 2 == 0) {
                    cache.insert("", tokens, stateOf(tokens), SnapshotKind::Turn);
                } else if (auto found = cache.longest("", tokens, tokens.size())) {
                    absorb(*found, tokens);
                }
                EXPECT_LE(cache.bytes(), cache.budget());
            }
        });
    }
}

TEST(SnapshotPlan, GapsGrowWithTheDistanceFromTheEnd) {
    SnapshotPlan plan(64, 100000);
    std::set<std::size_t> there;
    std::size_t most = 0;
    for (std::size_t position = 1; position <= 200000; ++position) {
        if (!plan.due(position)) {
            continue;
        }
        there.insert(position);
        for (const std::size_t drop : plan.add(position)) {
            EXPECT_EQ(there.erase(drop), 1u);
        }
        most = std::max(most, there.size());
    }
    EXPECT_EQ(there, std::set<std::size_t>(plan.kept().begin(), plan.kept().end()));
    EXPECT_LT(most, 260u); // against 3,125 at even spacing
    const std::size_t end = plan.kept().back();
    for (std::size_t back = 1; back < end; back += 97) {
        const auto above = there.upper_bound(end - back);
        const std::size_t snapshot = above == there.begin() ? 0 : *std::prev(above);
        EXPECT_LE(end - back - snapshot, 64 + back / SnapshotPlan::kDensity) << back;
    }
}

TEST(SnapshotPlan, StaysWithinItsAllowance) {
    for (const std::size_t allowance : {4u, 5u, 17u, 64u}) {
        SnapshotPlan plan(64, allowance);
        for (std::size_t position = 0; position < 300000; position += 13) {
            if (plan.due(position)) {
                plan.add(position);
                ASSERT_LE(plan.kept().size(), allowance);
            }
        }
        EXPECT_GE(plan.kept().size(), 3u);
    }
    EXPECT_FALSE(SnapshotPlan(64, 3).due(1000));
    EXPECT_FALSE(SnapshotPlan(0, 100).due(1000));
    SnapshotPlan late(64, 100);
    late.start(1000);
    EXPECT_FALSE(late.due(1063));
    EXPECT_TRUE(late.due(1064));
}

} // namespace
} // namespace fulgurite
