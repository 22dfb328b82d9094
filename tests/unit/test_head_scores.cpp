// SPDX-License-Identifier: Apache-2.0
// The published worked example, from raw vectors to votes; head scores against their definition over all pairs.
#include "core/base/error.h"
#include "core/retrieval/all_raw_loops.h"
#include "core/retrieval/head_scores.h"
#include "core/retrieval/raw_search.h"
#include "core/retrieval/results/strategy.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace fulgurite::retrieval {
namespace {

// Documents A, B, C, D with two heads of size 2, and a query.
const std::vector<float> kDocuments{1, 0, 0, 2, 0.6f, 0.8f, 2, 0, 0, 1, 1, 1, -1, 0, 0, -1};
const std::vector<float> kQuery{0.8f, 0.6f, 1, 0.5f};
enum { A, B, C, D };

// Inputs such as 0.6 are rounded to float32; the printed digits of the example end at 1e-6 (and votes by distance
// at 1e-4).
constexpr double kPrinted = 2e-6;

TEST(WorkedExample, HeadScores) {
    HeadScoreSums sums(2, 2);
    for (std::size_t i = 0; i < 4; ++i) {
        sums.add(std::span(kDocuments).subspan(4 * i, 4));
    }
    const auto scores = sums.scores();
    EXPECT_NEAR(scores[0].norm, 1.0, kPrinted);
    EXPECT_NEAR(scores[0].spread, 0.775, kPrinted);
    EXPECT_NEAR(scores[0].score, 0.775, kPrinted);
    EXPECT_NEAR(scores[1].norm, 1.6035533906, kPrinted);
    EXPECT_NEAR(scores[1].spread, 0.7866116524, kPrinted);
    EXPECT_NEAR(scores[1].score, 1.2613737822, kPrinted);
    EXPECT_NEAR(scores[0].spread * 4 / 3, 1.033333, kPrinted);
    EXPECT_NEAR(scores[1].spread * 4 / 3, 1.0488155364, kPrinted);
}

struct Expected {
    const char* strategy;
    std::size_t depth;
    std::vector<std::pair<int, double>> votes;
    double tolerance = kPrinted;
};

TEST(WorkedExample, Votes) {
    kernels::ThreadPool pool(2);
    for (const Expected& expected : {
             Expected{"mrag", 2, {{B, 1.405687}, {C, 1.261374}, {A, 0.3875}}},
             Expected{"mrag-decay", 2, {{B, 1.5}, {C, 1}, {A, 0.5}}},
             Expected{"mrag-distance", 2, {{B, 34.4721}, {C, 19.4868}, {A, 5.0}}, 1e-4},
             Expected{"mrag", 4, {{C, 1.455124}, {B, 1.405687}, {A, 0.702843}, {D, 0.254547}}},
             Expected{"mrag-decay", 4, {{B, 1.5}, {C, 1.25}, {A, 0.75}, {D, 0.25}}},
         }) {
        SCOPED_TRACE(testing::Message() << expected.strategy << " c " << expected.depth);
        const RawSearch search = searchRaw(kDocuments, kQuery, 2, expected.depth, pool);
        const auto ranking = rankByVotes(search.lists, strategyOf(expected.strategy).rule);
        ASSERT_EQ(ranking.size(), expected.votes.size());
        for (std::size_t i = 0; i < ranking.size(); ++i) {
            EXPECT_EQ(ranking[i].document, expected.votes[i].first);
            // A vote of 1/d amplifies the float32 rounding of the inputs, relative to its own size.
            EXPECT_NEAR(ranking[i].total, expected.votes[i].second,
                        expected.tolerance * std::max(1.0, ranking[i].total));
        }
    }
}

TEST(WorkedExample, Distances) {
    kernels::ThreadPool pool(1);
    const HeadLists lists = searchRaw(kDocuments, kQuery, 2, 4, pool).lists;
    EXPECT_EQ(lists.documents, (std::vector<std::int32_t>{B, A, C, D, C, B, A, D}));
    const double expected[] = {0.04, 0.2, 0.4, 1.8, 0.051317, 0.105573, 0.552786, 1.447214};
    for (std::size_t i = 0; i < 8; ++i) {
        EXPECT_NEAR(lists.distances[i], expected[i], kPrinted);
    }
}

std::vector<float> randomVectors(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> value(0.3f, 1.0f);
    std::vector<float> result(count);
    std::generate(result.begin(), result.end(), [&] { return value(random); });
    return result;
}

TEST(HeadScores, ClosedFormIsTheMeanOverAllPairs) {
    const std::size_t n = 17;
    const std::size_t heads = 3;
    const std::size_t dim = 5;
    std::vector<float> vectors = randomVectors(n * heads * dim, 3);
    std::fill_n(vectors.begin() + 2 * heads * dim, dim, 0.0f); // a zero vector: at distance 1 from all, itself too
    HeadScoreSums sums(heads, dim);
    for (std::size_t i = 0; i < n; ++i) {
        sums.add(std::span(vectors).subspan(i * heads * dim, heads * dim));
    }
    for (std::size_t head = 0; head < heads; ++head) {
        double distances = 0;
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                double product = 0;
                double squares_a = 0;
                double squares_b = 0;
                for (std::size_t d = 0; d < dim; ++d) {
                    const double a = vectors[(i * heads + head) * dim + d];
                    const double b = vectors[(j * heads + head) * dim + d];
                    product += a * b;
                    squares_a += a * a;
                    squares_b += b * b;
                }
                const double lengths = std::sqrt(squares_a * squares_b);
                distances += lengths > 0 ? 1 - product / lengths : 1;
            }
        }
        EXPECT_NEAR(sums.scores()[head].spread, distances / (n * n), 1e-12);
    }
}

