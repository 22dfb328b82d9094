// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/schema_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

namespace fulgurite::grammar {

namespace {

// They describe and restrict nothing.
constexpr std::array<std::string_view, 13> kDescribing{
    "title",    "description", "default",  "examples",  "example", "$schema",    "$id",
    "$comment", "deprecated",  "readOnly", "writeOnly", "$defs",   "definitions"};
constexpr std::array<std::string_view, 6> kGeneral{"$ref", "const", "enum", "anyOf", "allOf", "type"};

// What to write instead of keywords that people miss.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kInstead{
    {{"oneOf", "write 'anyOf', which means the same where the schemas exclude each other"},
     {"not", "say what is allowed, with 'enum' or 'anyOf'"},
     {"multipleOf", "list the values with 'enum' where they are few, or check the answer"},
     {"patternProperties", "name the members in 'properties', or allow any with 'additionalProperties'"},
     {"if", "write the cases with 'anyOf'"}}};

struct TypeKeywords {
    std::string_view type;
    std::vector<std::string_view> keywords;
};

const std::vector<TypeKeywords>& typeKeywords() {
    static const std::vector<TypeKeywords> all{
        {"object", {"properties", "required", "additionalProperties"}},
        {"array", {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"}},
        {"string", {"minLength", "maxLength", "pattern", "format"}},
        {"number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}},
        {"integer", {}},
        {"boolean", {}},
        {"null", {}}};
    return all;
}

bool isOneOf(std::string_view word, std::span<const std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

bool isKnown(std::string_view key) {
    return isOneOf(key, kDescribing) || isOneOf(key, kGeneral) ||
           std::any_of(typeKeywords().begin(), typeKeywords().end(),
                       [&](const TypeKeywords& type) { return isOneOf(key, type.keywords); });
}

[[noreturn]] void refuseKeyword(const std::string& key, const std::string& path) {
    const auto* instead =
        std::find_if(kInstead.begin(), kInstead.end(), [&key](const auto& entry) { return entry.first == key; });
    unsupportedSchema(path, fmt::format("the schema keyword '{}' is not supported{}{}", key,
                                        instead == kInstead.end() ? "" : ": ",
                                        instead == kInstead.end() ? "" : instead->second));
}

} // namespace

void refuseSchema(const std::string& path, const std::string& message) {
    throw SchemaError(ErrorKind::InvalidInput, path, message);
}

void unsupportedSchema(const std::string& path, const std::string& message) {
    throw SchemaError(ErrorKind::Unsupported, path, message);
}

SchemaReader::SchemaReader(const Schema& schema, std::string path) : schema_(schema), path_(std::move(path)) {
    if (!schema.is_object()) {
        refuseSchema(path_, fmt::format("a schema is an object, true or false, not {}", schema.type_name()));
    }
    for (const auto& [key, value] : schema.items()) {
        if (!isKnown(key)) {
            refuseKeyword(key.substr(0, 64), pathOf(key.substr(0, 64)));
        }
    }
}

const Schema* SchemaReader::find(std::string_view key) const {
    const auto found = schema_.find(std::string(key));
    return found == schema_.end() ? nullptr : &*found;
}

void SchemaReader::allowBeside(std::string_view keyword, const std::vector<std::string_view>& others) const {
    for (const auto& [key, value] : schema_.items()) {
        if (key != keyword && !isOneOf(key, kDescribing) && !isOneOf(key, others)) {
            unsupportedSchema(pathOf(key),
                              fmt::format("the schema keyword '{}' is not supported beside '{}'", key, keyword));
        }
    }
}

std::optional<std::uint32_t> SchemaReader::count(std::string_view key) const {
    const Schema* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    constexpr double kMost = 1e9;
    const double count = value->is_number() ? value->get<double>() : -1;
    if (!(count >= 0 && count <= kMost && std::floor(count) == count)) {
        refuseSchema(pathOf(key), fmt::format("'{}' must be a whole number from 0 to 1e9", key));
    }
    return static_cast<std::uint32_t>(count);
}

std::optional<std::string> SchemaReader::text(std::string_view key) const {
    const Schema* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_string()) {
        refuseSchema(pathOf(key), fmt::format("'{}' must be a string, not {}", key, value->type_name()));
    }
    return value->get<std::string>();
}

const Schema* SchemaReader::list(std::string_view key) const {
    const Schema* value = find(key);
    if (value != nullptr && (!value->is_array() || value->empty())) {
        refuseSchema(pathOf(key), fmt::format("'{}' must be a list of at least one", key));
    }
    return value;
}

const Schema* SchemaReader::object(std::string_view key) const {
    const Schema* value = find(key);
    if (value != nullptr && !value->is_object()) {
        refuseSchema(pathOf(key), fmt::format("'{}' must be an object, not {}", key, value->type_name()));
    }
    return value;
}

const Schema* SchemaReader::number(std::string_view key) const {
    const Schema* value = find(key);
    if (value != nullptr && !value->is_number()) {
        refuseSchema(pathOf(key), fmt::format("'{}' must be a number, not {}", key, value->type_name()));
    }
    return value;
}

std::vector<std::string> SchemaReader::types() const {
    std::vector<std::string> types;
    const Schema* type = find("type");
    if (type == nullptr) {
        for (const TypeKeywords& each : typeKeywords()) {
            if (std::any_of(each.keywords.begin(), each.keywords.end(),
                            [&](std::string_view key) { return has(key); })) {
                types.emplace_back(each.type);
            }
        }
        return types;
    }
    const auto add = [&](const Schema& name) {
        const bool known = name.is_string() &&
                           std::any_of(typeKeywords().begin(), typeKeywords().end(), [&](const TypeKeywords& each) {
                               return name.get_ref<const std::string&>() == each.type;
                           });
        if (!known) {
            refuseSchema(pathOf("type"),
                         "must be object, array, string, number, integer, boolean or null, or a list of these");
        }
        types.push_back(name.get<std::string>());
    };
    if (type->is_array() && !type->empty()) {
        std::for_each(type->begin(), type->end(), add);
    } else {
        add(*type);
    }
    return types;
}

bool isOfType(const Schema& value, std::string_view type) {
    if (type == "integer") {
        return value.is_number_integer() ||
               (value.is_number_float() && std::floor(value.get<double>()) == value.get<double>());
    }
    return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
           (type == "string" && value.is_string()) || (type == "number" && value.is_number()) ||
           (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
}

} // namespace fulgurite::grammar
