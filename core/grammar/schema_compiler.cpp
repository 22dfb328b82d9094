// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/schema_compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fulgurite::grammar {

RuleId SchemaCompiler::compile() {
    const RuleId rule = builder_.declare();
    referenced_.emplace("", rule);
    open_.insert("");
    builder_.define(rule, value(root_, root_path_));
    return rule;
}

Fragment SchemaCompiler::value(const Schema& schema, const std::string& path) {
    constexpr int most_levels = 256; // far beyond what people write, far within a thread's stack
    if (level_ == most_levels) {
        refuseSchema(path, fmt::format("values and references nest more than {} levels deep", most_levels));
    }
    ++level_;
    const Fragment result = valueOf(schema, path);
    --level_;
    return result;
}

Fragment SchemaCompiler::valueOf(const Schema& schema, const std::string& path) {
    if (schema.is_boolean()) {
        return schema.get<bool>() ? json_.value() : builder_.choice({});
    }
    const SchemaReader reader(schema, path);
    if (const auto target = reader.text("$ref")) {
        reader.allowBeside("$ref");
        return reference(*target, reader.pathOf("$ref"));
    }
    if (const Schema* constant = reader.find("const")) {
        reader.allowBeside("const", {"type"});
        return oneOfThese(Schema::array({*constant}), reader);
    }
    if (const Schema* values = reader.list("enum")) {
        reader.allowBeside("enum", {"type"});
        return oneOfThese(*values, reader);
    }
    for (const char* key : {"anyOf", "allOf"}) {
        if (const Schema* schemas = reader.list(key)) {
            reader.allowBeside(key);
            if (key == std::string_view("allOf") && schemas->size() > 1) {
                unsupportedSchema(reader.pathOf(key),
                                  "the schema keyword 'allOf' is supported with one schema only");
            }
            return alternatives(*schemas, reader.pathOf(key));
        }
    }
    const std::vector<std::string> types = reader.types();
    if (types.empty()) {
        return json_.value();
    }
    std::vector<Fragment> ways;
    for (const std::string& type : types) {
        ways.push_back(ofType(type, reader));
    }
    return builder_.choice(std::move(ways));
}

Fragment SchemaCompiler::reference(const std::string& target, const std::string& path) {
    if (!target.starts_with('#') || (target.size() > 1 && target[1] != '/')) {
        unsupportedSchema(path, "'$ref' must lead to a place in this schema, as '#/$defs/name'");
    }
    const std::string pointer = target.substr(1);
    if (open_.contains(pointer)) {
        refuseSchema(path, fmt::format("'$ref' goes round in a circle: {}", target.substr(0, 128)));
    }
    if (const auto found = referenced_.find(pointer); found != referenced_.end()) {
        return builder_.call(found->second);
    }
    const Schema* schema = nullptr;
    try {
        schema = &root_.at(Schema::json_pointer(pointer));
    } catch (const Schema::exception&) {
        refuseSchema(path, fmt::format("'$ref' leads nowhere: {}", target.substr(0, 128)));
    }
    const RuleId rule = builder_.declare();
    referenced_.emplace(pointer, rule);
    open_.insert(pointer);
    builder_.define(rule,
                    value(*schema, root_path_ + "." + pointer.substr(std::min<std::size_t>(1, pointer.size()))));
    open_.erase(pointer);
    return builder_.call(rule);
}

Fragment SchemaCompiler::oneOfThese(const Schema& values, const SchemaReader& reader) {
    const std::vector<std::string> types = reader.has("type") ? reader.types() : std::vector<std::string>();
    std::vector<Fragment> ways;
    for (const Schema& value : values) {
        const bool fits = types.empty() || std::any_of(types.begin(), types.end(), [&](const std::string& type) {
                              return isOfType(value, type);
                          });
        if (fits) {
            ways.push_back(builder_.literal(value.dump()));
        }
    }
    return builder_.choice(std::move(ways));
}

Fragment SchemaCompiler::alternatives(const Schema& schemas, const std::string& path) {
    std::vector<Fragment> ways;
    for (const Schema& schema : schemas) {
        ways.push_back(value(schema, fmt::format("{}[{}]", path, ways.size())));
    }
    return builder_.choice(std::move(ways));
}

Fragment SchemaCompiler::ofType(const std::string& type, const SchemaReader& reader) {
    if (type == "object" || type == "array") {
        std::set<std::string> outside = std::exchange(open_, {});
        const Fragment result = type == "object" ? objectOf(reader) : arrayOf(reader);
        open_ = std::move(outside);
        return result;
    }
    if (type == "string") {
        return stringOf(reader);
    }
    if (type == "boolean") {
        return json_.boolean();
    }
    return type == "null" ? json_.null() : numberOf(reader, type == "integer");
}

Fragment SchemaCompiler::objectOf(const SchemaReader& reader) {
    const Schema* additional = reader.find("additionalProperties");
    if (additional != nullptr && additional->is_boolean() && !additional->get<bool>()) {
        additional = nullptr;
    } else if (additional == nullptr && !reader.has("properties") && !reader.has("required")) {
        return json_.anyObject();
    }
    const std::vector<Property> named = properties(reader, additional);
    std::optional<RuleId> more;
    if (additional != nullptr) {
        std::vector<std::string> taken;
        if (const Schema* declared = reader.object("properties")) {
            for (const auto& [name, schema] : declared->items()) {
                taken.push_back(name);
            }
        }
        if (const Schema* required = reader.find("required")) {
            for (const Schema& name : *required) {
                taken.push_back(name.get<std::string>());
            }
        }
        more = json_.member(json_.nameBeside(taken), valueRule(*additional, reader.pathOf("additionalProperties")));
    }
    return builder_.sequence({builder_.literal("{"), members(named, more), builder_.literal("}")});
}

