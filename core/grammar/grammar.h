// SPDX-License-Identifier: Apache-2.0
// A grammar over bytes: rules whose bodies are automata that read bytes and call other rules. A rule may call
// itself, so nested values are no problem; counted repetitions are one edge, however large the count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace fulgurite::grammar {

using NodeId = std::int32_t;
using RuleId = std::int32_t;

inline constexpr std::uint32_t kUnlimited = std::numeric_limits<std::uint32_t>::max();
inline constexpr int kNever = std::numeric_limits<int>::max();

struct ByteEdge {
    std::uint8_t low = 0; // both included
    std::uint8_t high = 0;
    NodeId to = 0;
};

// Reads what the rule reads, then goes on at `to`.
struct CallEdge {
    RuleId rule = 0;
    NodeId to = 0;
};

// Reads `body` at least `min` and at most `max` times. `body` must not read nothing.
struct Repeat {
    RuleId body = 0;
    std::uint32_t min = 0;
    std::uint32_t max = kUnlimited;
    NodeId to = 0;
};

struct Node {
    std::vector<ByteEdge> bytes;
    std::vector<NodeId> empty; // read nothing
    std::vector<CallEdge> calls;
    std::optional<Repeat> repeat; // alone: such a node has no other edge
    bool end = false;             // of its rule

    // Levels of calls that are needed at least to get from here to the end of the rule; kNever: it cannot be
    // reached.
    int depth = kNever;
    bool only_ends = false; // nothing but the end of the rule can be reached from here, and without reading
};

struct Grammar {
    std::vector<Node> nodes;
    std::vector<NodeId> rules; // where each one starts
    RuleId root = 0;

    int depthOf(RuleId rule) const {
        return nodes[static_cast<std::size_t>(rules[static_cast<std::size_t>(rule)])].depth;
    }
};

// Fills in what nodes know of what is behind them. False when the root can never be read to its end.
bool measureDepths(Grammar& grammar);

} // namespace fulgurite::grammar
