// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/number_range.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

namespace fulgurite::grammar {

namespace {

constexpr double kLargest = 1e15;
constexpr std::size_t kMostWhole = 18;
constexpr std::size_t kMostFraction = 17;

std::string trimmedFront(std::string digits) {
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    return digits.empty() ? "0" : digits;
}

std::string trimmedBack(std::string digits) {
    digits.resize(digits.find_last_not_of('0') + 1);
    return digits;
}

// Bounds of numbers that are not negative.
struct Bounds {
    Decimal low;
    std::optional<Decimal> high;
    bool above_low = false;
    bool below_high = false;
    bool whole = false;
};

// One number as it is written: how far it has come, and whether it still equals the digits of a bound.
class DigitWriter {
  public:
    DigitWriter(GrammarBuilder& builder, const Bounds& bounds)
        : builder_(builder), bounds_(bounds), start_(builder.node()), end_(builder.node()) {}

    Fragment run() {
        const std::size_t most =
            bounds_.high ? bounds_.high->whole.size() : std::max(kMostWhole, bounds_.low.whole.size());
        for (std::size_t length = bounds_.low.whole.size(); length <= most; ++length) {
            const bool at_high = bounds_.high && length == bounds_.high->whole.size();
            builder_.link(start_, whole(length, 0, length == bounds_.low.whole.size(), at_high));
        }
        return {start_, end_};
    }

  private:
    static char digitAt(const std::string& digits, std::size_t at) { return at < digits.size() ? digits[at] : '0'; }

    // `at` digits of `length` are written.
    NodeId whole(std::size_t length, std::size_t at, bool at_low, bool at_high) {
        const auto [entry, added] = whole_.try_emplace({length, at, at_low, at_high}, 0);
        if (!added) {
            return entry->second;
        }
        const NodeId node = entry->second = builder_.node();
        if (at == length) {
            behind(node, 0, at_low, at_high);
            return node;
        }
        for (char c = at == 0 && length > 1 ? '1' : '0'; c <= '9'; ++c) {
            if ((at_low && c < bounds_.low.whole[at]) || (at_high && c > bounds_.high->whole[at])) {
                continue;
            }
            const auto byte = static_cast<std::uint8_t>(c);
            builder_.link(node, byte, byte,
                          whole(length, at + 1, at_low && c == bounds_.low.whole[at],
                                at_high && c == bounds_.high->whole[at]));
        }
        return node;
    }

    // The number may end here: what is not written counts as zeros.
    bool inside(std::size_t at, bool at_low, bool at_high) const {
        const bool is_low = at_low && bounds_.low.fraction.size() <= at;
        const bool is_high = at_high && bounds_.high->fraction.size() <= at;
        return (!at_low || (is_low && !bounds_.above_low)) && (!is_high || !bounds_.below_high);
    }

    // What may follow a number with `at` digits behind its point.
    void behind(NodeId node, std::size_t at, bool at_low, bool at_high) {
        if (inside(at, at_low, at_high)) {
            builder_.link(node, end_);
        }
        if (bounds_.whole || at == kMostFraction) {
            return;
        }
        NodeId from = node;
        if (at == 0) {
            from = builder_.node();
            builder_.link(node, '.', '.', from);
        }
        for (char c = '0'; c <= '9'; ++c) {
            const char low = digitAt(bounds_.low.fraction, at);
            const char high = at_high ? digitAt(bounds_.high->fraction, at) : '9';
            if ((at_low && c < low) || c > high) {
                continue;
            }
            const auto byte = static_cast<std::uint8_t>(c);
            builder_.link(from, byte, byte, fraction(at + 1, at_low && c == low, at_high && c == high));
        }
    }

    NodeId fraction(std::size_t at, bool at_low, bool at_high) {
        const auto [entry, added] = fraction_.try_emplace({at, at_low, at_high}, 0);
        if (!added) {
            return entry->second;
        }
        const NodeId node = entry->second = builder_.node();
        behind(node, at, at_low, at_high);
        return node;
    }

    GrammarBuilder& builder_;
    const Bounds& bounds_;
    NodeId start_;
    NodeId end_;
    std::map<std::tuple<std::size_t, std::size_t, bool, bool>, NodeId> whole_;
    std::map<std::tuple<std::size_t, bool, bool>, NodeId> fraction_;
};

Decimal magnitude(Decimal value) {
    value.negative = false;
    return value;
}

} // namespace

std::optional<Decimal> decimalOf(const nlohmann::ordered_json& number) {
    Decimal result;
    std::string digits;
    if (number.is_number_integer()) {
        digits = number.dump();
    } else {
        const double value = number.get<double>();
        if (!(std::abs(value) < kLargest)) {
            return std::nullopt;
        }
        digits = fmt::format("{:.17f}", value);
        for (int places = 0; places <= static_cast<int>(kMostFraction);
             ++places) { // the shortest that means the same
            const std::string shorter = fmt::format("{:.{}f}", value, places);
            if (std::stod(shorter) == value) {
                digits = shorter;
                break;
            }
        }
        if (std::stod(digits) != value) {
            return std::nullopt;
        }
    }
    result.negative = digits.starts_with('-');
    digits.erase(0, result.negative ? 1 : 0);
    const std::size_t point = std::min(digits.find('.'), digits.size());
    result.whole = trimmedFront(digits.substr(0, point));
    result.fraction = point < digits.size() ? trimmedBack(digits.substr(point + 1)) : "";
    result.negative = result.negative && !result.zero();
    return result.whole.size() > kMostWhole - 3 ? std::nullopt : std::optional(result);
}

// The two sides of zero apart; the negative one mirrored. Zero itself has no sign.
Fragment numbersIn(GrammarBuilder& builder, const NumberRange& range) {
    std::vector<Fragment> sides;
    if (!range.high || !range.high->negative) {
        const bool from_zero = !range.low || range.low->negative;
        const Bounds bounds{from_zero ? Decimal{} : *range.low, range.high, !from_zero && range.above_low,
                            range.below_high, range.whole};
        sides.push_back(DigitWriter(builder, bounds).run());
    }
    if (!range.low || range.low->negative) {
        const bool to_zero = !range.high || !range.high->negative;
        const Bounds bounds{to_zero ? Decimal{} : magnitude(*range.high),
                            range.low ? std::optional(magnitude(*range.low)) : std::nullopt,
                            to_zero || range.below_high, range.above_low, range.whole};
        sides.push_back(builder.sequence({builder.literal("-"), DigitWriter(builder, bounds).run()}));
    }
    return builder.choice(std::move(sides));
}

} // namespace fulgurite::grammar
