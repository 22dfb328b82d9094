// SPDX-License-Identifier: Apache-2.0
// The cost model against the published figures, and simulated queries against their closed forms.
#include "core/cascade/cost_model.h"

#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

namespace fulgurite::cascade {
namespace {

// GFLOPs of one image: OpenCLIP's profile.
constexpr double kB32 = 8.82;
constexpr double kB16 = 35.13;
constexpr double kL14 = 162.03;

// The table of lifetime factors; it has two decimals.
TEST(LifetimeFactor, IsThatOfThePublishedTable) {
    struct Row {
        double f, b32_b16, b32_l14, b16_l14;
    };
    for (const Row& row : {Row{0.01, 3.83, 15.52, 4.41}, Row{0.05, 3.32, 9.58, 3.75}, Row{0.1, 2.85, 6.48, 3.16},
                           Row{0.2, 2.22, 3.93, 2.40}, Row{0.5, 1.33, 1.80, 1.40}}) {
        EXPECT_NEAR(lifetimeFactor(std::vector{kB32, kB16}, row.f), row.b32_b16, 0.00501) << row.f;
        EXPECT_NEAR(lifetimeFactor(std::vector{kB32, kL14}, row.f), row.b32_l14, 0.00501) << row.f;
        EXPECT_NEAR(lifetimeFactor(std::vector{kB16, kL14}, row.f), row.b16_l14, 0.00501) << row.f;
    }
    EXPECT_NEAR(lifetimeFactor(std::vector{kB32, kB16, kL14}, 0.1), 5.68, 0.00501);
}

TEST(LifetimeFactor, NeverExceedsItsTwoBounds) {
    for (const double f : {0.001, 0.1, 0.9}) {
        for (const double ratio : {1.5, 10.0, 1000.0}) {
            const double factor = lifetimeFactor(std::vector{1.0, ratio}, f);
            EXPECT_LT(factor, 1 / f);
            EXPECT_LT(factor, ratio);
            EXPECT_EQ(factor > 1, 1 / ratio + f < 1);
        }
    }
    EXPECT_EQ(lifetimeFactor({}, 0.1), 0);
}

TEST(LifetimeCost, WithTheSameShareAtEveryLevelIsTheClosedForm) {
    const std::vector costs{1.0, 3.0, 9.0};
    const double n = 1000;
    const std::vector touched{n, 0.1 * n, 0.1 * n};
    EXPECT_DOUBLE_EQ(n * costs.back() / lifetimeCost(costs, touched), lifetimeFactor(costs, 0.1));
}

TEST(ColdQuery, IsThePapersExample) {
    // Measured times: t_2 = 3.3 t_1. Cut-offs 50 and 10: 165 / 83.
    const std::vector times{0.2, 1.0, 3.3};
    const std::vector<std::size_t> keep{50, 10};
    EXPECT_NEAR(coldCost(times, keep), 83.0, 1e-9);
    EXPECT_NEAR(coldSpeedup(times, keep), 1.99, 0.005);
    EXPECT_NEAR(coldSpeedup(std::vector{kB32, kB16, kL14}, keep), 2.40, 0.005);
    EXPECT_NEAR(secondCut(50, 1.0, 3.3, 2.0), 9.85, 0.005);
}

TEST(RandomTouched, IsThatOfTheTwoLoggedRuns) {
    EXPECT_NEAR(randomTouched(500, 35, 50), 0.97, 0.005);
    EXPECT_NEAR(randomTouched(1000, 35, 10), 0.30, 0.005);
    EXPECT_EQ(randomTouched(0, 35, 10), 0);
}

TEST(BreakEven, IsWhereTheCascadeHasCostAsMuchAsEverything) {
    const std::vector costs{1.0, 4.0, 16.0};
    const double f = breakEvenFraction(costs);
    EXPECT_NEAR(lifetimeFactor(costs, f), 1.0, 1e-12);
}

TEST(LifetimeFactor, AgainstAnotherEncoderIsThatOfItsCost) {
    EXPECT_DOUBLE_EQ(lifetimeFactorAgainst(kL14, std::vector{kB32}, 0.1), kL14 / kB32) << "the small one alone";
    EXPECT_DOUBLE_EQ(lifetimeFactorAgainst(kL14, std::vector{kL14}, 0.1), 1);
    EXPECT_DOUBLE_EQ(lifetimeFactorAgainst(kL14, std::vector{kB32, kL14}, 0.1),
                     lifetimeFactor(std::vector{kB32, kL14}, 0.1));
}

// Three levels by what each really encoded: the last sees a fifth of what the second does, which the closed form
// does not know.
TEST(BreakEvenQuery, CountsEachLevelByItself) {
    const std::vector costs{1.0, 4.0, 16.0};
    std::vector<SpentPoint> points;
    for (double q = 1; q < 40; ++q) {
        const double f = 0.01 * std::pow(q, 0.8);
        points.push_back({q, {f, f / 5}});
    }
    const double query = breakEvenQuery(costs, points);
    const double f = 0.01 * std::pow(query, 0.8);
    EXPECT_NEAR(1 + f * 4 + f / 5 * 16, 16, 1e-6);
    // What has happened counts, not what a curve would have made of it.
    points.push_back({40, {1.0, 0.9}});
    EXPECT_EQ(breakEvenQuery(costs, points), 40);
    EXPECT_TRUE(std::isnan(breakEvenQuery(costs, std::span(points).first(2))));
    EXPECT_TRUE(std::isnan(breakEvenQuery(std::vector{1.0}, points)));
    EXPECT_TRUE(std::isnan(breakEvenQuery(std::vector{0.0, 1.0}, points)));
}

TEST(TouchedFit, FindsAPowerLawAndItsQuery) {
    std::vector<TouchedPoint> points;
    for (double q = 1; q < 1000; q *= 2) {
        points.push_back({q, 0.01 * std::pow(q, 0.6)});
    }
    const TouchedFit fit = fitTouched(points);
    ASSERT_TRUE(fit.valid);
    EXPECT_NEAR(fit.exponent, 0.6, 1e-9);
    EXPECT_NEAR(fit.queryOf(0.5), std::pow(50.0, 1 / 0.6), 1e-6);
    EXPECT_FALSE(fitTouched(std::span(points).first(2)).valid);
    EXPECT_TRUE(std::isinf(TouchedFit{}.queryOf(0.5)));
}

// Shortlists of neighbours on a ring: image i brings i, i + 1, ...
class Ring {
  public:
    Ring(std::size_t images, std::size_t length) : lists_(images, std::vector<std::uint32_t>(length)) {
        for (std::size_t i = 0; i < images; ++i) {
            for (std::size_t j = 0; j < length; ++j) {
                lists_[i][j] = static_cast<std::uint32_t>((i + j) % images);
            }
        }
    }
    Shortlist shortlist() const {
        return [this](std::size_t image) { return std::span<const std::uint32_t>(lists_[image]); };
    }