TEST(HeadScores, WhatIsTakenOutLeavesNoTrace) {
    const std::vector<float> vectors = randomVectors(6 * 8, 9);
    const auto of = [&](std::size_t i) { return std::span(vectors).subspan(8 * i, 8); };
    HeadScoreSums some(2, 4);
    HeadScoreSums all(2, 4);
    for (std::size_t i = 0; i < 6; ++i) {
        all.add(of(i));
        if (i < 4) {
            some.add(of(i));
        }
    }
    all.remove(of(4));
    all.remove(of(5));
    EXPECT_EQ(all.count(), 4u);
    HeadScoreSums restored(2, 4);
    restored.restore(all.save());
    for (std::size_t head = 0; head < 2; ++head) {
        EXPECT_NEAR(restored.scores()[head].score, some.scores()[head].score, 1e-12);
    }
    EXPECT_THROW(HeadScoreSums(3, 4).restore(all.save()), Error);
    EXPECT_EQ(HeadScoreSums(1, 2).scores()[0].score, 0.0);
}

TEST(RawSearch, ZeroVectorsAreAtDistanceOne) {
    const std::vector<float> documents{0, 0, 1, 0, -1, 0};
    kernels::ThreadPool pool(1);
    const HeadLists lists = searchRaw(documents, std::vector<float>{2, 0}, 1, 3, pool).lists;
    EXPECT_EQ(lists.documents, (std::vector<std::int32_t>{1, 0, 2}));
    EXPECT_EQ(lists.distances, (std::vector<float>{0, 1, 2}));
    const HeadLists to_zero = searchRaw(documents, std::vector<float>{0, 0}, 1, 3, pool).lists;
    EXPECT_EQ(to_zero.documents, (std::vector<std::int32_t>{0, 1, 2}));
    EXPECT_EQ(to_zero.distances, (std::vector<float>{1, 1, 1}));
}

