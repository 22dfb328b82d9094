// SPDX-License-Identifier: Apache-2.0
// Ranking by votes: a worked example with four documents and two heads, and leaving heads out against trying every
// group with the ranking itself.
#include "core/base/error.h"
#include "core/retrieval/votes/ranking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace fulgurite::retrieval {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Field;

enum { A, B, C, D, E };

// Four documents, two heads: A (1,0) (0,2), B (0.6,0.8) (2,0), C (0,1) (1,1), D (-1,0) (0,-1), asked with
// (0.8,0.6) (1,0.5). Scores and distances as they follow from those vectors.
HeadLists example(std::size_t depth) {
    const std::vector<std::vector<std::int32_t>> documents{{B, A, C, D}, {C, B, A, D}};
    const std::vector<std::vector<float>> distances{{0.04f, 0.2f, 0.4f, 1.8f},
                                                    {0.051317f, 0.105573f, 0.552786f, 1.447214f}};
    HeadLists lists{.heads = 2, .depth = depth, .documents = {}, .distances = {}, .scores = {0.775, 1.2613737822}};
    for (std::size_t head = 0; head < 2; ++head) {
        lists.documents.insert(lists.documents.end(), documents[head].begin(),
                               documents[head].begin() + static_cast<std::ptrdiff_t>(depth));
        lists.distances.insert(lists.distances.end(), distances[head].begin(),
                               distances[head].begin() + static_cast<std::ptrdiff_t>(depth));
    }
    return lists;
}

// The totals are given to six digits, the distances to float32.
auto ranked(std::int32_t document, double total) {
    return ::testing::AllOf(Field(&Ranked::document, document),
                            Field(&Ranked::total, DoubleNear(total, 1e-5 * std::max(1.0, total))));
}

TEST(Votes, TwoNearestOfEachHead) {
    const HeadLists lists = example(2);
    EXPECT_THAT(rankByVotes(lists, VoteRule::Scaled),
                ElementsAre(ranked(B, 1.405687), ranked(C, 1.261374), ranked(A, 0.3875)));
    EXPECT_THAT(rankByVotes(lists, VoteRule::Decay), ElementsAre(ranked(B, 1.5), ranked(C, 1), ranked(A, 0.5)));
    EXPECT_THAT(rankByVotes(lists, VoteRule::Distance),
                ElementsAre(ranked(B, 34.4721), ranked(C, 19.4868), ranked(A, 5.0)));
}

TEST(Votes, FourNearestChangeTheWinner) {
    const HeadLists lists = example(4);
    EXPECT_THAT(rankByVotes(lists, VoteRule::Scaled),
                ElementsAre(ranked(C, 1.455124), ranked(B, 1.405687), ranked(A, 0.702843), ranked(D, 0.254547)));
    EXPECT_THAT(rankByVotes(lists, VoteRule::Decay),
                ElementsAre(ranked(B, 1.5), ranked(C, 1.25), ranked(A, 0.75), ranked(D, 0.25)));
}

TEST(Votes, HeadsThatAreOffDoNotVote) {
    const HeadLists lists = example(4);
    const std::vector<std::uint8_t> second_only{0, 1};
    const std::vector<Ranked> ranking = rankByVotes(lists, VoteRule::Decay, second_only);
    EXPECT_THAT(ranking, ElementsAre(ranked(C, 1), ranked(B, 0.5), ranked(A, 0.25), ranked(D, 0.125)));
    const std::vector<HeadVote> votes = votesFor(lists, VoteRule::Decay, B, second_only);
    EXPECT_EQ(votes[0].rank, 0);
    EXPECT_EQ(votes[0].vote, 0);
    EXPECT_EQ(votes[1].rank, 1);
    EXPECT_EQ(votes[1].vote, 0.5);
    EXPECT_TRUE(rankByVotes(lists, VoteRule::Decay, std::vector<std::uint8_t>{0, 0}).empty());
}

TEST(Votes, EqualSumsKeepTheOrderOfFirstSight) {
    const HeadLists lists{
        .heads = 2, .depth = 2, .documents = {7, 3, 3, 7}, .distances = {0.1f, 0.2f, 0.1f, 0.2f}, .scores = {1, 1}};
    EXPECT_THAT(rankByVotes(lists, VoteRule::Decay), ElementsAre(ranked(7, 1.5), ranked(3, 1.5)));
    // Without the first head the second alone decides what is seen first.
    const std::vector<std::uint8_t> second{0, 1};
    EXPECT_THAT(rankByVotes(lists, VoteRule::Decay, second), ElementsAre(ranked(3, 1), ranked(7, 0.5)));
}

TEST(Votes, ShorterListsEndAtMinusOne) {
    const HeadLists lists{.heads = 2,
                          .depth = 3,
                          .documents = {1, -1, -1, 2, 1, 0},
                          .distances = {0.1f, 0, 0, 0.1f, 0.2f, 0.3f},
                          .scores = {1, 1}};
    EXPECT_THAT(rankByVotes(lists, VoteRule::Decay), ElementsAre(ranked(1, 1.5), ranked(2, 1), ranked(0, 0.25)));
}

