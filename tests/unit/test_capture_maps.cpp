// SPDX-License-Identifier: Apache-2.0
// Token x token maps against rows, and the promise that pooling loses no spike.
#include "core/base/error.h"
#include "core/probe/capture/loops.inl"
#include "core/probe/capture/tile.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace fulgurite::capture {
namespace {

using testing::HasSubstr;

// One head of random arrays.
struct RandomHead {
    RandomHead(LayerKind kind, std::size_t tokens, std::size_t dim, double rate)
        : q(tokens * dim), k(tokens * dim), v(tokens * dim) {
        std::mt19937 random(static_cast<unsigned>(tokens + dim));
        std::normal_distribution<float> normal;
        for (auto* array : {&q, &k, &v}) {
            std::generate(array->begin(), array->end(), [&] { return normal(random); });
        }
        arrays = {kind, rate, tokens, dim, q.data(), k.data(), v.data()};
    }
    std::vector<float> q;
    std::vector<float> k;
    std::vector<float> v;
    HeadArrays arrays;
};

// Largest magnitude under a cell, from the rows; NaN beyond the causal edge.
double cellOf(const std::vector<AttentionRow>& rows, const TileRequest& request, std::size_t pool, std::size_t r,
              std::size_t c) {
    double best = std::nan("");
    for (std::size_t t = request.first_row + r * pool;
         t < std::min(request.first_row + (r + 1) * pool, request.first_row + request.rows); ++t) {
        for (std::size_t j = request.first_col + c * pool;
             j < std::min(request.first_col + (c + 1) * pool, request.first_col + request.cols) && j <= t; ++j) {
            const double weight = rows[t].weight[j];
            best = std::abs(best) >= std::abs(weight) ? best : weight;
        }
    }
    return best;
}

void expectTileOfRows(const HeadArrays& arrays, const TileRequest& request) {
    std::vector<AttentionRow> rows;
    for (std::size_t t = 0; t < arrays.tokens; ++t) {
        rows.push_back(attentionRow({}, arrays, t, nullptr));
    }
    const AttentionTile tile = attentionTile({1, 2}, arrays, request);
    ASSERT_EQ(tile.cells.size(), tile.rows * tile.cols);
    // Lightning: both ways sum dim products (dim roundings of terms below |q| |k|, here below 8 dim), and the map's
    // decay is rounded four times. Softmax: the error of a score, of at most 40 here, and of the two exponentials
    // acts as a factor on a probability.
    const double epsilon = 0x1p-24;
    const auto dim = static_cast<double>(arrays.dim);
    const bool softmax = arrays.kind == LayerKind::Softmax;
    const double absolute = softmax ? 0 : 2 * dim * 8 * dim * epsilon;
    const double relative = softmax ? 2 * (dim * 8 * std::sqrt(dim) + 40) * epsilon + 8e-7 : 6 * epsilon;
    double largest = 0;
    for (std::size_t r = 0; r < tile.rows; ++r) {
        for (std::size_t c = 0; c < tile.cols; ++c) {
            const double wanted = cellOf(rows, request, tile.pool, r, c);
            const float found = tile.cells[r * tile.cols + c];
            ASSERT_EQ(std::isnan(wanted), std::isnan(found)) << r << " " << c;
            if (!std::isnan(wanted)) {
                const double slack = absolute + relative * std::abs(wanted);
                // Two weights of opposite sign and all but equal magnitude may change places.
                ASSERT_NEAR(std::abs(found), std::abs(wanted), slack) << r << " " << c;
                largest = std::max(largest, std::abs(static_cast<double>(found)));
            }
        }
    }
    EXPECT_EQ(tile.max_abs, static_cast<float>(largest));
    EXPECT_EQ(tile.provenance, Provenance::Recomputed);
}

TEST(Tiles, AreTheRows) {
    for (const LayerKind kind : {LayerKind::Lightning, LayerKind::Softmax}) {
        for (const std::size_t dim : {4u, 19u, 32u}) {
            const RandomHead head(kind, 201, dim, 0.01);
            expectTileOfRows(head.arrays, {.rows = 201, .cols = 201});
            expectTileOfRows(head.arrays, {.rows = 201, .cols = 201, .max_cells_a_side = 29});
            expectTileOfRows(head.arrays,
                             {.first_row = 70, .rows = 100, .first_col = 33, .cols = 90, .max_cells_a_side = 17});
            expectTileOfRows(head.arrays, {.first_row = 200, .rows = 1, .first_col = 0, .cols = 201});
        }
    }
}

TEST(Tiles, OfAHeadThatForgetsAtOnceAreZeroFarBack) {
    const RandomHead head(LayerKind::Lightning, 600, 8, 1.0);
    expectTileOfRows(head.arrays, {.rows = 600, .cols = 600, .max_cells_a_side = 60});
    const AttentionTile tile = attentionTile({}, head.arrays, {.rows = 600, .cols = 600, .max_cells_a_side = 60});
    EXPECT_EQ(tile.cells[59 * 60], 0.0f);   // 500 tokens back
    EXPECT_TRUE(std::isnan(tile.cells[1])); // beyond the causal edge
}

// One product that is not zero: it must be the value of the cell over it, whatever the pool.
TEST(Tiles, NeverLoseASpike) {
    constexpr std::size_t kTokens = 1500;
    std::vector<float> q(kTokens * 4);
    std::vector<float> k(kTokens * 4);
    const HeadArrays arrays{LayerKind::Lightning, 0.001, kTokens, 4, q.data(), k.data(), q.data()};
    for (const std::size_t t : {0u, 63u, 64u, 65u, 1000u, 1499u}) {
        for (const std::size_t j : {0u, 1u, 63u, 64u, 127u, 999u, 1499u}) {
            for (const std::size_t side : {1u, 7u, 64u, 300u, 1500u}) {
                if (j > t) {
                    continue;
                }
                q[t * 4 + 1] = 2;
                k[j * 4 + 1] = -3;
                const AttentionTile tile =
                    attentionTile({}, arrays, {.rows = kTokens, .cols = kTokens, .max_cells_a_side = side});
                const double weight = -6 * std::exp(-0.001 * static_cast<double>(t - j));
                const float cell = tile.cells[t / tile.pool * tile.cols + j / tile.pool];
                EXPECT_NEAR(cell, weight, 6 * 0x1p-24 * 6) << t << " " << j << " " << side;
                EXPECT_EQ(tile.max_abs, -cell);
                EXPECT_LE(std::max(tile.rows, tile.cols), side);
                q[t * 4 + 1] = k[j * 4 + 1] = 0;
            }
        }
    }
}

TEST(Tiles, AreTheSameWithWhatIsKnownFromBefore) {
    const RandomHead head(LayerKind::Softmax, 300, 8, 0);
    Normalisers known(300);
    const TileRequest first{.first_row = 100, .rows = 100, .cols = 50, .max_cells_a_side = 100};
    attentionTile({}, head.arrays, first, {}, 0, &known);
    EXPECT_TRUE(std::isnan(known.at(99)));
    EXPECT_FALSE(std::isnan(known.at(100)));
    // Rows 100 to 139 are known, the rest is not; then all are.
    const TileRequest request{.first_row = 90, .rows = 50, .first_col = 20, .cols = 50, .max_cells_a_side = 50};
    const AttentionTile without = attentionTile({}, head.arrays, request);
    for (int again = 0; again < 2; ++again) {
        const AttentionTile with = attentionTile({}, head.arrays, request, {}, 0, &known);
        for (std::size_t i = 0; i < with.cells.size(); ++i) {
            ASSERT_THAT(with.cells[i], testing::NanSensitiveFloatEq(without.cells[i]));
        }
    }
}

TEST(Tiles, OfSkippedRowsSayThatTheyAreApproximate) {
    const RandomHead head(LayerKind::Lightning, 300, 4, 0.01);
    const TileRequest request{.rows = 300, .cols = 300, .max_cells_a_side = 30, .row_step = 4};
    const AttentionTile tile = attentionTile({}, head.arrays, request);
    EXPECT_EQ(tile.row_step, 4u);
    EXPECT_EQ(tile.provenance, Provenance::Approximated);
    // Every row of cells has a computed row, the last token's among them.
    TileRequest last{.first_row = 299, .rows = 1, .cols = 300, .max_cells_a_side = 300};
    const AttentionTile row = attentionTile({}, head.arrays, last);
    for (std::size_t c = 0; c < 30; ++c) {
        EXPECT_FALSE(std::isnan(tile.cells[29 * 30 + c]));
        for (std::size_t j = 0; j < 10; ++j) {
            EXPECT_GE(std::abs(tile.cells[29 * 30 + c]), std::abs(row.cells[c * 10 + j]));
        }
    }
    TileRequest sparse = request;
    sparse.row_step = 1000;
    EXPECT_EQ(attentionTile({}, head.arrays, sparse).row_step, 10u); // no more than the pool
}

// A pool that is asked for is kept at the end of the text as well, where the rectangle is smaller.
TEST(Tiles, KeepThePoolThatIsAskedFor) {
    const RandomHead head(LayerKind::Softmax, 201, 8, 0);
    const AttentionTile whole = attentionTile({}, head.arrays, {.rows = 201, .cols = 201, .pool = 32});
    EXPECT_EQ(whole.rows, 7u);
    const TileRequest end{.first_row = 128, .rows = 73, .first_col = 64, .cols = 64, .pool = 32};
    expectTileOfRows(head.arrays, end);
    const AttentionTile part = attentionTile({}, head.arrays, end);
    ASSERT_EQ(part.pool, 32u);
    ASSERT_EQ(part.rows, 3u);
    ASSERT_EQ(part.cols, 2u);
    for (std::size_t r = 0; r < 3; ++r) {
        for (std::size_t c = 0; c < 2; ++c) {
            EXPECT_EQ(part.cells[r * 2 + c], whole.cells[(4 + r) * 7 + 2 + c]);
        }
    }
}

TEST(Tiles, RefuseWhatIsNoRectangle) {
    const RandomHead head(LayerKind::Lightning, 10, 4, 0.01);
    for (const TileRequest& request : {TileRequest{.rows = 11, .cols = 10}, TileRequest{.rows = 0, .cols = 10},
                                       TileRequest{.first_row = 10, .rows = 1, .cols = 10},
                                       TileRequest{.rows = 10, .first_col = 5, .cols = SIZE_MAX},
                                       TileRequest{.rows = 10, .cols = 10, .max_cells_a_side = 0},
                                       TileRequest{.rows = 10, .cols = 10, .row_step = 0}}) {
        EXPECT_THROW(attentionTile({}, head.arrays, request), Error);
    }
    const HeadArrays long_text{LayerKind::Lightning, 0.01, 100'000, 4, nullptr, nullptr, nullptr};
    EXPECT_THROW(attentionTile({}, long_text, {.rows = 100'000, .cols = 100'000, .max_cells_a_side = 100'000}),
                 Error);
    std::stop_source stop;
    stop.request_stop();
    try {
        attentionTile({}, head.arrays, {.rows = 10, .cols = 10}, stop.get_token());
        FAIL() << "not cancelled";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Cancelled);
    }
}

// The loops of this translation unit are the ones for any processor.
TEST(Loops, AgreeBetweenInstructionSets) {
    const RandomHead head(LayerKind::Lightning, 70, 37, 0.01);
    std::vector<float> one(70);
    std::vector<float> other(70);
    kLoops.scores(head.q.data(), head.k.data(), 70, 37, 0.5f, one.data());
    loops().scores(head.q.data(), head.k.data(), 70, 37, 0.5f, other.data());
    // 37 products below 16 each, added in any order, once with and once without separate rounding of products.
    const float slack = 2 * 38 * 37 * 16 * 0x1p-24f;
    for (std::size_t j = 0; j < 70; ++j) {
        EXPECT_NEAR(one[j], other[j], slack);
    }
    for (const std::size_t cols : {1u, 7u, 8u, 64u}) {
        double sum = 0;
        for (std::size_t c = 0; c < cols; ++c) {
            sum += std::exp(static_cast<double>(head.q[c]) - 5.0);
        }
        EXPECT_NEAR(kLoops.sum_exp(head.q.data(), 5.0f, cols), sum, sum * (4e-7 + 70 * 0x1p-24));
        EXPECT_NEAR(loops().sum_exp(head.q.data(), 5.0f, cols), sum, sum * (4e-7 + 70 * 0x1p-24));
    }
}

TEST(Loops, ExponentialIsAccurateOverItsRange) {
    for (int i = 0; i <= 8600; ++i) {
        const float x = -static_cast<float>(i) / 100;
        const double wanted = std::exp(static_cast<double>(x));
        EXPECT_NEAR(loops().sum_exp(&x, 0.0f, 1), wanted, 4e-7 * wanted) << x;
    }
}

} // namespace
} // namespace fulgurite::capture
