// SPDX-License-Identifier: Apache-2.0
// Strict reading of JSON from elsewhere: a value together with its path, so that an error names file or server, the
// field and what was expected there ("chats.json: conversations[0].nodes[3].role: expected a string, found null").
#pragma once

#include "core/base/error.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

// A view: the JSON value must outlive it.
class JsonField {
  public:
    // `where` begins every error: a file or a server and its reply; `kind` is the errors' kind.
    JsonField(const nlohmann::json& value, std::string where, ErrorKind kind = ErrorKind::InvalidInput)
        : value_(&value), path_(std::move(where)), kind_(kind) {}

    const nlohmann::json& value() const { return *value_; }
    const std::string& path() const { return path_; }

    // True when the field is there and not null.
    bool has(const char* key) const;
    // The rest throws Error of the view's kind: a field that is missing, a type or range that does not fit.
    JsonField operator[](const char* key) const; // there and not null
    JsonField at(std::string_view key) const;    // there, possibly null
    JsonField at(std::size_t index) const;
    std::size_t size() const; // of a list

    const std::string& string() const;
    bool boolean() const;
    // Null is how JSON spells the infinities; of the two only the negative one occurs.
    double number() const;
    std::int64_t integer(std::int64_t low, std::int64_t high) const;
    std::size_t count() const { return static_cast<std::size_t>(integer(0, INT64_MAX)); }

    // `otherwise` where the field is missing or null.
    std::string string(const char* key, std::string otherwise) const;
    bool boolean(const char* key, bool otherwise) const { return has(key) ? (*this)[key].boolean() : otherwise; }
    double number(const char* key, double otherwise) const { return has(key) ? (*this)[key].number() : otherwise; }
    std::size_t count(const char* key, std::size_t otherwise) const {
        return has(key) ? (*this)[key].count() : otherwise;
    }

    // Refuses the value unless `condition`; `kind` completes "expected ...".
    void expect(bool condition, std::string_view kind) const;
    [[noreturn]] void refuse(std::string_view why) const;

  private:
    JsonField child(const nlohmann::json& value, std::string path) const;

    const nlohmann::json* value_;
    std::string path_;
    ErrorKind kind_;
    bool whole_ = true; // the document itself
};

/// What `read`, a function of a JsonField, makes of each element of a list.
template <class T, class Read>
std::vector<T> listOf(const JsonField& list, Read read) {
    std::vector<T> values;
    values.reserve(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
        values.push_back(read(list.at(i)));
    }
    return values;
}

} // namespace fulgurite