TEST(Votes, DistanceZeroGivesAFiniteVote) {
    EXPECT_DOUBLE_EQ(vote(VoteRule::Distance, 1, 0, 0), 1 / kLeastDistance);
    EXPECT_EQ(vote(VoteRule::Scaled, 3, 100'000, 0.5), 0); // smaller than any double
}

TEST(Votes, ArraysOfAnotherShapeAreRefused) {
    HeadLists lists = example(2);
    lists.scores.pop_back();
    EXPECT_THROW(rankByVotes(lists, VoteRule::Scaled), Error);
    EXPECT_THROW(rankByVotes(example(2), VoteRule::Scaled, std::vector<std::uint8_t>{1}), Error);
}

TEST(Votes, FusionOfThreeLists) {
    const std::vector<std::vector<std::int32_t>> lists{{A, B, C}, {B, D, A}, {C, B, E}};
    EXPECT_THAT(fuseRanks(lists, 5),
                ElementsAre(ranked(B, 0.04945355), ranked(A, 0.03279570), ranked(C, 0.03279570),
                            ranked(D, 0.01639344), ranked(E, 0.01612903)));
    EXPECT_EQ(fuseRanks(lists, 2).size(), 2U);
}

HeadLists randomLists(std::mt19937& random, std::size_t heads, std::size_t depth, std::int32_t documents) {
    HeadLists lists{.heads = heads, .depth = depth, .documents = {}, .distances = {}, .scores = {}};
    std::vector<std::int32_t> all(static_cast<std::size_t>(documents));
    std::iota(all.begin(), all.end(), 0);
    std::uniform_real_distribution<float> step(0.001f, 0.1f);
    for (std::size_t head = 0; head < heads; ++head) {
        std::shuffle(all.begin(), all.end(), random);
        float distance = 0;
        for (std::size_t rank = 0; rank < depth; ++rank) {
            lists.documents.push_back(all[rank]);
            lists.distances.push_back(distance += step(random));
        }
        lists.scores.push_back(static_cast<double>(step(random)));
    }
    return lists;
}

std::size_t placeOf(const std::vector<Ranked>& ranking, std::int32_t document) {
    return static_cast<std::size_t>(std::find_if(ranking.begin(), ranking.end(),
                                                 [=](const Ranked& each) { return each.document == document; }) -
                                    ranking.begin());
}

constexpr std::size_t kOut = 1000;

// Where a document stands; kOut: nowhere.
std::size_t depthUnder(const HeadLists& lists, std::int32_t document, std::span<const std::uint8_t> on) {
    const std::vector<Ranked> ranking = rankByVotes(lists, VoteRule::Scaled, on);
    const std::size_t place = placeOf(ranking, document);
    return place == ranking.size() ? kOut : place;
}

// Every group of up to three heads, tried with the ranking itself.
std::size_t deepestFall(const HeadLists& lists, std::int32_t document) {
    std::size_t deepest = placeOf(rankByVotes(lists, VoteRule::Scaled), document);
    for (std::size_t a = 0; a < lists.heads; ++a) {
        for (std::size_t b = a; b < lists.heads; ++b) {
            for (std::size_t c = b; c < lists.heads; ++c) {
                std::vector<std::uint8_t> on(lists.heads, 1);
                on[a] = on[b] = on[c] = 0;
                const std::vector<HeadVote> votes = votesFor(lists, VoteRule::Scaled, document);
                if (votes[a].rank < 0 || votes[b].rank < 0 || votes[c].rank < 0)
                    continue;
                deepest = std::max(deepest, depthUnder(lists, document, on));
            }
        }
    }
    return deepest;
}

TEST(Votes, LeavingHeadsOutFindsTheDeepestFall) {
    std::mt19937 random(5);
    for (int round = 0; round < 20; ++round) {
        const HeadLists lists = randomLists(random, 8, 6, 20);
        const std::vector<Ranked> ranking = rankByVotes(lists, VoteRule::Scaled);
        for (const Ranked& each : ranking) {
            const LeaveOut found = leaveOut(lists, VoteRule::Scaled, each.document);
            EXPECT_EQ(found.before, placeOf(ranking, each.document));
            std::vector<std::uint8_t> on(lists.heads, 1);
            for (const std::size_t head : found.heads)
                on[head] = 0;
            EXPECT_EQ(found.unvoted ? kOut : found.after, deepestFall(lists, each.document));
            EXPECT_EQ(found.unvoted ? kOut : found.after, depthUnder(lists, each.document, on));
            EXPECT_EQ(found.heads.empty(), found.after == found.before && !found.unvoted);
        }
    }
}

TEST(Votes, LeavingOutOfTheExample) {
    const HeadLists lists = example(2);
    const LeaveOut first = leaveOut(lists, VoteRule::Scaled, B);
    EXPECT_THAT(first.heads, ElementsAre(0));
    EXPECT_EQ(first.before, 0U);
    EXPECT_EQ(first.after, 1U);
    EXPECT_FALSE(first.unvoted);
    // A has one voter; without it nobody names A, and B and C are left.
    const LeaveOut last = leaveOut(lists, VoteRule::Scaled, A);
    EXPECT_THAT(last.heads, ElementsAre(0));
    EXPECT_EQ(last.before, 2U);
    EXPECT_EQ(last.after, 2U);
    EXPECT_TRUE(last.unvoted);
    EXPECT_TRUE(leaveOut(lists, VoteRule::Scaled, D).heads.empty());
}

} // namespace
} // namespace fulgurite::retrieval
