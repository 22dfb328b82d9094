// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/config_reader.h"

#include "core/base/error.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fulgurite {

using Json = nlohmann::json;

ConfigReader ConfigReader::parse(std::string_view text, const std::string& name) {
    Json json;
    try {
        json = Json::parse(text);
    } catch (const Json::exception& error) {
        fail(ErrorKind::InvalidInput, "{}: not valid JSON: {}", name, error.what());
    }
    if (!json.is_object()) {
        fail(ErrorKind::InvalidInput, "{}: expected a JSON object", name);
    }
    return {std::move(json), name};
}

const Json* ConfigReader::find(const std::string& field) const {
    const auto found = json_.find(field);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::has(const std::string& field) const {
    return find(field) != nullptr;
}

void ConfigReader::wrongType(const std::string& field, const char* expected) const {
    fail(ErrorKind::InvalidInput, "{}: {} must be {}", name_, field, expected);
}

std::int64_t ConfigReader::toInteger(const Json& value, const std::string& field) const {
    if (!value.is_number_integer() ||
        (value.is_number_unsigned() &&
         value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))) {
        wrongType(field, "an integer");
    }
    return value.get<std::int64_t>();
}

std::int64_t ConfigReader::integer(const std::string& field, std::int64_t min, std::int64_t max,
                                   std::int64_t fallback) const {
    const Json* value = find(field);
    if (value == nullptr) {
        return fallback;
    }
    const std::int64_t result = toInteger(*value, field);
    if (result < min || result > max) {
        fail(ErrorKind::InvalidInput, "{}: {} is {}, expected {} to {}", name_, field, result, min, max);
    }
    return result;
}

double ConfigReader::number(const std::string& field, double fallback) const {
    const Json* value = find(field);
    if (value == nullptr) {
        return fallback;
    }
    if (!value->is_number() || !std::isfinite(value->get<double>())) {
        wrongType(field, "a finite number");
    }
    return value->get<double>();
}

bool ConfigReader::boolean(const std::string& field, bool fallback) const {
    const Json* value = find(field);
    if (value != nullptr && !value->is_boolean()) {
        wrongType(field, "true or false");
    }
    return value == nullptr ? fallback : value->get<bool>();
}

std::string ConfigReader::text(const std::string& field, const std::string& fallback) const {
    const Json* value = find(field);
    if (value != nullptr && !value->is_string()) {
        wrongType(field, "a text");
    }
    return value == nullptr ? fallback : value->get<std::string>();
}

std::vector<std::int64_t> ConfigReader::integers(const std::string& field) const {
    const Json* value = find(field);
    if (value == nullptr || !value->is_array()) {
        wrongType(field, "a list of integers");
    }
    std::vector<std::int64_t> result;
    for (const Json& element : *value) {
        result.push_back(toInteger(element, field));
    }
    return result;
}

std::vector<std::int64_t> ConfigReader::integersOrOne(const std::string& field) const {
    const Json* value = find(field);
    if (value == nullptr) {
        return {};
    }
    if (value->is_array()) {
        return integers(field);
    }
    return {toInteger(*value, field)};
}

std::vector<std::string> ConfigReader::texts(const std::string& field) const {
    const Json* value = find(field);
    if (value == nullptr || !value->is_array()) {
        wrongType(field, "a list of texts");
    }
    std::vector<std::string> result;
    for (const Json& element : *value) {
        if (!element.is_string()) {
            wrongType(field, "a list of texts");
        }
        result.push_back(element.get<std::string>());
    }
    return result;
}

std::string ConfigReader::firstOf(const std::string& field) const {
    if (!has(field)) {
        return "";
    }
    const auto values = texts(field);
    return values.empty() ? "" : values.front();
}

std::int64_t ConfigReader::largest(const std::string& field) const {
    const auto values = integersOrOne(field);
    return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

ConfigReader ConfigReader::object(const std::string& field) const {
    const Json* value = find(field);
    if (value != nullptr && !value->is_object()) {
        wrongType(field, "an object");
    }
    return {value == nullptr ? Json::object() : *value, name_ + ": " + field};
}

} // namespace fulgurite