TEST(RawSearch, IsTheSameOnAnyNumberOfThreads) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<float> documents(3 * 13 * 500);
    std::vector<float> query(3 * 13);
    for (float& x : documents) {
        x = normal(random);
    }
    for (float& x : query) {
        x = normal(random);
    }
    kernels::ThreadPool one(1);
    kernels::ThreadPool four(4);
    const RawSearch a = searchRaw(documents, query, 3, 20, one);
    const RawSearch b = searchRaw(documents, query, 3, 20, four);
    EXPECT_EQ(a.lists.documents, b.lists.documents);
    EXPECT_EQ(a.lists.distances, b.lists.distances);
    EXPECT_EQ(a.lists.scores, b.lists.scores);
    // And what the definitions say, one vector after another.
    HeadScoreSums sums(3, 13);
    for (std::size_t i = 0; i < 500; ++i) {
        sums.add(std::span(documents).subspan(i * 39, 39));
    }
    for (std::size_t head = 0; head < 3; ++head) {
        EXPECT_NEAR(a.scores[head].score, sums.scores()[head].score, 1e-12);
        const auto nearest = static_cast<std::size_t>(a.lists.documents[head * 20]);
        const auto row = std::span(documents).subspan((nearest * 3 + head) * 13, 13);
        const auto q = std::span(query).subspan(head * 13, 13);
        EXPECT_NEAR(a.lists.distances[head * 20], 1 - dot(row, q) / std::sqrt(dot(row, row) * dot(q, q)), 1e-7);
    }
}

// Every width has its own tail.
TEST(RawLoops, AreTheSameOnEveryProcessor) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (std::size_t dim = 1; dim <= 70; ++dim) {
        std::vector<float> numbers(2 * dim + 1);
        std::generate(numbers.begin(), numbers.end(), [&] { return normal(random); });
        const std::span<const float> row = std::span(numbers).subspan(1, dim); // of any alignment
        const std::span<const float> query = std::span(numbers).subspan(dim + 1, dim);
        for (const RawLoops* loops : allRawLoops()) {
            SCOPED_TRACE(testing::Message() << loops->name << ", width " << dim);
            double with_query = 0;
            double with_itself = 0;
            loops->products(row.data(), query.data(), dim, &with_query, &with_itself);
            EXPECT_NEAR(with_query, dot(row, query), 1e-12);
            EXPECT_NEAR(with_itself, dot(row, row), 1e-12);
            std::vector<double> sum(dim + 1, 0.5);
            loops->add(row.data(), dim, 0.25, sum.data());
            for (std::size_t d = 0; d < dim; ++d) {
                EXPECT_NEAR(sum[d], 0.5 + 0.25 * row[d], 1e-15);
            }
            EXPECT_EQ(sum[dim], 0.5);
        }
    }
}

TEST(RawSearch, WhatIsNoNumberIsRefused) {
    kernels::ThreadPool pool(2);
    std::vector<float> documents{1, 0, 0, std::numeric_limits<float>::infinity()};
    const std::vector<float> query{1, 0};
    try {
        searchRaw(documents, query, 1, 2, pool);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
        EXPECT_NE(std::string(error.what()).find("document 1"), std::string::npos) << error.what();
    }
    documents[3] = 1;
    EXPECT_THROW(searchRaw(documents, std::vector<float>{NAN, 0}, 1, 2, pool), Error);
}

TEST(Strategies, AreFoundByEveryPublishedName) {
    EXPECT_EQ(strategyOf("multirag").name, "mrag");
    EXPECT_EQ(strategyOf("mrag-strategy-decay").name, "mrag-decay");
    EXPECT_EQ(strategyOf("attention-1 | (2 ** -r)").name, "mrag-decay");
    EXPECT_EQ(strategyOf("split-rag-strategy-weighted").rule, VoteRule::Scaled);
    EXPECT_EQ(strategyOf("split").rule, VoteRule::Decay);
    EXPECT_THROW(strategyOf("best"), Error);
}

} // namespace
} // namespace fulgurite::retrieval
