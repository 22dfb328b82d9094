// SPDX-License-Identifier: Apache-2.0
// Typed, checked access to the fields of a JSON object; every error names the file and the field. A field that is
// null counts as missing, as in the published configurations.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

class ConfigReader {
  public:
    // Throws Error{InvalidInput} unless `text` is a JSON object.
    static ConfigReader parse(std::string_view text, const std::string& name);

    const std::string& name() const { return name_; }
    bool has(const std::string& field) const;
    std::int64_t integer(const std::string& field, std::int64_t min, std::int64_t max, std::int64_t fallback) const;
    double number(const std::string& field, double fallback) const; // finite
    bool boolean(const std::string& field, bool fallback) const;
    std::string text(const std::string& field, const std::string& fallback) const;
    std::vector<std::int64_t> integers(const std::string& field) const;
    std::vector<std::int64_t> integersOrOne(const std::string& field) const; // empty when missing
    std::vector<std::string> texts(const std::string& field) const;
    std::string firstOf(const std::string& field) const;  // of a list of texts; "" when missing or empty
    std::int64_t largest(const std::string& field) const; // of an integer or a list of them; 0 when missing
    ConfigReader object(const std::string& field) const;  // an empty one when missing

  private:
    ConfigReader(nlohmann::json json, std::string name) : json_(std::move(json)), name_(std::move(name)) {}
    const nlohmann::json* find(const std::string& field) const;
    [[noreturn]] void wrongType(const std::string& field, const char* expected) const;
    std::int64_t toInteger(const nlohmann::json& value, const std::string& field) const;

    nlohmann::json json_;
    std::string name_;
};

} // namespace fulgurite
