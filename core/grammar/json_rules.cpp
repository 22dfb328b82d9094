// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/json_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace fulgurite::grammar {

namespace {

constexpr std::size_t kWholeDigits = 17; // after the first
constexpr std::size_t kFractionDigits = 17;
constexpr std::uint32_t kMostIndent = 40;
constexpr std::string_view kHex = "0123456789abcdefABCDEF";

const CharSet& plainCharacters() {
    static const CharSet set = CharSet::all() - CharSet({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
    return set;
}

std::string escapeOf(std::uint32_t code) {
    switch (code) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return fmt::format("\\u{:04x}", code);
    }
}

} // namespace

Fragment JsonRules::gap() {
    if (layout_ == JsonLayout::OneLine) {
        return builder_.optional(builder_.literal(" "));
    }
    const RuleId space = builder_.rule(builder_.literal(" "));
    return builder_.choice({builder_.nothing(), builder_.literal(" "),
                            builder_.sequence({builder_.literal("\n"), builder_.repeat(space, 0, kMostIndent)})});
}

Fragment JsonRules::edge() {
    return layout_ == JsonLayout::OneLine ? builder_.nothing() : gap();
}

Fragment JsonRules::digits(std::size_t most) {
    Fragment all = builder_.nothing();
    for (std::size_t i = 0; i < most; ++i) {
        all = builder_.optional(builder_.sequence({builder_.byteRange('0', '9'), all}));
    }
    return all;
}

Fragment JsonRules::integer() {
    return builder_.sequence(
        {builder_.optional(builder_.literal("-")),
         builder_.choice(
             {builder_.literal("0"), builder_.sequence({builder_.byteRange('1', '9'), digits(kWholeDigits)})})});
}

Fragment JsonRules::number() {
    const Fragment fraction =
        builder_.sequence({builder_.literal("."), builder_.byteRange('0', '9'), digits(kFractionDigits - 1)});
    const Fragment exponent = builder_.sequence(
        {builder_.anyOf("eE"), builder_.optional(builder_.anyOf("+-")), builder_.byteRange('0', '9'), digits(1)});
    return builder_.sequence({integer(), builder_.optional(fraction), builder_.optional(exponent)});
}

Fragment JsonRules::boolean() {
    return builder_.choice({builder_.literal("true"), builder_.literal("false")});
}

Fragment JsonRules::null() {
    return builder_.literal("null");
}

Fragment JsonRules::stringCharacter(const CharSet& set) {
    const CharSet plain = set - plainCharacters().complement();
    std::vector<Fragment> ways{builder_.character(plain)};
    const CharSet escaped = set - plainCharacters();
    for (const CharRange& range : escaped.ranges()) {
        for (std::uint32_t code = range.low; code <= range.high; ++code) {
            ways.push_back(builder_.literal(escapeOf(code)));
        }
    }
    return builder_.choice(std::move(ways));
}

// Any character in any spelling. Surrogates come in pairs, because half of one is no character.
RuleId JsonRules::characterRule() {
    if (!character_) {
        const auto hex = [&] { return builder_.anyOf(kHex); };
        const Fragment below = builder_.sequence({builder_.anyOf("0123456789abcefABCEF"), hex(), hex(), hex()});
        const Fragment d = builder_.sequence({builder_.anyOf("dD"), builder_.byteRange('0', '7'), hex(), hex()});
        const Fragment pair = builder_.sequence({builder_.anyOf("dD"), builder_.anyOf("89abAB"), hex(), hex(),
                                                 builder_.literal("\\u"), builder_.anyOf("dD"),
                                                 builder_.anyOf("cdefCDEF"), hex(), hex()});
        const Fragment code = builder_.sequence({builder_.literal("u"), builder_.choice({below, d, pair})});
        const Fragment escape =
            builder_.sequence({builder_.literal("\\"), builder_.choice({builder_.anyOf("\"\\/bfnrt"), code})});
        character_ = builder_.rule(builder_.choice({builder_.character(plainCharacters()), escape}));
    }
    return *character_;
}

Fragment JsonRules::quoted(Fragment inside) {
    return builder_.sequence({builder_.literal("\""), inside, builder_.literal("\"")});
}

Fragment JsonRules::string() {
    return quoted(builder_.star(builder_.call(characterRule())));
}

Fragment JsonRules::stringOfLength(std::uint32_t min, std::uint32_t max) {
    return quoted(builder_.repeat(characterRule(), min, max));
}

// A tree of the taken names in which a name may close only where none of them ends. Beyond the tree anything goes.
// Printable ASCII will do: a name can be spelled in many ways, and another spelling of a taken one must not pass.
Fragment JsonRules::nameBeside(const std::vector<std::string>& taken) {
    const CharSet letters = CharSet({{0x20, 0x7E}}) - CharSet({{'"', '"'}, {'\\', '\\'}});
    const Fragment result = builder_.literal("\"");
    const NodeId end = builder_.node();
    const Fragment rest = builder_.star(builder_.character(letters));
    builder_.link(rest.end, '"', '"', end);
    std::vector<std::string> names = taken;
    std::ranges::sort(names);
    // Names [first, last) agree in their first `length` letters, which lead to the node `at`. Not by recursion: a name may
    // have as many letters as a request has room for.
    struct Place {
        NodeId at;
        std::size_t first;
        std::size_t last;
        std::size_t length;
    };
    std::vector<Place> places{{result.end, 0, names.size(), 0}};
    while (!places.empty()) {
        const auto [at, first, last, length] = places.back();
        places.pop_back();
        std::size_t name = first;
        while (name < last && names[name].size() == length) {
            ++name;
        }
        if (length > 0 && name == first) {
            builder_.link(at, '"', '"', end);
        }
        const auto letterOf = [&, length = length](std::size_t n) { return static_cast<std::uint8_t>(names[n][length]); };
        const auto leave = [&, at = at](std::uint32_t low, std::uint32_t high) {
            if (low <= high) {
                builder_.link(at, static_cast<std::uint8_t>(low), static_cast<std::uint8_t>(high), rest.start);
            }
        };
        for (const CharRange& range : letters.ranges()) {
            std::uint32_t free = range.low; // no name goes on with a letter from here to the next that one does
            while (name < last && letterOf(name) < range.low) {
                ++name;
            }
            while (name < last && letterOf(name) <= range.high) {
                const std::size_t begin = name;
                const std::uint8_t letter = letterOf(begin);
                while (name < last && letterOf(name) == letter) {
                    ++name;
                }
                const NodeId next = builder_.node();
                leave(free, letter - 1U);
                builder_.link(at, letter, letter, next);
                places.push_back({next, begin, name, length + 1});
                free = letter + 1U;
            }
            leave(free, range.high);
        }
    }
    return {result.start, end};
}

RuleId JsonRules::member(Fragment name, RuleId value) {
    return builder_.rule(builder_.sequence({name, builder_.literal(":"), gap(), builder_.call(value)}));
}

Fragment JsonRules::nextOf(RuleId rule) {
    return builder_.sequence({builder_.literal(","), gap(), builder_.call(rule)});
}

Fragment JsonRules::arrayOf(RuleId item, std::uint32_t min, std::uint32_t max) {
    std::vector<Fragment> ways;
    if (min == 0) {
        ways.push_back(builder_.nothing());
    }
    if (max > 0) {
        const RuleId next = builder_.rule(nextOf(item));
        ways.push_back(builder_.sequence(
            {edge(), builder_.call(item),
             builder_.repeat(next, min == 0 ? 0 : min - 1, max == kUnlimited ? max : max - 1), edge()}));
    }
    return builder_.sequence({builder_.literal("["), builder_.choice(std::move(ways)), builder_.literal("]")});
}

Fragment JsonRules::anyArray() {
    return arrayOf(valueRule(), 0, kUnlimited);
}

Fragment JsonRules::anyObject() {
    const RuleId pair = member(string(), valueRule());
    const RuleId next = builder_.rule(nextOf(pair));
    const Fragment members =
        builder_.sequence({edge(), builder_.call(pair), builder_.repeat(next, 0, kUnlimited), edge()});
    return builder_.sequence({builder_.literal("{"), builder_.optional(members), builder_.literal("}")});
}

RuleId JsonRules::valueRule() {
    if (!value_) {
        value_ = builder_.declare(); // before its parts, which call it
        builder_.define(*value_, builder_.choice({string(), number(), boolean(), null(), anyObject(), anyArray()}));
    }
    return *value_;
}

Fragment JsonRules::value() {
    return builder_.call(valueRule());
}

} // namespace fulgurite::grammar
