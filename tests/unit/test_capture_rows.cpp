// SPDX-License-Identifier: Apache-2.0
// Rows, maps and figures of captured heads against sums in double.
#include "core/base/error.h"
#include "core/probe/capture/figures.h"
#include "tests/support/capture_sample.h"
#include "tests/support/golden_models.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fulgurite::capture {
namespace {

using test::CaptureSample;
using test::TemporaryFolder;

constexpr double kEpsilon = 0x1p-24; // one rounding to float32

double dot(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        sum += static_cast<double>(a[i]) * b[i];
    }
    return sum;
}

// The weights by the definition, one source at a time in double, and how far a float32 score may move each.
struct Expected {
    std::vector<double> weight;
    std::vector<double> slack;
};

Expected expectedRow(const CaptureSample& sample, HeadRef head, std::size_t t) {
    const bool softmax = sample.info().config.layers[static_cast<std::size_t>(head.layer)] == LayerKind::Softmax;
    const double rate = decayMap(sample.info().config).rate(head);
    const auto q = sample.vectorOf('q', head, t);
    const auto dim = static_cast<double>(q.size());
    Expected row;
    double total = 0;
    double largest = 0;
    for (std::size_t j = 0; j <= t; ++j) {
        const auto k = sample.vectorOf('k', head, j);
        const double score = dot(q, k);
        // A sum of dim products in any order: at most dim roundings of a term, each below |q| |k|; then the scale
        // and the weight itself.
        const double moved = (dim + 2) * kEpsilon * std::sqrt(dot(q, q) * dot(k, k));
        if (softmax) {
            row.weight.push_back(std::exp(score / std::sqrt(dim)));
            row.slack.push_back(moved / std::sqrt(dim));
            total += row.weight.back();
            largest = std::max(largest, row.slack.back());
        } else {
            const double decay = std::exp(-rate * static_cast<double>(t - j));
            row.weight.push_back(score * decay);
            row.slack.push_back(moved * decay);
        }
    }
    for (std::size_t j = 0; softmax && j <= t; ++j) {
        row.weight[j] /= total;
        // exp turns a shift of the score into a factor, and the denominator may move by as much.
        row.slack[j] = row.weight[j] * (2 * largest + 4 * kEpsilon);
    }
    return row;
}

// Roundings of a sum of weights times values beyond those of the weights: 64 float32 additions and a product before
// the sum goes on in double, and the recorded output's own rounding.
constexpr double kSumRoundings = 66;

class Rows : public testing::TestWithParam<std::size_t> {};

TEST_P(Rows, WeightsTimesValuesAreTheOutput) {
    const TemporaryFolder folder;
    const CaptureSample sample({.tokens = GetParam(), .chunk = 500});
    const auto capture = sample.write(folder / "a.fcap");
    const std::size_t t = GetParam() - 1;
    const std::vector<AttentionRow> rows = capture->rows(t);
    ASSERT_EQ(rows.size(), 12u);
    double worst = 0;
    for (const AttentionRow& row : rows) {
        const Expected expected = expectedRow(sample, row.head, t);
        ASSERT_EQ(row.weight.size(), t + 1);
        const std::size_t dim = row.output.size();
        std::vector<double> bound(dim);
        for (std::size_t j = 0; j <= t; ++j) {
            ASSERT_NEAR(row.weight[j], expected.weight[j], expected.slack[j] + 1e-45) << j;
            const auto v = sample.vectorOf('v', row.head, j);
            for (std::size_t d = 0; d < dim; ++d) {
                bound[d] += (expected.slack[j] + kSumRoundings * kEpsilon * std::abs(expected.weight[j])) *
                            std::abs(static_cast<double>(v[d]));
            }
        }
        const auto sum = weightedSum(row.weight, capture->arrays(row.head));
        double error = 0;
        double largest = 0;
        for (std::size_t d = 0; d < dim; ++d) {
            EXPECT_NEAR(sum[d], row.output[d], bound[d]) << "layer " << row.head.layer << " head " << row.head.head;
            error = std::max(error, std::abs(sum[d] - row.output[d]));
            largest = std::max(largest, std::abs(static_cast<double>(row.output[d])));
        }
        EXPECT_DOUBLE_EQ(row.error, error / largest);
        worst = std::max(worst, row.error);
    }
    RecordProperty("worst_error", std::to_string(worst));
    EXPECT_GT(worst, 0.0); // float32 sums of random numbers are not exact: the figure is measured
}

