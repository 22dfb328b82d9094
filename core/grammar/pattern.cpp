// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/pattern.h"

#include "core/grammar/pattern_parser.h"

#include <utility>

namespace fulgurite::grammar {

namespace {

class PatternWriter {
  public:
    PatternWriter(GrammarBuilder& builder, JsonRules& json) : builder_(builder), json_(json) {}

    Fragment branch(const PatternBranch& branch) {
        std::vector<Fragment> parts;
        if (!branch.from_start) {
            parts.push_back(anything());
        }
        parts.push_back(write(branch.body));
        if (!branch.to_end) {
            parts.push_back(anything());
        }
        return builder_.sequence(std::move(parts));
    }

  private:
    Fragment anything() { return builder_.star(json_.stringCharacter(CharSet::all())); }

    Fragment write(const PatternNode& node) {
        std::vector<Fragment> parts;
        switch (node.kind) {
        case PatternNode::Kind::Characters:
            return json_.stringCharacter(node.set);
        case PatternNode::Kind::Repeat:
            return repeated(node);
        case PatternNode::Kind::Sequence:
        case PatternNode::Kind::Choice:
            break;
        }
        for (const PatternNode& child : node.children) {
            parts.push_back(write(child));
        }
        return node.kind == PatternNode::Kind::Choice ? builder_.choice(std::move(parts))
                                                      : builder_.sequence(std::move(parts));
    }

    // Written out, because what is repeated may be empty.
    Fragment repeated(const PatternNode& node) {
        const PatternNode& inside = node.children.front();
        Fragment rest = builder_.nothing();
        if (node.max == kUnlimited) {
            rest = builder_.star(write(inside));
        } else {
            for (std::uint32_t i = node.min; i < node.max; ++i) {
                rest = builder_.optional(builder_.sequence({write(inside), rest}));
            }
        }
        std::vector<Fragment> parts;
        for (std::uint32_t i = 0; i < node.min; ++i) {
            parts.push_back(write(inside));
        }
        parts.push_back(rest);
        return builder_.sequence(std::move(parts));
    }

    GrammarBuilder& builder_;
    JsonRules& json_;
};

constexpr std::string_view kDate =
    R"(^((\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8])))|)"
    R"((\d\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29))";
constexpr std::string_view kTime = R"(([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$)";

} // namespace

Fragment matchingString(GrammarBuilder& builder, JsonRules& json, std::string_view pattern) {
    std::vector<Fragment> ways;
    for (const PatternBranch& branch : parsePattern(pattern)) {
        ways.push_back(PatternWriter(builder, json).branch(branch));
    }
    return json.quoted(builder.choice(std::move(ways)));
}

std::string_view patternOfFormat(std::string_view format) {
    static const std::string date = std::string(kDate) + "$";
    static const std::string time = "^" + std::string(kTime);
    static const std::string both = std::string(kDate) + "T" + std::string(kTime);
    if (format == "date") {
        return date;
    }
    if (format == "time") {
        return time;
    }
    if (format == "date-time") {
        return both;
    }
    if (format == "uuid") {
        return "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
    }
    if (format == "ipv4") {
        return R"(^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$)";
    }
    if (format == "email") {
        return R"(^[A-Za-z0-9_+-]{1,32}(\.[A-Za-z0-9_+-]{1,32}){0,3}@([A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?\.){1,4}[A-Za-z]{2,16}$)";
    }
    return {};
}

} // namespace fulgurite::grammar
