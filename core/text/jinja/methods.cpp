// SPDX-License-Identifier: Apache-2.0
// Methods of strings and mappings. Lists have none: values do not change in a template.
#include "core/text/jinja/builtins.h"
#include "core/text/jinja/text_ops.h"

#include <algorithm>
#include <fmt/format.h>

namespace fulgurite::jinja {
namespace {

const std::string& textOf(const Value* argument) {
    if (argument == nullptr || !argument->isText()) {
        throw Problem(fmt::format("the argument must be a string, not {}",
                                  argument == nullptr ? "missing" : describe(*argument)));
    }
    return argument->text();
}

std::optional<std::string> optionalText(const Value* argument) {
    return argument == nullptr || argument->isNone() ? std::nullopt : std::optional(textOf(argument));
}

std::int64_t integerOr(const Value* argument, std::int64_t otherwise) {
    if (argument == nullptr) {
        return otherwise;
    }
    if (!argument->isInteger()) {
        throw Problem(fmt::format("the argument must be an integer, not {}", describe(*argument)));
    }
    return argument->integer();
}

template <Side kSide>
Value stripped(const Value& self, const Bound& a, Budget& budget) {
    budget.search(self.text().size(), a[0] != nullptr && a[0]->isText() ? 64 * a[0]->text().size() : 0);
    return makeText(std::string(strip(self.text(), optionalText(a[0]), kSide)));
}

template <bool kFromRight>
Value splitAt(const Value& self, const Bound& a, Budget& budget) {
    budget.search(self.text().size(), a[0] != nullptr && a[0]->isText() ? a[0]->text().size() : 0);
    std::vector<Value> parts;
    for (std::string& part : split(self.text(), optionalText(a[0]), integerOr(a[1], -1), kFromRight)) {
        budget.step();
        parts.push_back(makeText(std::move(part)));
    }
    return makeList(std::move(parts));
}

Value lines(const Value& self, const Bound&, Budget& budget) {
    budget.bytes(self.text().size());
    std::vector<Value> parts;
    for (std::string& part : splitLines(self.text())) {
        budget.step();
        parts.push_back(makeText(std::move(part)));
    }
    return makeList(std::move(parts));
}

template <bool kAtEnd>
Value affix(const Value& self, const Bound& a, Budget& budget) {
    const auto has = [&self](const std::string& text) {
        return kAtEnd ? self.text().ends_with(text) : self.text().starts_with(text);
    };
    if (a[0] != nullptr && a[0]->isList()) {
        budget.step(a[0]->list().items.size());
        const auto& items = a[0]->list().items;
        return {std::any_of(items.begin(), items.end(), [&](const Value& item) { return has(textOf(&item)); })};
    }
    return {has(textOf(a[0]))};
}

template <std::string (*kChange)(std::string_view)>
Value change(const Value& self, const Bound&, Budget& budget) {
    budget.bytes(self.text().size());
    return makeText(kChange(self.text()));
}

Value replaceIn(const Value& self, const Bound& a, Budget& budget) {
    budget.search(self.text().size(), textOf(a[0]).size());
    return makeText(replace(self.text(), textOf(a[0]), textOf(a[1]), integerOr(a[2], -1), budget));
}

Value joinWith(const Value& self, const Bound& a, Budget& budget) {
    if (a[0] == nullptr) {
        throw Problem("join needs a list");
    }
    std::string out;
    bool first = true;
    const auto all = iterate(*a[0], budget);
    for (const Value& item : all->items) {
        budget.bytes(self.text().size() + textOf(&item).size());
        out += std::exchange(first, false) ? "" : self.text();
        out += item.text();
    }
    return makeText(std::move(out));
}

Value find(const Value& self, const Bound& a, Budget& budget) {
    budget.search(self.text().size(), textOf(a[0]).size());
    const std::size_t at = self.text().find(textOf(a[0]));
    return {at == std::string::npos
                ? std::int64_t{-1}
                : static_cast<std::int64_t>(countCharacters(std::string_view(self.text()).substr(0, at)))};
}

Value countOf(const Value& self, const Bound& a, Budget& budget) {
    const std::string& wanted = textOf(a[0]);
    budget.search(self.text().size(), wanted.size());
    std::int64_t count = 0;
    for (std::size_t at = self.text().find(wanted); at != std::string::npos && !wanted.empty();
         at = self.text().find(wanted, at + wanted.size())) {
        ++count;
    }
    return {count};
}

Value keys(const Value& self, const Bound&, Budget& budget) {
    return {iterate(self, budget)};
}

Value values(const Value& self, const Bound&, Budget& budget) {
    std::vector<Value> out;
    budget.step(self.dict().items.size());
    for (const auto& [key, value] : self.dict().items) {
        out.push_back(value);
    }
    return makeList(std::move(out));
}

Value itemPairs(const Value& self, const Bound&, Budget& budget) {
    return invoke(*findFilter("items"), self, {}, budget);
}

Value get(const Value& self, const Bound& a, Budget& budget) {
    const Value* found = a[0] != nullptr && a[0]->isText() ? self.dict().find(a[0]->text(), budget) : nullptr;
    return found != nullptr ? *found : a[1] != nullptr ? *a[1] : Value{None{}};
}

constexpr Builtin kTextMethods[] = {
    {"capitalize", {}, change<capitalize>},
    {"count", {"sub"}, countOf},
    {"endswith", {"suffix"}, affix<true>},
    {"find", {"sub"}, find},
    {"join", {"iterable"}, joinWith},
    {"lower", {}, change<lower>},
    {"lstrip", {"chars"}, stripped<Side::Left>},
    {"replace", {"old", "new", "count"}, replaceIn},
    {"rsplit", {"sep", "maxsplit"}, splitAt<true>},
    {"rstrip", {"chars"}, stripped<Side::Right>},
    {"split", {"sep", "maxsplit"}, splitAt<false>},
    {"splitlines", {}, lines},
    {"startswith", {"prefix"}, affix<false>},
    {"strip", {"chars"}, stripped<Side::Both>},
    {"title", {}, change<title>},
    {"upper", {}, change<upper>},
};

constexpr Builtin kDictMethods[] = {
    {"get", {"key", "default"}, get},
    {"items", {}, itemPairs},
    {"keys", {}, keys},
    {"values", {}, values},
};

} // namespace

const Builtin* findMethod(const Value& self, std::string_view name) {
    const auto named = [name](const Builtin& builtin) { return builtin.name == name; };
    if (self.isText()) {
        const auto found = std::find_if(std::begin(kTextMethods), std::end(kTextMethods), named);
        return found == std::end(kTextMethods) ? nullptr : found;
    }
    if (self.isDict()) {
        const auto found = std::find_if(std::begin(kDictMethods), std::end(kDictMethods), named);
        return found == std::end(kDictMethods) ? nullptr : found;
    }
    return nullptr;
}

} // namespace fulgurite::jinja