TEST_P(Rows, SharesSumToOne) {
    const TemporaryFolder folder;
    const auto capture = CaptureSample({.tokens = GetParam(), .chunk = 500}).write(folder / "a.fcap");
    for (const AttentionRow& row : capture->rows(GetParam() - 1)) {
        double sum = 0;
        double magnitude = 0;
        for (const float share : row.share) {
            sum += share;
            magnitude += std::abs(share);
        }
        // The sum is (weights times values) . o / (o . o): off by the row's error times sqrt(dim), and by the
        // roundings of the shares themselves.
        const double dim = static_cast<double>(row.output.size());
        EXPECT_NEAR(sum, 1.0, row.error * dim + (dim + 4) * kEpsilon * magnitude * dim) << row.head.layer;
    }
}

INSTANTIATE_TEST_SUITE_P(Tokens, Rows, testing::Values(1, 257, 5000));

TEST(Decay, IsThePublishedFormula) {
    ModelConfig config;
    config.layers.assign(80, LayerKind::Lightning);
    config.layers[7] = LayerKind::Softmax;
    config.num_heads = 64;
    const DecayMap map = decayMap(config);
    // Base slopes 2^(-8 (j + 1) / 64) times 1 - l / 79 + 1e-5; rates are held in float32.
    EXPECT_NEAR(weightAt(map.rate({0, 0}), 1), 0.39971111, 1e-7);
    EXPECT_NEAR(map.rate({39, 31}), 0.0625 * 0.5063391139, 0.0625 * 0x1p-24);
    EXPECT_NEAR(halfLife(map.rate({78, 63})), 14007, 1);
    EXPECT_TRUE(map.unbounded(7));
    EXPECT_EQ(halfLife(map.rate({7, 3})), std::numeric_limits<double>::infinity());
    EXPECT_EQ(reach(map.rate({7, 3}), 0.01), std::numeric_limits<double>::infinity());
    EXPECT_NEAR(weightAt(0.25, reach(0.25, 0.1)), 0.1, 1e-12);
    EXPECT_DOUBLE_EQ(reach(0.25, 0.5), halfLife(0.25));
}

TEST(Figures, OfEvenWeightsAreThoseOfTheUniformDistribution) {
    HeadFigures figures = emptyFigures({}, LayerKind::Lightning, 0.5);
    const std::vector<float> weight{0.5f, -0.5f, 0.5f, 0.5f, -0.5f, 0.5f, 0.5f, -0.5f}; // signs do not count
    const TokenIds tokens{9, 4, 9, 3, 2, 4, 1, 9};
    fillWeightFigures(figures, weight, tokens, std::pair<std::size_t, std::size_t>{2, 4});
    EXPECT_NEAR(figures.entropy, std::log(8.0), 1e-6);
    EXPECT_NEAR(figures.effective_span, 8.0, 1e-5);
    EXPECT_NEAR(figures.mean_distance, 3.5, 1e-6);
    EXPECT_NEAR(figures.previous_token, 1.0 / 8, 1e-7);
    EXPECT_NEAR(figures.induction, 2.0 / 8, 1e-7); // after the 9s at 0 and 2
    EXPECT_NEAR(figures.planted_fact, 2.0 / 8, 1e-7);
    EXPECT_NEAR(figures.half_life, std::log(2.0) / 0.5, 1e-6);
    EXPECT_TRUE(std::isnan(figures.gate_mean));
}

TEST(Figures, OfOneSpikeAreThoseOfASpike) {
    HeadFigures figures = emptyFigures({}, LayerKind::Softmax, 0);
    std::vector<float> weight(100);
    weight[98] = 1e-30f;
    fillWeightFigures(figures, weight, TokenIds(100, 1), std::nullopt);
    EXPECT_EQ(figures.entropy, 0.0f);
    EXPECT_EQ(figures.effective_span, 1.0f);
    EXPECT_EQ(figures.mean_distance, 1.0f);
    EXPECT_EQ(figures.previous_token, 1.0f);
    EXPECT_EQ(figures.induction, 1.0f);
    EXPECT_TRUE(std::isnan(figures.planted_fact));
    EXPECT_TRUE(std::isinf(figures.half_life));
}

TEST(Figures, OfNoWeightAtAllAreNotDefined) {
    HeadFigures figures = emptyFigures({}, LayerKind::Lightning, 1);
    fillWeightFigures(figures, std::vector<float>(5), TokenIds(5, 1), std::nullopt);
    EXPECT_TRUE(std::isnan(figures.entropy));
    EXPECT_TRUE(std::isnan(figures.previous_token));
}

} // namespace
} // namespace fulgurite::capture
