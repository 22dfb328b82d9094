// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/pattern_parser.h"

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/grammar/grammar.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace fulgurite::grammar {

namespace {

constexpr std::uint32_t kMostRepeats = 1000;
constexpr int kMostNesting = 50;
constexpr std::uint32_t kEnd = 0xFFFFFFFF;

const CharSet& digitSet() {
    static const CharSet set({{'0', '9'}});
    return set;
}

const CharSet& wordSet() {
    static const CharSet set({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
    return set;
}

const CharSet& spaceSet() {
    static const CharSet set({{'\t', '\r'},
                              {' ', ' '},
                              {0xA0, 0xA0},
                              {0x1680, 0x1680},
                              {0x2000, 0x200A},
                              {0x2028, 0x2029},
                              {0x202F, 0x202F},
                              {0x205F, 0x205F},
                              {0x3000, 0x3000},
                              {0xFEFF, 0xFEFF}});
    return set;
}

const CharSet& lineEnds() {
    static const CharSet set({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}});
    return set;
}

std::vector<std::uint32_t> codesOf(std::string_view text) {
    requireUtf8(text, "the pattern");
    std::vector<std::uint32_t> codes;
    for (std::size_t i = 0; i < text.size();) {
        const Utf8Char character = decodeUtf8(text.data() + i);
        codes.push_back(character.code);
        i += character.length;
    }
    return codes;
}

class Parser {
  public:
    explicit Parser(std::string_view pattern) : codes_(codesOf(pattern)) {}

    std::vector<PatternBranch> run() {
        std::vector<PatternBranch> branches;
        do {
            PatternBranch branch;
            branch.from_start = take('^');
            branch.body = sequence(true);
            branch.to_end = take('$');
            branches.push_back(std::move(branch));
        } while (take('|'));
        if (!done()) {
            fail(peek() == ')' ? ErrorKind::InvalidInput : ErrorKind::Unsupported, "{} at character {}",
                 peek() == ')' ? "a ')' without its '('" : "something behind '$'", at_ + 1);
        }
        return branches;
    }

  private:
    bool done() const { return at_ >= codes_.size(); }
    std::uint32_t peek() const { return done() ? kEnd : codes_[at_]; }
    bool take(char c) {
        const bool there = peek() == static_cast<std::uint32_t>(c);
        at_ += there ? 1 : 0;
        return there;
    }
    void want(char c) {
        if (!take(c)) {
            fail(ErrorKind::InvalidInput, "a '{}' is missing at character {}", c, at_ + 1);
        }
    }
    [[noreturn]] void cannot(std::string_view what) const {
        fail(ErrorKind::Unsupported, "{} at character {} cannot be prescribed", what, at_ + 1);
    }

    PatternNode sequence(bool outermost) {
        PatternNode node;
        for (;;) {
            const std::uint32_t c = peek();
            if (c == kEnd || c == '|' || c == ')' || (c == '$' && outermost)) {
                return node;
            }
            node.children.push_back(repeated(atom()));
        }
    }

    PatternNode choice() {
        PatternNode node;
        node.kind = PatternNode::Kind::Choice;
        do {
            node.children.push_back(sequence(false));
        } while (take('|'));
        return node;
    }

    static PatternNode characters(CharSet set) {
        PatternNode node;
        node.kind = PatternNode::Kind::Characters;
        node.set = std::move(set);
        return node;
    }

    PatternNode atom() {
        const std::uint32_t c = codes_[at_];
        if (c == '^' || c == '$') {
            cannot("an anchor in the middle");
        }
        if (c == '*' || c == '+' || c == '?' || c == '{' || c == '}' || c == ']') {
            fail(ErrorKind::InvalidInput, "a '{}' with nothing before it at character {}", static_cast<char>(c),
                 at_ + 1);
        }
        ++at_;
        switch (c) {
        case '.':
            return characters(lineEnds().complement());
        case '[':
            return characters(charClass());
        case '(':
            return group();
        case '\\':
            return characters(escape(false));
        default:
            return characters(CharSet({{c, c}}));
        }
    }

    PatternNode group() {
        if (++nesting_ > kMostNesting) {
            cannot("such deep nesting");
        }
        if (take('?')) {
            if (take('<') && peek() != '=' && peek() != '!') {
                while (!done() && !take('>')) {
                    ++at_;
                }
            } else if (!take(':')) {
                cannot("looking around");
            }
        }
        PatternNode inside = choice();
        want(')');
        --nesting_;
        return inside;
    }

    PatternNode repeated(PatternNode inside) {
        std::uint32_t min = 1;
        std::uint32_t max = 1;
        if (take('*')) {
            min = 0;
            max = kUnlimited;
        } else if (take('+')) {
            max = kUnlimited;
        } else if (take('?')) {
            min = 0;
        } else if (take('{')) {
            min = count();
            max = take(',') ? (peek() == '}' ? kUnlimited : count()) : min;
            want('}');
            if (max < min) {
                fail(ErrorKind::InvalidInput, "a repetition whose limits are the wrong way round at character {}",
                     at_);
            }
        } else {
            return inside;
        }
        take('?'); // lazy or greedy, the same strings match
        PatternNode node;
        node.kind = PatternNode::Kind::Repeat;
        node.children.push_back(std::move(inside));
        node.min = min;
        node.max = max;
        return node;
    }

    std::uint32_t count() {
        const std::size_t begin = at_;
        std::uint32_t value = 0;
        while (peek() >= '0' && peek() <= '9') {
            value = value * 10 + (codes_[at_++] - '0');
            if (value > kMostRepeats) {
                fail(ErrorKind::Unsupported, "more than {} repetitions at character {}", kMostRepeats, begin + 1);
            }
        }
        if (at_ == begin) {
            fail(ErrorKind::InvalidInput, "a number is missing at character {}", at_ + 1);
        }
        return value;
    }

    std::uint32_t hex(std::size_t digits) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            const std::uint32_t c = peek();
            const std::uint32_t lower = c | 0x20U;
            if (c >= '0' && c <= '9') {
                value = value * 16 + (c - '0');
            } else if (lower >= 'a' && lower <= 'f') {
                value = value * 16 + (lower - 'a' + 10);
            } else {
                fail(ErrorKind::InvalidInput, "a hexadecimal digit is missing at character {}", at_ + 1);
            }
            ++at_;
        }
        return value;
    }

    static CharSet one(std::uint32_t code) { return CharSet({{code, code}}); }

    // Behind the backslash.
    CharSet escape(bool in_class) {
        if (done()) {
            fail(ErrorKind::InvalidInput, "a backslash at the end");
        }
        const std::uint32_t c = codes_[at_++];
        switch (c) {
        case 'd':
            return digitSet();
        case 'D':
            return digitSet().complement();
        case 'w':
            return wordSet();
        case 'W':
            return wordSet().complement();
        case 's':
            return spaceSet();
        case 'S':
            return spaceSet().complement();
        case 't':
            return one('\t');
        case 'n':
            return one('\n');
        case 'r':
            return one('\r');
        case 'f':
            return one('\f');
        case 'v':
            return one('\v');
        case '0':
            return one(0);
        case 'x':
            return one(hex(2));
        case 'u':
            return one(hex(4));
        case 'b':
            if (in_class) {
                return one('\b');
            }
            break;
        default:
            break;
        }
        if ((c >= '1' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            --at_;
            cannot(c <= '9' ? "a reference back" : "this escape");
        }
        return one(c);
    }

    // Behind the opening bracket.
    CharSet charClass() {
        const bool negated = take('^');
        std::vector<CharRange> ranges; // a set of them all at the end: each union sorts anew
        while (!take(']')) {
            if (done()) {
                fail(ErrorKind::InvalidInput, "a ']' is missing");
            }
            const CharSet low = classMember();
            const bool range = peek() == '-' && at_ + 1 < codes_.size() && codes_[at_ + 1] != ']';
            if (!range) {
                ranges.insert(ranges.end(), low.ranges().begin(), low.ranges().end());
                continue;
            }
            ++at_;
            const CharSet high = classMember();
            const auto single = [](const CharSet& part) {
                return part.ranges().size() == 1 && part.ranges()[0].low == part.ranges()[0].high;
            };
            if (!single(low) || !single(high) || high.ranges()[0].low < low.ranges()[0].low) {
                fail(ErrorKind::InvalidInput, "a range without proper ends at character {}", at_);
            }
            ranges.push_back({low.ranges()[0].low, high.ranges()[0].low});
        }
        const CharSet set(std::move(ranges));
        return negated ? set.complement() : set;
    }

    CharSet classMember() {
        if (done()) {
            fail(ErrorKind::InvalidInput, "a ']' is missing");
        }
        const std::uint32_t c = codes_[at_++];
        return c == '\\' ? escape(true) : one(c);
    }

    std::vector<std::uint32_t> codes_;
    std::size_t at_ = 0;
    int nesting_ = 0;
};

} // namespace

std::vector<PatternBranch> parsePattern(std::string_view pattern) {
    return Parser(pattern).run();
}

} // namespace fulgurite::grammar