  private:
    std::vector<std::vector<std::uint32_t>> lists_;
};

TEST(Simulation, RandomResultsFollowTheirClosedForm) {
    SimulationSettings settings;
    settings.images = 2000;
    settings.queries = 100;
    settings.keep = {35, 10};
    settings.draw = Draw::Random;
    settings.seeds = 20;
    const auto points = simulate(settings, {});
    ASSERT_EQ(points.front().query, 1u);
    ASSERT_EQ(points.back().query, 100u);
    EXPECT_DOUBLE_EQ(points.front().touched[0].mean, 35.0 / 2000);
    for (const SimulationPoint& point : points) {
        const auto q = static_cast<double>(point.query);
        for (const auto& [level, cut] : {std::pair<std::size_t, std::size_t>{0, 35}, {1, 10}}) {
            // The mean of 20 runs: a share of 2000 images has a standard deviation below 0.01, so the mean's is
            // 0.0025.
            EXPECT_NEAR(point.touched[level].mean, randomTouched(2000, cut, q), 0.01) << q;
            EXPECT_LE(point.touched[level].low, point.touched[level].mean + 1e-12);
            EXPECT_GE(point.touched[level].high, point.touched[level].mean - 1e-12);
        }
    }
}

TEST(Simulation, ListsAsLongAsTheLibraryAreDrawnAtOnce) {
    SimulationSettings settings;
    settings.images = 200'000;
    settings.queries = 3;
    settings.keep = {199'999, 10};
    settings.draw = Draw::Random;
    settings.seeds = 1;
    EXPECT_NEAR(simulate(settings, {}).front().touched[0].mean, 1, 1e-4);
}

TEST(Simulation, ASmallWorldTouchesNoMoreThanItsPartAndItsNeighbours) {
    const Ring ring(1000, 5);
    SimulationSettings settings;
    settings.images = 1000;
    settings.queries = 5000;
    settings.keep = {5, 1};
    settings.draw = Draw::Fraction;
    settings.fraction = 0.05;
    const auto points = simulate(settings, ring.shortlist());
    EXPECT_DOUBLE_EQ(points.back().touched[1].mean, 0.05) << "5000 queries ask for all of 50 images";
    EXPECT_LE(points.back().touched[0].high, 0.25);
    EXPECT_GT(points.back().touched[0].low, 0.15);
}

TEST(Simulation, IsAFunctionOfItsSeeds) {
    const Ring ring(300, 4);
    SimulationSettings settings;
    settings.images = 300;
    settings.queries = 200;
    settings.keep = {4};
    settings.seeds = 1;
    const double once = simulate(settings, ring.shortlist()).back().touched[0].mean;
    EXPECT_EQ(simulate(settings, ring.shortlist()).back().touched[0].mean, once);
    settings.first_seed = 2;
    EXPECT_NE(simulate(settings, ring.shortlist()).back().touched[0].mean, once);
    settings.exponent = 3; // nearly all ask for the same few
    EXPECT_LT(simulate(settings, ring.shortlist()).back().touched[0].mean, once);
    EXPECT_TRUE(simulate({}, ring.shortlist()).empty());
}

} // namespace
} // namespace fulgurite::cascade
