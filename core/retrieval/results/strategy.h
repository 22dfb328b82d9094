// SPDX-License-Identifier: Apache-2.0
// The strategies of search by name: what they look at and how votes are weighed (Besta et al. 2024; the fusion ones
// after Rackauckas 2024, RAG-Fusion).
#pragma once

#include "core/retrieval/votes/ranking.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::retrieval {

enum class VectorKind : std::uint8_t {
    Standard, // the one vector of a text: nearest first, no votes
    Segments, // the standard vector cut into as many pieces as there are heads
    Heads,
    Words, // BM25, no vectors at all
};

struct Strategy {
    std::string name;      // "mrag-decay"
    std::string published; // what result files call it: "multirag-strategy-decay"; empty for what they do not have
    VectorKind vectors = VectorKind::Standard;
    VoteRule rule = VoteRule::Scaled;
    bool fused = false; // of several search prompts, merged by reciprocal rank fusion
};

// In the order in which they are shown.
const std::vector<Strategy>& allStrategies();

// By either name, and by the older published ones ("mrag-strategy-decay"). Throws Error{InvalidInput} that lists
// the names.
const Strategy& strategyOf(std::string_view name);

} // namespace fulgurite::retrieval
