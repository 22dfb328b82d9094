// SPDX-License-Identifier: Apache-2.0
#include "core/text/jinja/operators.h"

#include "core/text/jinja/text_ops.h"

#include <cmath>
#include <fmt/format.h>

namespace fulgurite::jinja {
namespace {

Value add(const Value& left, const Value& right, Budget& budget) {
    if (left.isText() && right.isText()) {
        budget.bytes(left.text().size() + right.text().size());
        return makeText(left.text() + right.text());
    }
    if (left.isList() && right.isList()) {
        budget.step(left.list().items.size() + right.list().items.size());
        std::vector<Value> items = left.list().items;
        items.insert(items.end(), right.list().items.begin(), right.list().items.end());
        return makeList(std::move(items));
    }
    throw Problem(fmt::format("cannot add {} and {}", describe(left), describe(right)));
}

Value repeat(const Value& text, std::int64_t times, Budget& budget) {
    const std::size_t count = times > 0 ? static_cast<std::size_t>(times) : 0;
    if (count > 0 && text.text().size() > Budget::kMaxBytes / count) {
        budget.bytes(Budget::kMaxBytes + 1); // fails with the message for this limit
    }
    budget.bytes(text.text().size() * count);
    budget.step(count);
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
        out += text.text();
    }
    return makeText(std::move(out));
}

[[noreturn]] void failRange() {
    throw Problem("the number is out of range");
}

// Python rounds towards minus infinity.
std::int64_t floorDivide(std::int64_t a, std::int64_t b) {
    if (b == -1) {
        return a == INT64_MIN ? (failRange(), 0) : -a;
    }
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0);
}

std::int64_t power(std::int64_t base, std::int64_t exponent) {
    std::int64_t result = 1;
    if (exponent > 64 && base != 0 && base != 1 && base != -1) {
        failRange();
    }
    if (base == 0 || base == 1 || base == -1) {
        return exponent == 0 ? 1 : base == -1 && exponent % 2 == 0 ? 1 : base;
    }
    for (std::int64_t i = 0; i < exponent; ++i) {
        if (__builtin_mul_overflow(result, base, &result)) {
            failRange();
        }
    }
    return result;
}

Value integers(std::string_view op, std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    if ((op == "//" || op == "%" || op == "/") && b == 0) {
        throw Problem("division by zero");
    }
    if (op == "+"   ? __builtin_add_overflow(a, b, &result)
        : op == "-" ? __builtin_sub_overflow(a, b, &result)
                    : op == "*" && __builtin_mul_overflow(a, b, &result)) {
        failRange();
    }
    if (op == "//") {
        result = floorDivide(a, b);
    } else if (op == "%") {
        result = b == -1 ? 0 : a - floorDivide(a, b) * b;
    } else if (op == "/") {
        return {static_cast<double>(a) / static_cast<double>(b)};
    } else if (op == "**") {
        if (b < 0) {
            return {std::pow(static_cast<double>(a), static_cast<double>(b))};
        }
        result = power(a, b);
    }
    return {result};
}

Value floats(std::string_view op, double a, double b) {
    if ((op == "//" || op == "%" || op == "/") && b == 0) {
        throw Problem("division by zero");
    }
    if (op == "+") {
        return {a + b};
    }
    if (op == "-") {
        return {a - b};
    }
    if (op == "*") {
        return {a * b};
    }
    if (op == "/") {
        return {a / b};
    }
    if (op == "**") {
        return {std::pow(a, b)};
    }
    return {op == "//" ? std::floor(a / b) : a - std::floor(a / b) * b};
}

std::optional<std::int64_t> sliceBound(const Value* value) {
    if (value == nullptr || value->isNone()) {
        return std::nullopt;
    }
    if (!value->isInteger()) {
        throw Problem(fmt::format("{} cannot bound a slice", describe(*value)));
    }
    return value->integer();
}

} // namespace

Value applyBinary(std::string_view op, const Value& left, const Value& right, Budget& budget) {
    if (op == "==" || op == "!=") {
        return {equal(left, right, budget) == (op == "==")};
    }
    if (op == "in" || op == "not in") {
        return {contains(right, left, budget) == (op == "in")};
    }
    if (op[0] == '<' || op[0] == '>') {
        const int order = compare(left, right, budget);
        return {op == "<" ? order < 0 : op == "<=" ? order <= 0 : op == ">" ? order > 0 : order >= 0};
    }
    if (left.isInteger() && right.isInteger()) {
        return integers(op, left.integer(), right.integer());
    }
    if (left.isNumber() && right.isNumber()) {
        return floats(op, left.number(), right.number());
    }
    if (op == "*" && left.isText() && right.isInteger()) {
        return repeat(left, right.integer(), budget);
    }
    if (op == "*" && right.isText() && left.isInteger()) {
        return repeat(right, left.integer(), budget);
    }
    if (op == "+") {
        return add(left, right, budget);
    }
    throw Problem(fmt::format("cannot apply {} to {} and {}", op, describe(left), describe(right)));
}

Value negate(const Value& value) {
    if (value.isInteger()) {
        return value.integer() == INT64_MIN ? (failRange(), value) : Value{-value.integer()};
    }
    if (!value.isNumber()) {
        throw Problem(fmt::format("cannot negate {}", describe(value)));
    }
    return {-value.number()};
}

Value slice(const Value& value, const Value* begin, const Value* end, const Value* step, Budget& budget) {
    const auto bounds = [&](std::size_t length) {
        return slicePositions(length, sliceBound(begin), sliceBound(end), sliceBound(step), budget);
    };
    if (value.isList()) {
        std::vector<Value> items;
        for (const std::size_t at : bounds(value.list().items.size())) {
            items.push_back(value.list().items[at]);
        }
        return makeList(std::move(items));
    }
    if (!value.isText()) {
        throw Problem(fmt::format("cannot slice {}", describe(value)));
    }
    budget.bytes(value.text().size());
    const std::vector<std::size_t> offsets = characterOffsets(value.text());
    std::string out;
    for (const std::size_t at : bounds(offsets.size() - 1)) {
        out.append(value.text(), offsets[at], offsets[at + 1] - offsets[at]);
    }
    return makeText(std::move(out));
}

} // namespace fulgurite::jinja
