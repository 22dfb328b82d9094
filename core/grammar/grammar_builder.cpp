// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/grammar_builder.h"

#include "core/base/error.h"

#include <algorithm>
#include <utility>

namespace fulgurite::grammar {

NodeId GrammarBuilder::node() {
    if (grammar_.nodes.size() >= max_nodes_) {
        fail(ErrorKind::InvalidInput,
             "the constraint is too large: more than {} steps; shorten its lists, patterns and "
             "counted repetitions",
             max_nodes_);
    }
    grammar_.nodes.emplace_back();
    return static_cast<NodeId>(grammar_.nodes.size() - 1);
}

void GrammarBuilder::link(NodeId from, NodeId to) {
    at(from).empty.push_back(to);
}

void GrammarBuilder::link(NodeId from, std::uint8_t low, std::uint8_t high, NodeId to) {
    at(from).bytes.push_back({low, high, to});
}

Fragment GrammarBuilder::nothing() {
    const NodeId only = node();
    return {only, only};
}

Fragment GrammarBuilder::literal(std::string_view bytes) {
    Fragment result = nothing();
    for (const char c : bytes) {
        const auto byte = static_cast<std::uint8_t>(c);
        const NodeId next = node();
        link(result.end, byte, byte, next);
        result.end = next;
    }
    return result;
}

Fragment GrammarBuilder::byteRange(std::uint8_t low, std::uint8_t high) {
    const Fragment result{node(), node()};
    link(result.start, low, high, result.end);
    return result;
}

Fragment GrammarBuilder::anyOf(std::string_view bytes) {
    const Fragment result{node(), node()};
    for (const char c : bytes) {
        link(result.start, static_cast<std::uint8_t>(c), static_cast<std::uint8_t>(c), result.end);
    }
    return result;
}

Fragment GrammarBuilder::character(const CharSet& set) {
    const Fragment result{node(), node()};
    for (const ByteRanges& ranges : utf8Ranges(set)) {
        NodeId from = result.start;
        for (std::size_t i = 0; i < ranges.size(); ++i) {
            const NodeId to = i + 1 == ranges.size() ? result.end : node();
            link(from, ranges[i].low, ranges[i].high, to);
            from = to;
        }
    }
    return result;
}

Fragment GrammarBuilder::sequence(std::vector<Fragment> parts) {
    if (parts.empty()) {
        return nothing();
    }
    for (std::size_t i = 1; i < parts.size(); ++i) {
        link(parts[i - 1].end, parts[i].start);
    }
    return {parts.front().start, parts.back().end};
}

Fragment GrammarBuilder::choice(std::vector<Fragment> parts) {
    const Fragment result{node(), node()};
    for (const Fragment& part : parts) {
        link(result.start, part.start);
        link(part.end, result.end);
    }
    return result;
}

Fragment GrammarBuilder::optional(Fragment part) {
    return choice({part, nothing()});
}

Fragment GrammarBuilder::star(Fragment part) {
    const Fragment result{node(), node()};
    link(result.start, result.end);
    link(result.start, part.start);
    link(part.end, result.start);
    return result;
}

Fragment GrammarBuilder::call(RuleId rule) {
    const Fragment result{node(), node()};
    at(result.start).calls.push_back({rule, result.end});
    return result;
}

Fragment GrammarBuilder::repeat(RuleId body, std::uint32_t min, std::uint32_t max) {
    const Fragment result{node(), node()};
    at(result.start).repeat = Repeat{body, min, max, result.end};
    return result;
}

// The automaton of Knuth, Morris and Pratt: state i has just read the first i bytes of the mark.
Fragment GrammarBuilder::through(std::string_view mark) {
    std::vector<NodeId> states;
    for (std::size_t i = 0; i <= mark.size(); ++i) {
        states.push_back(node());
    }
    const auto matched = [&](std::string_view text) {
        std::size_t length = std::min(text.size(), mark.size());
        while (text.substr(text.size() - length) != mark.substr(0, length)) {
            --length;
        }
        return length;
    };
    for (std::size_t i = 0; i < mark.size(); ++i) {
        for (int byte = 0; byte < 256; ++byte) {
            const std::size_t next = matched(std::string(mark.substr(0, i)) + static_cast<char>(byte));
            link(states[i], static_cast<std::uint8_t>(byte), static_cast<std::uint8_t>(byte), states[next]);
        }
    }
    return {states.front(), states.back()};
}

RuleId GrammarBuilder::declare() {
    grammar_.rules.push_back(node());
    return static_cast<RuleId>(grammar_.rules.size() - 1);
}

void GrammarBuilder::define(RuleId rule, Fragment body) {
    link(grammar_.rules[static_cast<std::size_t>(rule)], body.start);
    const NodeId end = node();
    link(body.end, end);
    at(end).end = true;
}

RuleId GrammarBuilder::rule(Fragment body) {
    const RuleId result = declare();
    define(result, body);
    return result;
}

Grammar GrammarBuilder::finish(RuleId root) {
    grammar_.root = root;
    if (!measureDepths(grammar_)) {
        fail(ErrorKind::InvalidInput, "no answer of any length satisfies the constraint");
    }
    return std::move(grammar_);
}

} // namespace fulgurite::grammar
