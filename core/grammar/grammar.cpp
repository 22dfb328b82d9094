// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/grammar.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace fulgurite::grammar {

namespace {

int afterCall(const Grammar& grammar, RuleId rule, NodeId to) {
    const int inside = grammar.depthOf(rule);
    const int after = grammar.nodes[static_cast<std::size_t>(to)].depth;
    return inside == kNever || after == kNever ? kNever : std::max(inside + 1, after);
}

// An edge seen from where it leads: when more is known there, or of the start of the rule that it calls, so it may be of `from`.
struct BackEdge {
    NodeId from = 0;
    std::optional<RuleId> call;
    NodeId to = 0;
};

std::vector<std::vector<BackEdge>> backEdges(const Grammar& grammar) {
    std::vector<std::vector<BackEdge>> back(grammar.nodes.size());
    const auto lead = [&](NodeId at, const BackEdge& edge) { back[static_cast<std::size_t>(at)].push_back(edge); };
    const auto call = [&](NodeId from, RuleId rule, NodeId to) {
        lead(to, {from, rule, to});
        lead(grammar.rules[static_cast<std::size_t>(rule)], {from, rule, to});
    };
    for (std::size_t i = 0; i < grammar.nodes.size(); ++i) {
        const Node& node = grammar.nodes[i];
        const auto from = static_cast<NodeId>(i);
        for (const ByteEdge& edge : node.bytes) {
            lead(edge.to, {from, std::nullopt, edge.to});
        }
        for (const NodeId to : node.empty) {
            lead(to, {from, std::nullopt, to});
        }
        for (const CallEdge& edge : node.calls) {
            call(from, edge.rule, edge.to);
        }
        if (node.repeat && node.repeat->min == 0) {
            lead(node.repeat->to, {from, std::nullopt, node.repeat->to});
        } else if (node.repeat) {
            call(from, node.repeat->body, node.repeat->to);
        }
    }
    return back;
}

bool goesOnInSilence(const Node& node) {
    return node.bytes.empty() && node.calls.empty() && !node.repeat;
}

// From the ends backwards, the least depth first: what a node has got then it keeps, as an edge never leads to less than what
// it comes from (D. E. Knuth, "A Generalization of Dijkstra's Algorithm", 1977).
void settleDepths(Grammar& grammar, const std::vector<std::vector<BackEdge>>& back) {
    using Candidate = std::pair<int, NodeId>;
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> open;
    for (std::size_t i = 0; i < grammar.nodes.size(); ++i) {
        if (grammar.nodes[i].end) {
            open.emplace(0, static_cast<NodeId>(i));
        }
    }
    while (!open.empty()) {
        const auto [depth, id] = open.top();
        open.pop();
        Node& node = grammar.nodes[static_cast<std::size_t>(id)];
        if (node.depth <= depth) {
            continue;
        }
        node.depth = depth;
        for (const BackEdge& edge : back[static_cast<std::size_t>(id)]) {
            const int through = edge.call ? afterCall(grammar, *edge.call, edge.to) : depth;
            if (through < grammar.nodes[static_cast<std::size_t>(edge.from)].depth) {
                open.emplace(through, edge.from);
            }
        }
    }
}

void settleEnds(Grammar& grammar, const std::vector<std::vector<BackEdge>>& back) {
    std::vector<NodeId> open;
    for (std::size_t i = 0; i < grammar.nodes.size(); ++i) {
        Node& node = grammar.nodes[i];
        node.only_ends = goesOnInSilence(node) && node.empty.empty() && node.end;
        if (node.only_ends) {
            open.push_back(static_cast<NodeId>(i));
        }
    }
    while (!open.empty()) {
        const NodeId id = open.back();
        open.pop_back();
        for (const BackEdge& edge : back[static_cast<std::size_t>(id)]) {
            Node& from = grammar.nodes[static_cast<std::size_t>(edge.from)];
            if (!from.only_ends && goesOnInSilence(from) && !from.end && from.empty.size() == 1) {
                from.only_ends = true;
                open.push_back(edge.from);
            }
        }
    }
}

} // namespace

bool measureDepths(Grammar& grammar) {
    const std::vector<std::vector<BackEdge>> back = backEdges(grammar);
    settleDepths(grammar, back);
    settleEnds(grammar, back);
    return grammar.depthOf(grammar.root) != kNever;
}

} // namespace fulgurite::grammar
