// SPDX-License-Identifier: Apache-2.0
// Numbers between two bounds as a piece of a grammar: digits are compared with those of the bounds as they come.
#pragma once

#include "core/grammar/grammar_builder.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace fulgurite::grammar {

// In digits. Zero is not negative.
struct Decimal {
    bool negative = false;
    std::string whole = "0"; // without zeros in front, but never empty
    std::string fraction;    // without zeros at the end

    bool zero() const { return whole == "0" && fraction.empty(); }
};

// Exact for the shortest spelling of the number. nullopt for what is 1e15 or more, or has more than 17 digits
// behind the point.
std::optional<Decimal> decimalOf(const nlohmann::ordered_json& number);

struct NumberRange {
    std::optional<Decimal> low;
    std::optional<Decimal> high;
    bool above_low = false; // the bound itself is out
    bool below_high = false;
    bool whole = false; // integers only
};

// Plain digits without an exponent. Reads nothing at all when nothing lies in the range.
Fragment numbersIn(GrammarBuilder& builder, const NumberRange& range);

} // namespace fulgurite::grammar
