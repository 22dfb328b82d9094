// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/grammar.h"

#include <algorithm>

namespace fulgurite::grammar {

namespace {

int afterCall(const Grammar& grammar, RuleId rule, NodeId to) {
    const int inside = grammar.depthOf(rule);
    const int after = grammar.nodes[static_cast<std::size_t>(to)].depth;
    return inside == kNever || after == kNever ? kNever : std::max(inside + 1, after);
}

int depthFrom(const Grammar& grammar, const Node& node) {
    const auto depthAt = [&](NodeId id) { return grammar.nodes[static_cast<std::size_t>(id)].depth; };
    int least = node.end ? 0 : kNever;
    for (const ByteEdge& edge : node.bytes) {
        least = std::min(least, depthAt(edge.to));
    }
    for (const NodeId to : node.empty) {
        least = std::min(least, depthAt(to));
    }
    for (const CallEdge& edge : node.calls) {
        least = std::min(least, afterCall(grammar, edge.rule, edge.to));
    }
    if (node.repeat) {
        const Repeat& repeat = *node.repeat;
        least = std::min(least, repeat.min == 0 ? depthAt(repeat.to) : afterCall(grammar, repeat.body, repeat.to));
    }
    return least;
}

bool onlyEnds(const Grammar& grammar, const Node& node) {
    if (!node.bytes.empty() || !node.calls.empty() || node.repeat) {
        return false;
    }
    return node.empty.empty() ? node.end
                              : !node.end && node.empty.size() == 1 &&
                                    grammar.nodes[static_cast<std::size_t>(node.empty.front())].only_ends;
}

} // namespace

// Depths only fall, and builders number nodes forwards, so that sweeps from the back settle in a few rounds.
bool measureDepths(Grammar& grammar) {
    for (bool changed = true; changed;) {
        changed = false;
        for (auto node = grammar.nodes.rbegin(); node != grammar.nodes.rend(); ++node) {
            const int depth = depthFrom(grammar, *node);
            const bool only_ends = onlyEnds(grammar, *node);
            changed = changed || depth != node->depth || only_ends != node->only_ends;
            node->depth = depth;
            node->only_ends = only_ends;
        }
    }
    return grammar.depthOf(grammar.root) != kNever;
}

} // namespace fulgurite::grammar
