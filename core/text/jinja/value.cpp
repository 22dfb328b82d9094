// SPDX-License-Identifier: Apache-2.0
#include "core/text/jinja/value.h"

#include "core/base/utf8.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fulgurite::jinja {
namespace {

int depthOf(const Value& value) {
    if (value.isList()) {
        return value.list().depth;
    }
    if (value.isDict()) {
        return value.dict().depth;
    }
    if (value.is<std::shared_ptr<Namespace>>() || value.is<std::shared_ptr<const Loop>>() ||
        value.is<std::shared_ptr<const Callable>>()) {
        throw Problem(fmt::format("{} cannot be put into another value", describe(value)));
    }
    return 0;
}

int depthAbove(int inner) {
    if (inner >= Budget::kMaxValueDepth) {
        throw Problem(fmt::format("values are nested deeper than {} levels", Budget::kMaxValueDepth));
    }
    return inner + 1;
}

} // namespace

void Budget::step(std::size_t count) {
    steps_ += count;
    if (steps_ > max_steps_) {
        throw Problem(fmt::format("the template takes more than {} steps", max_steps_));
    }
}

void Budget::bytes(std::size_t count) {
    bytes_ += count;
    if (bytes_ > max_bytes_) {
        throw Problem(fmt::format("the template handles more than {} bytes of text", max_bytes_));
    }
}

const Value* Dict::find(std::string_view key, Budget& budget) const {
    budget.step(items.size() / 8);
    const auto found =
        std::find_if(items.begin(), items.end(), [key](const auto& item) { return item.first == key; });
    return found == items.end() ? nullptr : &found->second;
}

Value makeText(std::string text) {
    return {std::make_shared<const std::string>(std::move(text))};
}

Value makeList(std::vector<Value> items) {
    int depth = 0;
    for (const Value& item : items) {
        depth = std::max(depth, depthOf(item));
    }
    return {std::make_shared<const List>(List{std::move(items), depthAbove(depth)})};
}

Value makeDict(std::vector<std::pair<std::string, Value>> items) {
    int depth = 0;
    for (const auto& [key, item] : items) {
        depth = std::max(depth, depthOf(item));
    }
    return {std::make_shared<const Dict>(Dict{std::move(items), depthAbove(depth)})};
}

void setField(Namespace& space, const std::string& name, Value value) {
    depthOf(value);
    for (auto& [key, old] : space.fields.items) {
        if (key == name) {
            old = std::move(value);
            return;
        }
    }
    space.fields.items.emplace_back(name, std::move(value));
}

Value fromJson(const nlohmann::ordered_json& json, Budget& budget, int depth) {
    budget.step();
    depth = depthAbove(depth);
    switch (json.type()) {
    case nlohmann::ordered_json::value_t::boolean:
        return {json.get<bool>()};
    case nlohmann::ordered_json::value_t::number_integer:
    case nlohmann::ordered_json::value_t::number_unsigned:
        if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) {
            return {json.get<double>()};
        }
        return {json.get<std::int64_t>()};
    case nlohmann::ordered_json::value_t::number_float:
        return {json.get<double>()};
    case nlohmann::ordered_json::value_t::string:
        return makeText(json.get<std::string>());
    case nlohmann::ordered_json::value_t::array: {
        std::vector<Value> items;
        items.reserve(json.size());
        for (const auto& item : json) {
            items.push_back(fromJson(item, budget, depth));
        }
        return makeList(std::move(items));
    }
    case nlohmann::ordered_json::value_t::object: {
        std::vector<std::pair<std::string, Value>> items;
        items.reserve(json.size());
        for (const auto& [key, item] : json.items()) {
            items.emplace_back(key, fromJson(item, budget, depth));
        }
        return makeDict(std::move(items));
    }
    default:
        return {None{}};
    }
}

