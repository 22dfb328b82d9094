// SPDX-License-Identifier: Apache-2.0
// Reading JSON that may be hostile: every error names the file, the field and what was expected there.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fulgurite {

// Throws Error{Corrupt} with line and column when `text` is not JSON or nests deeper than `max_depth`.
nlohmann::json parseJson(std::string_view text, const std::string& name, std::size_t max_depth = 128);

// The check of parseJson alone, for what parses by itself.
void requireJsonDepth(std::string_view text, const std::string& name, std::size_t max_depth);

// A value and the path that leads to it, for messages such as
// "tokenizer.json: model.vocab: expected an object, found a string". Refers to the value, does not own it.
class JsonView {
  public:
    JsonView(const nlohmann::json& value, std::string where) : value_(&value), where_(std::move(where)) {}

    // True when the field is there and not null.
    bool has(const char* key) const;
    // The rest throws Error{Corrupt}: a field that is missing, a type or range that does not fit.
    JsonView at(const char* key) const;
    JsonView at(std::size_t index) const;
    const nlohmann::json::object_t& object() const;
    const nlohmann::json::array_t& array() const;
    const std::string& string() const;
    std::int64_t integer(std::int64_t minimum, std::int64_t maximum) const;
    bool boolean() const;

    const nlohmann::json& value() const { return *value_; }
    const std::string& where() const { return where_; }

  private:
    [[noreturn]] void failType(const char* expected) const;

    const nlohmann::json* value_;
    std::string where_;
};

} // namespace fulgurite
