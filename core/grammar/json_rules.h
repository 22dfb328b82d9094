// SPDX-License-Identifier: Apache-2.0
// The parts of JSON as pieces of a grammar.
#pragma once

#include "core/grammar/char_set.h"
#include "core/grammar/grammar_builder.h"

#include <optional>
#include <string>
#include <vector>

namespace fulgurite::grammar {

enum class JsonLayout {
    Free,    // a space or an indented line where one may stand
    OneLine, // a space after ':' and ','
};

// Numbers have at most 18 digits before the point, 17 behind it and two in the exponent, so that every reader can
// take them; nothing can be repeated without end but characters of a string, members and elements.
class JsonRules {
  public:
    JsonRules(GrammarBuilder& builder, JsonLayout layout) : builder_(builder), layout_(layout) {}

    Fragment gap();    // after ':' and ','
    Fragment edge();   // inside brackets, before the first and after the last
    Fragment string(); // any one
    Fragment number();
    Fragment integer();
    Fragment boolean();
    Fragment null();
    Fragment value(); // anything
    Fragment anyObject();
    Fragment anyArray();

    // "..." of `min` to `max` characters.
    Fragment stringOfLength(std::uint32_t min, std::uint32_t max);
    // A character of the set as it stands inside a string.
    Fragment stringCharacter(const CharSet& set);
    // "...", in which the piece stands.
    Fragment quoted(Fragment inside);
    // A name that is none of these, without escapes: '"' included.
    Fragment nameBeside(const std::vector<std::string>& taken);

    // "name": value
    RuleId member(Fragment name, RuleId value);
    // [item, ...] of `min` to `max` elements.
    Fragment arrayOf(RuleId item, std::uint32_t min, std::uint32_t max);
    // ", " and the rule.
    Fragment nextOf(RuleId rule);

  private:
    RuleId characterRule();
    RuleId valueRule();
    Fragment digits(std::size_t most);

    GrammarBuilder& builder_;
    JsonLayout layout_;
    std::optional<RuleId> character_;
    std::optional<RuleId> value_;
};

} // namespace fulgurite::grammar
