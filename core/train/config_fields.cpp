// SPDX-License-Identifier: Apache-2.0
#include "core/train/config_fields.h"

#include "core/base/error.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <numeric>

namespace fulgurite {

namespace {

// Levenshtein's distance.
std::size_t editsBetween(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

} // namespace

std::string nearestName(const std::string& word, const std::vector<std::string>& names) {
    const auto nearest = std::min_element(names.begin(), names.end(), [&](const auto& a, const auto& b) {
        return editsBetween(word, a) < editsBetween(word, b);
    });
    return nearest == names.end() ? "" : *nearest;
}

ConfigFields ConfigFields::parse(std::string_view text, const std::string& name) {
    try {
        auto json = nlohmann::json::parse(text, nullptr, true, true);
        if (!json.is_object()) {
            fail(ErrorKind::InvalidInput, "{}: expected a JSON object", name);
        }
        return {std::move(json), name};
    } catch (const nlohmann::json::parse_error& error) {
        fail(ErrorKind::InvalidInput, "{}: not JSON: {}", name, error.what());
    }
}

const nlohmann::json* ConfigFields::find(const std::string& key) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
        known_.push_back(key);
    }
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
}

void ConfigFields::missing(const std::string& key) const {
    fail(ErrorKind::InvalidInput, "{}: field \"{}\" is missing", where_, key);
}

void ConfigFields::wrong(const std::string& key, const std::string& expected) const {
    fail(ErrorKind::InvalidInput, "{}: field \"{}\" is {}; expected {}", where_, key, json_.at(key).dump(),
         expected);
}

bool ConfigFields::has(const std::string& key) {
    return find(key) != nullptr;
}

std::int64_t ConfigFields::integer(const std::string& key, std::int64_t min, std::int64_t max,
                                   std::optional<std::int64_t> fallback) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        return fallback ? *fallback : (missing(key), 0);
    }
    if (!value->is_number_integer() || value->get<std::int64_t>() < min || value->get<std::int64_t>() > max) {
        wrong(key, fmt::format("a whole number from {} to {}", min, max));
    }
    return value->get<std::int64_t>();
}

double ConfigFields::number(const std::string& key, double min, double max, std::optional<double> fallback) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        return fallback ? *fallback : (missing(key), 0);
    }
    if (!value->is_number() || value->get<double>() < min || value->get<double>() > max) {
        wrong(key, fmt::format("a number from {:g} to {:g}", min, max));
    }
    return value->get<double>();
}

bool ConfigFields::flag(const std::string& key, bool fallback) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        return fallback;
    }
    if (!value->is_boolean()) {
        wrong(key, "true or false");
    }
    return value->get<bool>();
}

std::string ConfigFields::text(const std::string& key, std::optional<std::string> fallback) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        return fallback ? *fallback : (missing(key), "");
    }
    if (!value->is_string()) {
        wrong(key, "a text");
    }
    return value->get<std::string>();
}

std::vector<std::string> ConfigFields::texts(const std::string& key) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        missing(key);
    }
    const auto isText = [](const nlohmann::json& item) { return item.is_string(); };
    if (!value->is_array() || value->empty() || !std::all_of(value->begin(), value->end(), isText)) {
        wrong(key, "a list of texts");
    }
    return value->get<std::vector<std::string>>();
}

std::size_t ConfigFields::choice(const std::string& key, const std::vector<std::string>& names,
                                 std::size_t fallback) {
    if (!has(key)) {
        return fallback;
    }
    const auto found = std::find(names.begin(), names.end(), text(key));
    if (found == names.end()) {
        wrong(key, fmt::format("one of {}", fmt::join(names, ", ")));
    }
    return static_cast<std::size_t>(found - names.begin());
}

ConfigFields ConfigFields::object(const std::string& key) {
    const nlohmann::json* value = find(key);
    if (value != nullptr && !value->is_object()) {
        wrong(key, "an object");
    }
    return {value == nullptr ? nlohmann::json::object() : *value, where_ + ": " + key};
}

std::vector<ConfigFields> ConfigFields::objects(const std::string& key) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
        missing(key);
    }
    const auto isObject = [](const nlohmann::json& item) { return item.is_object(); };
    if (!value->is_array() || value->empty() || !std::all_of(value->begin(), value->end(), isObject)) {
        wrong(key, "a list of objects");
    }
    std::vector<ConfigFields> all;
    for (std::size_t i = 0; i < value->size(); ++i) {
        all.push_back({(*value)[i], fmt::format("{}: {}[{}]", where_, key, i)});
    }
    return all;
}

void ConfigFields::finish() const {
    for (const auto& [key, value] : json_.items()) {
        if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
            fail(ErrorKind::InvalidInput, "{}: there is no field \"{}\"; the nearest is \"{}\"", where_, key,
                 nearestName(key, known_));
        }
    }
}

} // namespace fulgurite
