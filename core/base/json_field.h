// SPDX-License-Identifier: Apache-2.0
// Strict reading of JSON from elsewhere: a value together with its path, so that an error names the field
// ("conversations[0].nodes[3].role: ...").
#pragma once

#include "core/base/error.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace fulgurite {

// A view: the JSON value must outlive it.
class JsonField {
  public:
    // `where` begins every error: a file or a server and its reply.
    JsonField(const nlohmann::json& value, std::string where) : value_(&value), path_(std::move(where)) {}

    const nlohmann::json& value() const { return *value_; }
    const std::string& path() const { return path_; }

    bool has(const char* key) const {
        expect(value_->is_object(), "an object");
        const auto found = value_->find(key);
        return found != value_->end() && !found->is_null();
    }
    JsonField operator[](const char* key) const {
        if (!has(key))
            fail(ErrorKind::InvalidInput, "{}: field \"{}\" is missing", path_, key);
        return {(*value_)[key], fmt::format("{}{}{}", path_, whole_ ? ": " : ".", key), false};
    }
    JsonField at(std::size_t index) const {
        expect(value_->is_array(), "an array");
        if (index >= value_->size())
            fail(ErrorKind::InvalidInput, "{}: has {} elements, element {} is missing", path_, value_->size(),
                 index);
        return {(*value_)[index], fmt::format("{}[{}]", path_, index), false};
    }
    std::size_t size() const {
        expect(value_->is_array(), "an array");
        return value_->size();
    }

    std::string string() const {
        expect(value_->is_string(), "a text");
        return value_->get<std::string>();
    }
    bool boolean() const {
        expect(value_->is_boolean(), "true or false");
        return value_->get<bool>();
    }
    // Null is how JSON spells the infinities; of the two only the negative one occurs.
    double number() const {
        if (value_->is_null())
            return -std::numeric_limits<double>::infinity();
        expect(value_->is_number(), "a number");
        return value_->get<double>();
    }
    std::int64_t integer(std::int64_t low, std::int64_t high) const {
        expect(value_->is_number_integer(), "a whole number");
        const bool too_large =
            value_->is_number_unsigned() && value_->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
        if (too_large || value_->get<std::int64_t>() < low || value_->get<std::int64_t>() > high)
            fail(ErrorKind::InvalidInput, "{}: {} is outside {} to {}", path_, value_->dump(), low, high);
        return value_->get<std::int64_t>();
    }
    std::size_t count() const { return static_cast<std::size_t>(integer(0, INT64_MAX)); }

    std::string string(const char* key, std::string otherwise) const {
        return has(key) ? (*this)[key].string() : std::move(otherwise);
    }
    bool boolean(const char* key, bool otherwise) const { return has(key) ? (*this)[key].boolean() : otherwise; }
    double number(const char* key, double otherwise) const { return has(key) ? (*this)[key].number() : otherwise; }
    std::size_t count(const char* key, std::size_t otherwise) const {
        return has(key) ? (*this)[key].count() : otherwise;
    }

    void expect(bool condition, std::string_view kind) const {
        if (!condition)
            fail(ErrorKind::InvalidInput, "{}: should be {}, is {}", path_, kind, value_->type_name());
    }

  private:
    JsonField(const nlohmann::json& value, std::string path, bool whole)
        : value_(&value), path_(std::move(path)), whole_(whole) {}

    const nlohmann::json* value_;
    std::string path_;
    bool whole_ = true; // the document itself
};

} // namespace fulgurite
