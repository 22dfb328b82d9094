// SPDX-License-Identifier: Apache-2.0
#include "core/text/jinja/builtins.h"

#include "core/text/jinja/text_ops.h"

#include <algorithm>
#include <fmt/format.h>

namespace fulgurite::jinja {
namespace {

Value loopAttribute(const Loop& loop, const std::string& name) {
    const std::vector<Value>& items = loop.items->items;
    const auto index = static_cast<std::int64_t>(loop.index);
    const auto length = static_cast<std::int64_t>(items.size());
    if (name == "index" || name == "index0") {
        return {index + (name == "index" ? 1 : 0)};
    }
    if (name == "revindex" || name == "revindex0") {
        return {length - index - (name == "revindex" ? 0 : 1)};
    }
    if (name == "first" || name == "last") {
        return {name == "first" ? index == 0 : index + 1 == length};
    }
    if (name == "length") {
        return {length};
    }
    if (name == "previtem" && index > 0) {
        return items[loop.index - 1];
    }
    if (name == "nextitem" && index + 1 < length) {
        return items[loop.index + 1];
    }
    if (name == "previtem" || name == "nextitem") {
        return {Undefined{"loop." + name}};
    }
    throw Problem(fmt::format("loop.{} is not supported", name));
}

Bound bind(const Builtin& builtin, const CallArguments& arguments) {
    Bound bound{};
    const auto count = static_cast<std::size_t>(std::count_if(builtin.parameters.begin(), builtin.parameters.end(),
                                                              [](auto name) { return !name.empty(); }));
    if (arguments.positional.size() > count) {
        throw Problem(
            fmt::format("{} takes {} arguments, not {}", builtin.name, count, arguments.positional.size()));
    }
    for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
        bound[i] = &arguments.positional[i];
    }
    for (const auto& [name, value] : arguments.named) {
        const auto found = std::find(builtin.parameters.begin(), builtin.parameters.end(), name);
        if (found == builtin.parameters.end()) {
            throw Problem(fmt::format("{} has no argument '{}'", builtin.name, name));
        }
        bound[static_cast<std::size_t>(found - builtin.parameters.begin())] = &value;
    }
    return bound;
}

} // namespace

Value invoke(const Builtin& builtin, const Value& input, const CallArguments& arguments, Budget& budget) {
    budget.step();
    return builtin.call(input, bind(builtin, arguments), budget);
}

Value attributeOf(const Value& value, const std::string& name, Budget& budget) {
    if (value.isUndefined()) {
        throw Problem(fmt::format("{} has no attribute '{}'", describe(value), name));
    }
    if (findMethod(value, name) != nullptr) {
        return {std::make_shared<const Callable>(Callable{name, std::make_shared<const Value>(value), nullptr})};
    }
    const Value* field = nullptr;
    if (value.isDict()) {
        field = value.dict().find(name, budget);
    } else if (value.is<std::shared_ptr<Namespace>>()) {
        field = value.as<std::shared_ptr<Namespace>>()->fields.find(name, budget);
    } else if (value.is<std::shared_ptr<const Loop>>()) {
        return loopAttribute(*value.as<std::shared_ptr<const Loop>>(), name);
    }
    return field != nullptr ? *field : Value{Undefined{name}};
}

Value itemOf(const Value& value, const Value& key, Budget& budget) {
    if (key.isText()) {
        const Value* field = value.isDict() ? value.dict().find(key.text(), budget) : nullptr;
        return field != nullptr ? *field : attributeOf(value, key.text(), budget);
    }
    if (value.isUndefined()) {
        throw Problem(fmt::format("{} has no items", describe(value)));
    }
    if (!key.isInteger()) {
        throw Problem(fmt::format("{} cannot be an index", describe(key)));
    }
    const auto position = [&](std::size_t length) {
        const auto size = static_cast<std::int64_t>(length);
        const std::int64_t at = key.integer() < 0 && key.integer() >= -size ? key.integer() + size : key.integer();
        return at >= 0 && at < size ? at : -1;
    };
    if (value.isList()) {
        const std::int64_t at = position(value.list().items.size());
        return at < 0 ? Value{Undefined{"item " + std::to_string(key.integer())}}
                      : value.list().items[static_cast<std::size_t>(at)];
    }
    if (value.isText()) {
        budget.bytes(value.text().size());
        const std::vector<std::size_t> offsets = characterOffsets(value.text());
        const std::int64_t at = position(offsets.size() - 1);
        if (at >= 0) {
            const auto i = static_cast<std::size_t>(at);
            return makeText(value.text().substr(offsets[i], offsets[i + 1] - offsets[i]));
        }
    }
    return {Undefined{"item " + std::to_string(key.integer())}};
}

} // namespace fulgurite::jinja
