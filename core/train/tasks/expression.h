// SPDX-License-Identifier: Apache-2.0
// Arithmetic expressions that a model has written: numbers, + - * / and brackets, worked out in exact fractions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

// Always reduced, the denominator above zero.
struct Fraction {
    std::int64_t numerator = 0;
    std::int64_t denominator = 1;
    bool operator==(const Fraction&) const = default;
};

// `op` is one of + - * /. Nothing for a division by zero, and where a number would leave 64 bits.
std::optional<Fraction> combine(const Fraction& a, char op, const Fraction& b);

struct Expression {
    std::optional<Fraction> value;     // nothing when it has none: a division by zero, or an overflow
    std::vector<std::int64_t> numbers; // as written, from left to right
    std::string operators;             // likewise
};

// Sums of products of numbers (of at most nine digits, no sign) and brackets, without spaces; at most 256
// characters and 32 brackets deep. Nothing for any other text.
std::optional<Expression> parseExpression(std::string_view text);

// An expression under construction, with as few brackets as its meaning allows.
struct BuiltExpression {
    std::string text;
    Fraction value;
    int strength = 3; // 1 a sum, 2 a product, 3 a number
};
std::optional<BuiltExpression> join(const BuiltExpression& a, char op, const BuiltExpression& b);

} // namespace fulgurite
