// SPDX-License-Identifier: Apache-2.0
// Field by field validation of request objects.
#include "core/node/object_reader.h"

#include "core/base/nearest_name.h"
#include "core/node/api_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace fulgurite::node {

namespace {

[[noreturn]] void wrongType(const std::string& path, const char* wanted, const nlohmann::json& found) {
    refuse(path, fmt::format("must be {}, not {}", wanted, found.type_name()));
}

} // namespace

ObjectReader::ObjectReader(const nlohmann::json& object, std::string path)
    : object_(object), path_(std::move(path)) {
    if (!object.is_object()) {
        wrongType(path_, "an object", object);
    }
}

std::string ObjectReader::pathOf(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const nlohmann::json* ObjectReader::find(std::string_view key) {
    known_.emplace_back(key);
    const auto found = object_.find(known_.back());
    return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<double> ObjectReader::number(std::string_view key, double low, double high) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_number()) {
        wrongType(pathOf(key), "a number", *value);
    }
    const double result = value->get<double>();
    if (!(result >= low && result <= high)) {
        refuse(pathOf(key), fmt::format("must be between {} and {}, not {}", low, high, result));
    }
    return result;
}

std::optional<std::int64_t> ObjectReader::integer(std::string_view key, std::int64_t low, std::int64_t high) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_number_integer()) {
        wrongType(pathOf(key), "an integer", *value);
    }
    const bool too_large =
        value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
    const std::int64_t result = too_large ? INT64_MAX : value->get<std::int64_t>();
    if (too_large || result < low || result > high) {
        refuse(pathOf(key), fmt::format("must be between {} and {}, not {}", low, high, value->dump()));
    }
    return result;
}

std::optional<std::uint64_t> ObjectReader::seed(std::string_view key) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_number_integer()) {
        wrongType(pathOf(key), "an integer", *value);
    }
    return value->is_number_unsigned() ? value->get<std::uint64_t>()
                                       : static_cast<std::uint64_t>(value->get<std::int64_t>());
}

std::optional<bool> ObjectReader::boolean(std::string_view key) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_boolean()) {
        wrongType(pathOf(key), "true or false", *value);
    }
    return value->get<bool>();
}

std::optional<std::string> ObjectReader::string(std::string_view key) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_string()) {
        wrongType(pathOf(key), "a string", *value);
    }
    return value->get<std::string>();
}

const nlohmann::json* ObjectReader::array(std::string_view key) {
    const nlohmann::json* value = find(key);
    if (value != nullptr && !value->is_array()) {
        wrongType(pathOf(key), "a list", *value);
    }
    return value;
}

const nlohmann::json* ObjectReader::object(std::string_view key) {
    const nlohmann::json* value = find(key);
    if (value != nullptr && !value->is_object()) {
        wrongType(pathOf(key), "an object", *value);
    }
    return value;
}

void ObjectReader::ignore(std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys) {
        known_.emplace_back(key);
    }
}

void ObjectReader::unsupported(std::string_view key, std::string_view reason) {
    const auto found = object_.find(std::string(key));
    known_.emplace_back(key);
    if (found != object_.end() && !found->is_null()) {
        const std::string path = pathOf(key);
        throw ApiError(400, fmt::format("'{}': {}", path, reason), path, "unsupported");
    }
}

void ObjectReader::finish() const {
    for (const auto& [key, value] : object_.items()) {
        if (std::find(known_.begin(), known_.end(), key) != known_.end()) {
            continue;
        }
        const std::string shown = key.substr(0, 64);
        std::string message = "unknown field";
        if (const auto nearest = nearestName(shown, known_)) {
            message += fmt::format("; did you mean '{}'?", *nearest);
        }
        refuse(pathOf(shown), message);
    }
}

std::vector<std::int32_t> readTokenIds(const nlohmann::json& value, const std::string& path,
                                       std::int64_t vocab_size) {
    if (!value.is_array()) {
        wrongType(path, "a list of token ids", value);
    }
    std::vector<std::int32_t> ids;
    ids.reserve(value.size());
    for (const nlohmann::json& item : value) {
        const std::string place = fmt::format("{}[{}]", path, ids.size());
        if (!item.is_number_integer()) {
            wrongType(place, "a token id", item);
        }
        const bool fits =
            item.is_number_unsigned() && item.get<std::uint64_t>() < static_cast<std::uint64_t>(vocab_size);
        if (!fits) {
            refuse(place, fmt::format("token {} is outside the model's vocabulary of {}", item.dump(), vocab_size));
        }
        ids.push_back(item.get<std::int32_t>());
    }
    return ids;
}

} // namespace fulgurite::node