// In the order of the schema; what is only required comes last.
std::vector<SchemaCompiler::Property> SchemaCompiler::properties(const SchemaReader& reader,
                                                                 const Schema* additional) {
    std::vector<std::string> required;
    if (const Schema* names = reader.find("required")) {
        if (!names->is_array() ||
            !std::all_of(names->begin(), names->end(), [](const Schema& name) { return name.is_string(); })) {
            refuseSchema(reader.pathOf("required"), "'required' must be a list of names");
        }
        required = names->get<std::vector<std::string>>();
    }
    std::vector<Property> result;
    const auto add = [&](const std::string& name, RuleId rule, bool needed) {
        result.push_back({json_.member(builder_.literal(Schema(name).dump()), rule), needed});
    };
    if (const Schema* declared = reader.object("properties")) {
        for (const auto& [name, schema] : declared->items()) {
            const auto needed = std::remove(required.begin(), required.end(), name);
            const bool is_needed = needed != required.end();
            required.erase(needed, required.end());
            add(name, valueRule(schema, reader.pathOf("properties." + name.substr(0, 64))), is_needed);
        }
    }
    std::sort(required.begin(), required.end());
    required.erase(std::unique(required.begin(), required.end()), required.end());
    static const Schema anything = true;
    for (const std::string& name : required) {
        if (additional == nullptr && reader.has("additionalProperties")) {
            refuseSchema(reader.pathOf("required"),
                         fmt::format("'{}' is required and not among the properties", name.substr(0, 64)));
        }
        add(name, valueRule(additional == nullptr ? anything : *additional, reader.pathOf("additionalProperties")),
            true);
    }
    return result;
}

// Two rows of nodes, one for each property: nothing written yet, and something written, so that a comma comes
// first.
Fragment SchemaCompiler::members(const std::vector<Property>& properties, std::optional<RuleId> additional) {
    const NodeId start = builder_.node();
    NodeId fresh = start;
    NodeId begun = builder_.node();
    const auto write = [&](const Fragment& piece, NodeId from, NodeId to) {
        builder_.link(from, piece.start);
        builder_.link(piece.end, to);
    };
    const auto first = [&](RuleId rule) { return builder_.sequence({json_.edge(), builder_.call(rule)}); };
    for (const Property& property : properties) {
        const NodeId next_fresh = builder_.node();
        const NodeId next_begun = builder_.node();
        write(first(property.member), fresh, next_begun);
        write(json_.nextOf(property.member), begun, next_begun);
        if (!property.required) {
            builder_.link(fresh, next_fresh);
            builder_.link(begun, next_begun);
        }
        fresh = next_fresh;
        begun = next_begun;
    }
    const NodeId end = builder_.node();
    if (additional) {
        write(first(*additional), fresh, begun);
        write(json_.nextOf(*additional), begun, begun);
    }
    builder_.link(fresh, end);
    write(json_.edge(), begun, end);
    return {start, end};
}

Fragment SchemaCompiler::arrayOf(const SchemaReader& reader) {
    const std::uint32_t min = reader.count("minItems").value_or(0);
    const std::uint32_t max = reader.count("maxItems").value_or(kUnlimited);
    if (max < min) {
        refuseSchema(reader.pathOf("maxItems"), "'maxItems' is less than 'minItems'");
    }
    if (const Schema* unique = reader.find("uniqueItems"); unique != nullptr && *unique != false) {
        unsupportedSchema(reader.pathOf("uniqueItems"), "the schema keyword 'uniqueItems' is not supported");
    }
    if (const Schema* prefix = reader.list("prefixItems")) {
        return tuple(*prefix, reader, min, max);
    }
    const Schema* items = reader.find("items");
    const RuleId item = items == nullptr ? builder_.rule(json_.value()) : valueRule(*items, reader.pathOf("items"));
    return json_.arrayOf(item, min, max);
}

// The first elements one by one, then more of `items` where that is given or a minimum asks for them.
Fragment SchemaCompiler::tuple(const Schema& prefix, const SchemaReader& reader, std::uint32_t min,
                               std::uint32_t max) {
    const Schema* items = reader.find("items");
    const auto fixed = static_cast<std::uint32_t>(prefix.size());
    const NodeId start = builder_.node();
    const NodeId closing = builder_.node();
    NodeId at = start;
    for (std::uint32_t i = 0; i < fixed && i < max; ++i) {
        if (i >= min) {
            builder_.link(at, closing);
        }
        const RuleId rule = valueRule(prefix[i], fmt::format("{}[{}]", reader.pathOf("prefixItems"), i));
        const Fragment piece = i == 0 ? builder_.sequence({json_.edge(), builder_.call(rule)}) : json_.nextOf(rule);
        builder_.link(at, piece.start);
        at = piece.end;
    }
    if (max > fixed && (items != nullptr || min > fixed)) {
        const RuleId rule =
            items == nullptr ? builder_.rule(json_.value()) : valueRule(*items, reader.pathOf("items"));
        const Fragment rest = builder_.repeat(builder_.rule(json_.nextOf(rule)), min > fixed ? min - fixed : 0,
                                              max == kUnlimited ? max : max - fixed);
        builder_.link(at, rest.start);
        at = rest.end;
    }
    builder_.link(at, closing);
    return builder_.sequence({builder_.literal("["), {start, closing}, json_.edge(), builder_.literal("]")});
}

} // namespace fulgurite::grammar
