// SPDX-License-Identifier: Apache-2.0
#include "core/text/jinja/builtins.h"
#include "core/text/jinja/text_ops.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace fulgurite::jinja {
namespace {

std::string textArgument(const Value* argument, Budget& budget) {
    return argument == nullptr ? std::string() : toText(*argument, budget);
}

std::optional<std::string> optionalText(const Value* argument, Budget& budget) {
    return argument == nullptr || argument->isNone() ? std::nullopt : std::optional(toText(*argument, budget));
}

const Value& required(const Value* argument, const char* what) {
    if (argument == nullptr) {
        throw Problem(fmt::format("the argument '{}' is missing", what));
    }
    return *argument;
}

Value trim(const Value& input, const Bound& a, Budget& budget) {
    const std::string text = toText(input, budget);
    const std::optional<std::string> chars = optionalText(a[0], budget);
    budget.search(text.size(), chars ? 64 * chars->size() : 0);
    return makeText(std::string(strip(text, chars, Side::Both)));
}

Value tojson(const Value& input, const Bound& a, Budget& budget) {
    std::int64_t indent = -1;
    if (a[0] != nullptr && !a[0]->isNone()) {
        if (!a[0]->isInteger() || a[0]->integer() < 0 || a[0]->integer() > 16) {
            throw Problem("tojson: the indent must be an integer from 0 to 16");
        }
        indent = a[0]->integer();
    }
    // The other two ask for what is done anyway, or for what would need the keys sorted.
    if ((a[1] != nullptr && truthy(*a[1])) || (a[2] != nullptr && truthy(*a[2]))) {
        throw Problem("tojson: ensure_ascii and sort_keys are not supported");
    }
    return makeText(toJson(input, static_cast<int>(indent), budget));
}

Value length(const Value& input, const Bound&, Budget& budget) {
    if (input.isText()) {
        budget.bytes(input.text().size());
        return {static_cast<std::int64_t>(countCharacters(input.text()))};
    }
    return {static_cast<std::int64_t>(input.isDict() ? input.dict().items.size()
                                                     : iterate(input, budget)->items.size())};
}

Value otherwise(const Value& input, const Bound& a, Budget&) {
    const bool also_false = a[1] != nullptr && truthy(*a[1]);
    const bool missing = input.isUndefined() || (also_false && !truthy(input));
    return !missing ? input : a[0] != nullptr ? *a[0] : makeText("");
}

Value join(const Value& input, const Bound& a, Budget& budget) {
    const std::string separator = textArgument(a[0], budget);
    std::string out;
    bool first = true;
    const auto all = iterate(input, budget);
    for (const Value& item : all->items) {
        budget.step();
        budget.bytes(separator.size());
        out += std::exchange(first, false) ? "" : separator;
        out += toText(a[1] != nullptr ? itemOf(item, *a[1], budget) : item, budget);
    }
    return makeText(std::move(out));
}

Value toUpper(const Value& input, const Bound&, Budget& budget) {
    return makeText(upper(toText(input, budget)));
}

Value toLower(const Value& input, const Bound&, Budget& budget) {
    return makeText(lower(toText(input, budget)));
}

Value toCapital(const Value& input, const Bound&, Budget& budget) {
    return makeText(capitalize(toText(input, budget)));
}

Value toTitle(const Value& input, const Bound&, Budget& budget) {
    return makeText(title(toText(input, budget)));
}

Value list(const Value& input, const Bound&, Budget& budget) {
    return {iterate(input, budget)};
}

Value first(const Value& input, const Bound&, Budget& budget) {
    const auto items = iterate(input, budget);
    return items->items.empty() ? Value{Undefined{"the first item"}} : items->items.front();
}

Value last(const Value& input, const Bound&, Budget& budget) {
    const auto items = iterate(input, budget);
    return items->items.empty() ? Value{Undefined{"the last item"}} : items->items.back();
}

Value replaceText(const Value& input, const Bound& a, Budget& budget) {
    const std::string from = toText(required(a[0], "old"), budget);
    const std::string to = toText(required(a[1], "new"), budget);
    const std::int64_t count = a[2] != nullptr && a[2]->isInteger() ? a[2]->integer() : -1;
    const std::string text = toText(input, budget);
    budget.search(text.size(), from.size());
    return makeText(replace(text, from, to, count, budget));
}

Value string(const Value& input, const Bound&, Budget& budget) {
    return makeText(toText(input, budget));
}

Value toInteger(const Value& input, const Bound& a, Budget& budget) {
    const Value otherwise_value = a[0] != nullptr ? *a[0] : Value{std::int64_t{0}};
    if (input.isInteger()) {
        return {input.integer()};
    }
    if (input.is<double>()) {
        const double number = std::trunc(input.as<double>());
        return std::fabs(number) < 9e18 ? Value{static_cast<std::int64_t>(number)} : otherwise_value;
    }
    const std::string text(strip(toText(input, budget), std::nullopt, Side::Both));
    std::int64_t number = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
    return result.ec == std::errc() && result.ptr == text.data() + text.size() ? Value{number} : otherwise_value;
}

Value toFloat(const Value& input, const Bound& a, Budget& budget) {
    if (input.isNumber()) {
        return {input.number()};
    }
    const std::string text(strip(toText(input, budget), std::nullopt, Side::Both));
    double number = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size();
    return whole ? Value{number} : a[0] != nullptr ? *a[0] : Value{0.0};
}

Value absolute(const Value& input, const Bound&, Budget&) {
    if (input.isInteger() && input.integer() != INT64_MIN) {
        return {input.integer() < 0 ? -input.integer() : input.integer()};
    }
    if (!input.isNumber()) {
        throw Problem(fmt::format("abs needs a number, not {}", describe(input)));
    }
    return {std::fabs(input.number())};
}

Value reverse(const Value& input, const Bound&, Budget& budget) {
    std::vector<Value> items = iterate(input, budget)->items;
    budget.step(items.size());
    std::reverse(items.begin(), items.end());
    if (!input.isText()) {
        return makeList(std::move(items));
    }
    std::string out;
    for (const Value& item : items) {
        out += item.text();
    }
    return makeText(std::move(out));
}

Value items(const Value& input, const Bound&, Budget& budget) {
    std::vector<Value> pairs;
    if (!input.isDict() && !input.isUndefined()) {
        throw Problem(fmt::format("items needs a mapping, not {}", describe(input)));
    }
    if (input.isDict()) {
        budget.step(input.dict().items.size());
        for (const auto& [key, value] : input.dict().items) {
            pairs.push_back(makeList({makeText(key), value}));
        }
    }
    return makeList(std::move(pairs));
}

// map(attribute='name', default=...) or map('filter', argument).
Value map(const Value& input, const Bound& a, Budget& budget) {
    std::vector<Value> out;
    const Builtin* filter = nullptr;
    if (a[2] == nullptr) {
        const std::string name = toText(required(a[0], "attribute"), budget);
        filter = findFilter(name);
        if (filter == nullptr) {
            throw Problem(fmt::format("there is no filter '{}'", name));
        }
    }
    CallArguments arguments;
    if (a[1] != nullptr) {
        arguments.positional.push_back(*a[1]);
    }
    const auto all = iterate(input, budget);
    for (const Value& item : all->items) {
        budget.step();
        Value value = filter != nullptr ? invoke(*filter, item, arguments, budget) : itemOf(item, *a[2], budget);
        out.push_back(value.isUndefined() && a[3] != nullptr ? *a[3] : std::move(value));
    }
    return makeList(std::move(out));
}

Value filtered(const Value& input, const Value* attribute, const Value* test, const Value* argument, bool wanted,
               Budget& budget) {
    const Builtin* builtin = nullptr;
    if (test != nullptr) {
        const std::string name = toText(*test, budget);
        builtin = findTest(name);
        if (builtin == nullptr) {
            throw Problem(fmt::format("there is no test '{}'", name));
        }
    }
    CallArguments arguments;
    if (argument != nullptr) {
        arguments.positional.push_back(*argument);
    }
    std::vector<Value> out;
    const auto all = iterate(input, budget);
    for (const Value& item : all->items) {
        budget.step();
        const Value looked_at = attribute != nullptr ? itemOf(item, *attribute, budget) : item;
        const bool passes =
            builtin != nullptr ? truthy(invoke(*builtin, looked_at, arguments, budget)) : truthy(looked_at);
        if (passes == wanted) {
            out.push_back(item);
        }
    }
    return makeList(std::move(out));
}

Value select(const Value& input, const Bound& a, Budget& budget) {
    return filtered(input, nullptr, a[0], a[1], true, budget);
}

Value reject(const Value& input, const Bound& a, Budget& budget) {
    return filtered(input, nullptr, a[0], a[1], false, budget);
}

Value selectattr(const Value& input, const Bound& a, Budget& budget) {
    return filtered(input, &required(a[0], "attribute"), a[1], a[2], true, budget);
}

Value rejectattr(const Value& input, const Bound& a, Budget& budget) {
    return filtered(input, &required(a[0], "attribute"), a[1], a[2], false, budget);
}

Value safe(const Value& input, const Bound&, Budget&) {
    return input;
}

constexpr Builtin kFilters[] = {
    {"abs", {}, absolute},
    {"capitalize", {}, toCapital},
    {"count", {}, length},
    {"d", {"default_value", "boolean"}, otherwise},
    {"default", {"default_value", "boolean"}, otherwise},
    {"first", {}, first},
    {"float", {"default"}, toFloat},
    {"int", {"default"}, toInteger},
    {"items", {}, items},
    {"join", {"d", "attribute"}, join},
    {"last", {}, last},
    {"length", {}, length},
    {"list", {}, list},
    {"lower", {}, toLower},
    {"map", {"filter", "argument", "attribute", "default"}, map},
    {"reject", {"test", "argument"}, reject},
    {"rejectattr", {"attribute", "test", "argument"}, rejectattr},
    {"replace", {"old", "new", "count"}, replaceText},
    {"reverse", {}, reverse},
    {"safe", {}, safe},
    {"select", {"test", "argument"}, select},
    {"selectattr", {"attribute", "test", "argument"}, selectattr},
    {"string", {}, string},
    {"title", {}, toTitle},
    {"tojson", {"indent", "ensure_ascii", "sort_keys"}, tojson},
    {"trim", {"chars"}, trim},
    {"upper", {}, toUpper},
};

} // namespace

const Builtin* findFilter(std::string_view name) {
    const auto found = std::find_if(std::begin(kFilters), std::end(kFilters),
                                    [name](const Builtin& builtin) { return builtin.name == name; });
    return found == std::end(kFilters) ? nullptr : found;
}

} // namespace fulgurite::jinja