std::string describe(const Value& value) {
    struct Names {
        std::string operator()(const Undefined& u) const {
            return u.name.empty() ? "an undefined value" : "'" + u.name + "' (undefined)";
        }
        std::string operator()(None) const { return "none"; }
        std::string operator()(bool) const { return "a boolean"; }
        std::string operator()(std::int64_t) const { return "an integer"; }
        std::string operator()(double) const { return "a float"; }
        std::string operator()(const Value::Text&) const { return "a string"; }
        std::string operator()(const std::shared_ptr<const List>&) const { return "a list"; }
        std::string operator()(const std::shared_ptr<const Dict>&) const { return "a mapping"; }
        std::string operator()(const std::shared_ptr<Namespace>&) const { return "a namespace"; }
        std::string operator()(const std::shared_ptr<const Loop>&) const { return "the loop"; }
        std::string operator()(const std::shared_ptr<const Callable>& f) const { return "the function " + f->name; }
    };
    return std::visit(Names(), value.data);
}

bool truthy(const Value& value) {
    if (value.isNumber()) {
        return value.number() != 0;
    }
    if (value.isText()) {
        return !value.text().empty();
    }
    if (value.isList()) {
        return !value.list().items.empty();
    }
    if (value.isDict()) {
        return !value.dict().items.empty();
    }
    return !value.isUndefined() && !value.isNone();
}

bool equal(const Value& a, const Value& b, Budget& budget) {
    budget.step();
    if (a.isInteger() && b.isInteger()) {
        return a.integer() == b.integer();
    }
    if (a.isNumber() && b.isNumber()) {
        return a.number() == b.number();
    }
    if (a.isText() && b.isText()) {
        budget.bytes(std::min(a.text().size(), b.text().size()));
        return a.text() == b.text();
    }
    if (a.isList() && b.isList()) {
        return std::equal(a.list().items.begin(), a.list().items.end(), b.list().items.begin(),
                          b.list().items.end(), [&](const auto& x, const auto& y) { return equal(x, y, budget); });
    }
    if (a.isDict() && b.isDict()) {
        const auto same = [&](const auto& item) {
            const Value* other = b.dict().find(item.first, budget);
            return other != nullptr && equal(item.second, *other, budget);
        };
        const auto& items = a.dict().items;
        return items.size() == b.dict().items.size() && std::all_of(items.begin(), items.end(), same);
    }
    return (a.isNone() && b.isNone()) || (a.isUndefined() && b.isUndefined());
}

int compare(const Value& a, const Value& b, Budget& budget) {
    budget.step();
    if (a.isInteger() && b.isInteger()) {
        return a.integer() < b.integer() ? -1 : a.integer() > b.integer() ? 1 : 0;
    }
    if (a.isNumber() && b.isNumber()) {
        return a.number() < b.number() ? -1 : a.number() > b.number() ? 1 : 0;
    }
    if (a.isText() && b.isText()) {
        budget.bytes(std::min(a.text().size(), b.text().size()));
        return a.text().compare(b.text());
    }
    throw Problem(fmt::format("{} and {} have no order", describe(a), describe(b)));
}

bool contains(const Value& container, const Value& item, Budget& budget) {
    if (container.isText()) {
        if (!item.isText()) {
            throw Problem(fmt::format("cannot look for {} in a string", describe(item)));
        }
        budget.search(container.text().size(), item.text().size());
        return container.text().find(item.text()) != std::string::npos;
    }
    if (container.isDict()) {
        return item.isText() && container.dict().find(item.text(), budget) != nullptr;
    }
    const auto items = iterate(container, budget);
    return std::any_of(items->items.begin(), items->items.end(),
                       [&](const Value& other) { return equal(other, item, budget); });
}

std::shared_ptr<const List> iterate(const Value& value, Budget& budget) {
    if (value.isList()) {
        return value.as<std::shared_ptr<const List>>();
    }
    std::vector<Value> items;
    if (value.isDict()) {
        budget.step(value.dict().items.size());
        for (const auto& [key, item] : value.dict().items) {
            items.push_back(makeText(key));
        }
    } else if (value.isText()) {
        budget.step(value.text().size());
        for (std::size_t at = 0; at < value.text().size();) {
            const std::size_t length = decodeUtf8(value.text().data() + at).length;
            items.push_back(makeText(value.text().substr(at, length)));
            at += length;
        }
    } else if (!value.isUndefined()) {
        throw Problem(fmt::format("{} cannot be iterated over", describe(value)));
    }
    return std::make_shared<const List>(List{std::move(items), 1});
}

} // namespace fulgurite::jinja
