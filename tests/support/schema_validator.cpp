// SPDX-License-Identifier: Apache-2.0
#include "tests/support/schema_validator.h"

#include <algorithm>
#include <cmath>
#include <regex>

namespace fulgurite::test {

namespace {

using Json = nlohmann::ordered_json;

bool isOfType(const Json& value, const std::string& type) {
    if (type == "integer") {
        return value.is_number() && std::floor(value.get<double>()) == value.get<double>();
    }
    if (type == "number") {
        return value.is_number();
    }
    return value.type_name() == type;
}

std::size_t characters(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string checkString(const std::string& text, const Json& schema) {
    const std::size_t length = characters(text);
    if (schema.contains("minLength") && length < schema["minLength"].get<std::size_t>()) {
        return "minLength";
    }
    if (schema.contains("maxLength") && length > schema["maxLength"].get<std::size_t>()) {
        return "maxLength";
    }
    if (schema.contains("pattern") && !std::regex_search(text, std::regex(schema["pattern"].get<std::string>()))) {
        return "pattern";
    }
    return {};
}

std::string checkNumber(const Json& value, const Json& schema) {
    const double number = value.get<double>();
    const auto bound = [&](const char* key) { return schema[key].get<double>(); };
    if (schema.contains("minimum") && !(number >= bound("minimum"))) {
        return "minimum";
    }
    if (schema.contains("maximum") && !(number <= bound("maximum"))) {
        return "maximum";
    }
    if (schema.contains("exclusiveMinimum") && !(number > bound("exclusiveMinimum"))) {
        return "exclusiveMinimum";
    }
    return schema.contains("exclusiveMaximum") && !(number < bound("exclusiveMaximum")) ? "exclusiveMaximum" : "";
}

} // namespace

std::string SchemaValidator::check(const Json& value, const Json& schema, const std::string& at) const {
    if (schema.is_boolean()) {
        return schema.get<bool>() ? "" : at + ": false";
    }
    if (schema.contains("$ref")) {
        return check(value, root_.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))), at);
    }
    if (schema.contains("const") && value != schema["const"]) {
        return at + ": const";
    }
    if (schema.contains("enum") &&
        std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
        return at + ": enum";
    }
    if (schema.contains("anyOf") &&
        std::none_of(schema["anyOf"].begin(), schema["anyOf"].end(),
                     [&](const Json& each) { return check(value, each, at).empty(); })) {
        return at + ": anyOf";
    }
    if (schema.contains("type")) {
        const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
        if (std::none_of(types.begin(), types.end(),
                         [&](const Json& type) { return isOfType(value, type.get<std::string>()); })) {
            return at + ": type";
        }
    }
    std::string problem = value.is_string()   ? checkString(value.get<std::string>(), schema)
                          : value.is_number() ? checkNumber(value, schema)
                                              : "";
    if (!problem.empty()) {
        return at + ": " + problem;
    }
    return value.is_object()  ? checkObject(value, schema, at)
           : value.is_array() ? checkArray(value, schema, at)
                              : "";
}

std::string SchemaValidator::checkObject(const Json& value, const Json& schema, const std::string& at) const {
    for (const Json& name : schema.value("required", Json::array())) {
        if (!value.contains(name.get<std::string>())) {
            return at + ": required " + name.get<std::string>();
        }
    }
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [name, member] : value.items()) {
        const Json& wanted =
            properties.contains(name) ? properties[name] : schema.value("additionalProperties", Json(true));
        if (const std::string problem = check(member, wanted, at + "." + name); !problem.empty()) {
            return problem;
        }
    }
    return {};
}

std::string SchemaValidator::checkArray(const Json& value, const Json& schema, const std::string& at) const {
    if (schema.contains("minItems") && value.size() < schema["minItems"].get<std::size_t>()) {
        return at + ": minItems";
    }
    if (schema.contains("maxItems") && value.size() > schema["maxItems"].get<std::size_t>()) {
        return at + ": maxItems";
    }
    const Json prefix = schema.value("prefixItems", Json::array());
    for (std::size_t i = 0; i < value.size(); ++i) {
        const Json wanted = i < prefix.size() ? prefix[i] : schema.value("items", Json(true));
        if (const std::string problem = check(value[i], wanted, at + "[" + std::to_string(i) + "]");
            !problem.empty()) {
            return problem;
        }
    }
    return {};
}

} // namespace fulgurite::test
