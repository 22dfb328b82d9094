// SPDX-License-Identifier: Apache-2.0
// What may stand behind "is".
#include "core/text/jinja/builtins.h"

#include <algorithm>
#include <fmt/format.h>

namespace fulgurite::jinja {
namespace {

const Value& other(const Bound& a) {
    if (a[0] == nullptr) {
        throw Problem("the test needs an argument");
    }
    return *a[0];
}

std::int64_t wholeNumber(const Value& value) {
    if (!value.isInteger()) {
        throw Problem(fmt::format("the test needs an integer, not {}", describe(value)));
    }
    return value.integer();
}

Value divisible(const Value& v, const Bound& a, Budget&) {
    const std::int64_t by = wholeNumber(other(a));
    if (by == 0) {
        throw Problem("division by zero");
    }
    return {by == -1 || wholeNumber(v) % by == 0};
}

constexpr Builtin kTests[] = {
    {"==", {"other"}, [](const Value& v, const Bound& a, Budget& b) { return Value{equal(v, other(a), b)}; }},
    {"boolean", {}, [](const Value& v, const Bound&, Budget&) { return Value{v.is<bool>()}; }},
    {"callable",
     {},
     [](const Value& v, const Bound&, Budget&) { return Value{v.is<std::shared_ptr<const Callable>>()}; }},
    {"defined", {}, [](const Value& v, const Bound&, Budget&) { return Value{!v.isUndefined()}; }},
    {"divisibleby", {"num"}, divisible},
    {"eq", {"other"}, [](const Value& v, const Bound& a, Budget& b) { return Value{equal(v, other(a), b)}; }},
    {"equalto", {"other"}, [](const Value& v, const Bound& a, Budget& b) { return Value{equal(v, other(a), b)}; }},
    {"even", {}, [](const Value& v, const Bound&, Budget&) { return Value{wholeNumber(v) % 2 == 0}; }},
    {"false", {}, [](const Value& v, const Bound&, Budget&) { return Value{v.is<bool>() && !v.as<bool>()}; }},
    {"float", {}, [](const Value& v, const Bound&, Budget&) { return Value{v.is<double>()}; }},
    {"ge",
     {"other"},
     [](const Value& v, const Bound& a, Budget& b) { return Value{compare(v, other(a), b) >= 0}; }},
    {"gt", {"other"}, [](const Value& v, const Bound& a, Budget& b) { return Value{compare(v, other(a), b) > 0}; }},
    {"in", {"seq"}, [](const Value& v, const Bound& a, Budget& b) { return Value{contains(other(a), v, b)}; }},
    {"integer", {}, [](const Value& v, const Bound&, Budget&) { return Value{v.is<std::int64_t>()}; }},
    {"iterable",
     {},
     [](const Value& v, const Bound&, Budget&) {
         return Value{v.isText() || v.isList() || v.isDict() || v.isUndefined()};
     }},
    {"le",
     {"other"},
     [](const Value& v, const Bound& a, Budget& b) { return Value{compare(v, other(a), b) <= 0}; }},
    {"lt", {"other"}, [](const Value& v, const Bound& a, Budget& b) { return Value{compare(v, other(a), b) < 0}; }},
    {"mapping", {}, [](const Value& v, const Bound&, Budget&) { return Value{v.isDict()}; }},
    {"ne", {"other"}, [](const Value& v, const Bound& a, Budget& b) { return Value{!equal(v, other(a), b)}; }},
    {"none", {}, [](const Value& v, const Bound&, Budget&) { return Value{v.isNone()}; }},
    {"number", {}, [](const Value& v, const Bound&, Budget&) { return Value{v.isNumber()}; }},
    {"odd", {}, [](const Value& v, const Bound&, Budget&) { return Value{wholeNumber(v) % 2 != 0}; }},
    {"sequence",
     {},
     [](const Value& v, const Bound&, Budget&) {
         return Value{v.isText() || v.isList() || v.isDict() || v.isUndefined()};
     }},
    {"string", {}, [](const Value& v, const Bound&, Budget&) { return Value{v.isText()}; }},
    {"true", {}, [](const Value& v, const Bound&, Budget&) { return Value{v.is<bool>() && v.as<bool>()}; }},
    {"undefined", {}, [](const Value& v, const Bound&, Budget&) { return Value{v.isUndefined()}; }},
};

} // namespace

const Builtin* findTest(std::string_view name) {
    const auto found = std::find_if(std::begin(kTests), std::end(kTests),
                                    [name](const Builtin& builtin) { return builtin.name == name; });
    return found == std::end(kTests) ? nullptr : found;
}

} // namespace fulgurite::jinja
