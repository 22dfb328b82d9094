// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/metrics.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::retrieval {

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

} // namespace fulgurite::retrieval
