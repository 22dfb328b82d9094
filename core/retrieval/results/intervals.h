// SPDX-License-Identifier: Apache-2.0
// What is measured of a ranking, and how sure a mean over queries is. Besta et al. 2024 with w = 2; recall and nDCG
// as usual.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace fulgurite::retrieval {

// R: relevant items of a query, n of them; S: what the first k documents show; L(): the set of labels.
enum class Metric : std::uint8_t {
    SuccessRatio,         // |R n S| / n
    Success,              // 1 when R is contained in S
    CategorySuccessRatio, // |L(R) n L(S)| / |L(R)|
    CategorySuccess,      // 1 when L(R) is contained in L(S)
    Weighted,             // (2 SuccessRatio + CategorySuccessRatio) / 3
    Recall,               // relevant documents among the first k, of all relevant ones
    Ndcg, // gain 1 / log2(place + 1) for the first document of each relevant item, over the best possible
};
inline constexpr std::size_t kMetrics = 7;
const std::array<const char*, kMetrics>& metricNames(); // "success_ratio", ...

using MetricValues = std::array<double, kMetrics>;

// Results are judged at k = 1 .. 32, as published.
inline constexpr std::size_t kMostJudged = 32;

// strategy -> n -> [k - 1][query]: what result files hold.
using ResultMatrices = std::map<std::string, std::map<std::size_t, std::vector<std::vector<MetricValues>>>>;

struct Interval {
    double mean = 0;
    double low = 0; // 95 percent, percentiles of bootstrap means
    double high = 0;
    double p = 1; // two-sided, of a mean of 0; for gains
};

// Resamples `values` with replacement. The same seed gives the same interval.
Interval bootstrap(std::span<const double> values, std::size_t resamples, std::uint64_t seed);

} // namespace fulgurite::retrieval
