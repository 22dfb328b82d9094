// SPDX-License-Identifier: Apache-2.0
// How good one ranking is.
#pragma once

#include "core/retrieval/collection_types.h"
#include "core/retrieval/results/intervals.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>

namespace fulgurite::retrieval {

struct Relevance {
    std::set<std::string> items;
    std::set<std::string> labels;
    std::set<std::int32_t> documents;
};

// ranking: documents, best first; `k` of them are judged.
MetricValues judge(std::span<const std::int32_t> ranking, std::size_t k, const Relevance& relevance,
                   std::span<const DocumentFacts> facts);

} // namespace fulgurite::retrieval
