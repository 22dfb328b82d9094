// SPDX-License-Identifier: Apache-2.0
#include "core/train/tasks/expression.h"

#include "core/train/tasks/makers.h"

#include <limits>
#include <numeric>

namespace fulgurite {

namespace {

constexpr std::size_t kLongest = 256;
constexpr int kDeepest = 32;

std::optional<std::int64_t> product(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    return __builtin_mul_overflow(a, b, &result) ? std::nullopt : std::optional(result);
}

std::optional<std::int64_t> sum(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    return __builtin_add_overflow(a, b, &result) ? std::nullopt : std::optional(result);
}

std::optional<Fraction> reduced(std::optional<std::int64_t> numerator, std::optional<std::int64_t> denominator) {
    constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min(); // has no opposite
    if (!numerator || !denominator || *denominator == 0 || *numerator == kLowest || *denominator == kLowest) {
        return std::nullopt;
    }
    const std::int64_t divisor = std::gcd(*numerator, *denominator) * (*denominator < 0 ? -1 : 1);
    return Fraction{*numerator / divisor, *denominator / divisor};
}

// By recursive descent. `failed_` is a text outside the grammar; a missing value is one without a meaning.
class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    std::optional<Expression> run() {
        result_.value = sumOfProducts(0);
        return failed_ || at_ != text_.size() ? std::nullopt : std::optional(std::move(result_));
    }

  private:
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    void apply(std::optional<Fraction>& left, char op, const std::optional<Fraction>& right) {
        left = left && right ? combine(*left, op, *right) : std::nullopt;
    }
    std::optional<Fraction> sumOfProducts(int depth) {
        auto value = productOfAtoms(depth);
        while (!failed_ && (peek() == '+' || peek() == '-')) {
            const char op = text_[at_++];
            result_.operators += op;
            apply(value, op, productOfAtoms(depth));
        }
        return value;
    }
    std::optional<Fraction> productOfAtoms(int depth) {
        auto value = atom(depth);
        while (!failed_ && (peek() == '*' || peek() == '/')) {
            const char op = text_[at_++];
            result_.operators += op;
            apply(value, op, atom(depth));
        }
        return value;
    }
    std::optional<Fraction> atom(int depth) {
        if (peek() == '(' && depth < kDeepest) {
            ++at_;
            const auto value = sumOfProducts(depth + 1);
            failed_ = failed_ || peek() != ')';
            ++at_;
            return value;
        }
        std::size_t end = at_;
        while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') {
            ++end;
        }
        const auto number = smallNumber(text_.substr(at_, end - at_));
        failed_ = failed_ || !number;
        if (failed_) {
            return std::nullopt;
        }
        at_ = end;
        result_.numbers.push_back(*number);
        return Fraction{*number, 1};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool failed_ = false;
    Expression result_;
};

} // namespace

std::optional<Fraction> combine(const Fraction& a, char op, const Fraction& b) {
    if (op == '*' || op == '/') {
        return op == '*' ? reduced(product(a.numerator, b.numerator), product(a.denominator, b.denominator))
                         : reduced(product(a.numerator, b.denominator), product(a.denominator, b.numerator));
    }
    const auto left = product(a.numerator, b.denominator);
    const auto right = product(op == '+' ? b.numerator : -b.numerator, a.denominator);
    return left && right ? reduced(sum(*left, *right), product(a.denominator, b.denominator)) : std::nullopt;
}

std::optional<Expression> parseExpression(std::string_view text) {
    return text.empty() || text.size() > kLongest ? std::nullopt : Parser(text).run();
}

std::optional<BuiltExpression> join(const BuiltExpression& a, char op, const BuiltExpression& b) {
    const auto value = combine(a.value, op, b.value);
    if (!value) {
        return std::nullopt;
    }
    const int strength = op == '*' || op == '/' ? 2 : 1;
    const auto bracketed = [](const BuiltExpression& part, bool brackets) {
        return brackets ? "(" + part.text + ")" : part.text;
    };
    const bool order_matters = op == '-' || op == '/';
    return BuiltExpression{bracketed(a, a.strength < strength) + op +
                               bracketed(b, b.strength < strength || (order_matters && b.strength == strength)),
                           *value, strength};
}

} // namespace fulgurite
