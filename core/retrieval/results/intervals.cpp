// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/results/intervals.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace fulgurite::retrieval {

const std::array<const char*, kMetrics>& metricNames() {
    static constexpr std::array<const char*, kMetrics> names{
        "success_ratio", "success", "category_success_ratio", "category_success", "weighted", "recall", "ndcg"};
    return names;
}

Interval bootstrap(std::span<const double> values, std::size_t resamples, std::uint64_t seed) {
    Interval interval;
    if (values.empty()) {
        return interval;
    }
    const auto count = static_cast<double>(values.size());
    interval.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
    interval.low = interval.high = interval.mean;
    if (resamples == 0) {
        return interval;
    }
    std::mt19937_64 random(seed);
    std::vector<double> means(resamples);
    std::size_t not_above = 0;
    std::size_t not_below = 0;
    for (double& mean : means) {
        double sum = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            sum += values[random() % values.size()]; // its bias is below 2^-50
        }
        mean = sum / count;
        not_above += mean <= 0 ? 1 : 0;
        not_below += mean >= 0 ? 1 : 0;
    }
    std::sort(means.begin(), means.end());
    const auto at = [&](double share) {
        return means[static_cast<std::size_t>(share * static_cast<double>(resamples - 1) + 0.5)];
    };
    interval.low = at(0.025);
    interval.high = at(0.975);
    // One is added to both, so that no finite number of resamples claims certainty.
    interval.p = std::min(1.0, 2.0 * static_cast<double>(std::min(not_above, not_below) + 1) /
                                   static_cast<double>(resamples + 1));
    return interval;
}

} // namespace fulgurite::retrieval
