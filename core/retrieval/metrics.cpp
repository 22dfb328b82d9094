// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace fulgurite::retrieval {

const std::array<const char*, kMetrics>& metricNames() {
    static constexpr std::array<const char*, kMetrics> names{
        "success_ratio", "success", "category_success_ratio", "category_success", "weighted", "recall", "ndcg"};
    return names;
}

MetricValues judge(std::span<const std::int32_t> ranking, std::size_t k, const Relevance& relevance,
                   std::span<const DocumentFacts> facts) {
    std::set<std::string> items;
    std::set<std::string> labels;
    std::size_t documents = 0;
    double gain = 0;
    for (std::size_t place = 0; place < std::min(k, ranking.size()); ++place) {
        const DocumentFacts& fact = facts[static_cast<std::size_t>(ranking[place])];
        documents += relevance.documents.count(ranking[place]);
        const std::size_t before = items.size();
        for (const std::string* name : {&fact.item, &fact.title}) {
            if (!name->empty() && relevance.items.contains(*name)) {
                items.insert(*name);
            }
        }
        gain += items.size() > before ? 1 / std::log2(static_cast<double>(place) + 2) : 0.0;
        if (relevance.labels.contains(fact.label)) {
            labels.insert(fact.label);
        }
    }
    double best = 0;
    for (std::size_t place = 0; place < std::min(k, relevance.items.size()); ++place) {
        best += 1 / std::log2(static_cast<double>(place) + 2);
    }
    const auto share = [](std::size_t part, std::size_t all) {
        return all == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(all);
    };
    const double ratio = share(items.size(), relevance.items.size());
    const double category = share(labels.size(), relevance.labels.size());
    return {ratio,
            items.size() == relevance.items.size() ? 1.0 : 0.0,
            category,
            labels.size() == relevance.labels.size() ? 1.0 : 0.0,
            (2 * ratio + category) / 3,
            share(documents, relevance.documents.size()),
            best > 0 ? gain / best : 0.0};
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
