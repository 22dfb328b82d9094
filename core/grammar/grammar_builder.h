// SPDX-License-Identifier: Apache-2.0
// Puts a grammar together from pieces. A piece is a pair of nodes, and using it wires it in: each is used once.
#pragma once

#include "core/grammar/char_set.h"
#include "core/grammar/grammar.h"

#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::grammar {

struct Fragment {
    NodeId start = 0;
    NodeId end = 0;
};

class GrammarBuilder {
  public:
    // Grammars beyond `max_nodes` throw Error{InvalidInput}.
    explicit GrammarBuilder(std::size_t max_nodes = 200'000) : max_nodes_(max_nodes) {}

    Fragment nothing();
    Fragment literal(std::string_view bytes);
    Fragment byteRange(std::uint8_t low, std::uint8_t high);
    Fragment anyOf(std::string_view bytes); // one of these bytes
    Fragment character(const CharSet& set); // one character of the set, in UTF-8
    Fragment sequence(std::vector<Fragment> parts);
    Fragment choice(std::vector<Fragment> parts); // of none: nothing can be read
    Fragment optional(Fragment part);
    Fragment star(Fragment part); // `part` may read nothing
    Fragment call(RuleId rule);
    Fragment repeat(RuleId body, std::uint32_t min, std::uint32_t max);
    // Any bytes up to and with the first place where `mark` ends.
    Fragment through(std::string_view mark);

    RuleId declare();
    void define(RuleId rule, Fragment body);
    RuleId rule(Fragment body);

    NodeId node();
    void link(NodeId from, NodeId to);
    void link(NodeId from, std::uint8_t low, std::uint8_t high, NodeId to);

    // Throws Error{InvalidInput} when the root cannot be read to its end.
    Grammar finish(RuleId root);

  private:
    Node& at(NodeId id) { return grammar_.nodes[static_cast<std::size_t>(id)]; }

    std::size_t max_nodes_;
    Grammar grammar_;
};

} // namespace fulgurite::grammar
