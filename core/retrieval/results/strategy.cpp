// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/results/strategy.h"

#include "core/base/error.h"

#include <algorithm>

namespace fulgurite::retrieval {

const std::vector<Strategy>& allStrategies() {
    static const std::vector<Strategy> strategies{
        {"standard", "standard-rag", VectorKind::Standard, VoteRule::Decay, false},
        {"split", "split-rag", VectorKind::Segments, VoteRule::Decay, false},
        {"split-weighted", "split-rag-strategy-weighted", VectorKind::Segments, VoteRule::Scaled, false},
        {"mrag", "multirag", VectorKind::Heads, VoteRule::Scaled, false},
        {"mrag-decay", "multirag-strategy-decay", VectorKind::Heads, VoteRule::Decay, false},
        {"mrag-distance", "multirag-strategy-distance", VectorKind::Heads, VoteRule::Distance, false},
        {"fusion", "fusion-rag", VectorKind::Standard, VoteRule::Decay, true},
        {"fusion-mrag", "fusion-multirag", VectorKind::Heads, VoteRule::Scaled, true},
        {"bm25", "", VectorKind::Words, VoteRule::Decay, false},
    };
    return strategies;
}

const Strategy& strategyOf(std::string_view name) {
    // "attention-1 | (2 ** -r)" is how two published files spell the votes without head scores.
    static const std::pair<std::string_view, std::string_view> kOlder[] = {
        {"mrag-strategy-decay", "mrag-decay"},
        {"mrag-strategy-distance", "mrag-distance"},
        {"attention-1 | (2 ** -r)", "mrag-decay"},
    };
    for (const auto& [older, current] : kOlder) {
        if (name == older) {
            name = current;
        }
    }
    std::string names;
    for (const Strategy& strategy : allStrategies()) {
        if (name == strategy.name || (!strategy.published.empty() && name == strategy.published)) {
            return strategy;
        }
        names += (names.empty() ? "" : ", ") + strategy.name;
    }
    fail(ErrorKind::InvalidInput, "there is no strategy '{}'; it is one of {}", name, names);
}

} // namespace fulgurite::retrieval
