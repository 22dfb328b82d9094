// SPDX-License-Identifier: Apache-2.0
// JSON schemas field by field: which keywords stand in one, and what is wrong with them.
#pragma once

#include "core/base/error.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::grammar {

using Schema = nlohmann::ordered_json; // members come in the order that the schema names them

// The message names the keyword, `path` the place of the schema.
class SchemaError : public Error {
  public:
    SchemaError(ErrorKind kind, std::string path, const std::string& message)
        : Error(kind, "'" + path + "': " + message), path_(std::move(path)) {}
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

[[noreturn]] void refuseSchema(const std::string& path, const std::string& message);
[[noreturn]] void unsupportedSchema(const std::string& path, const std::string& message);

// One schema that is an object.
class SchemaReader {
  public:
    // Throws SchemaError for keywords that are not understood.
    SchemaReader(const Schema& schema, std::string path);

    const std::string& path() const { return path_; }
    std::string pathOf(std::string_view key) const { return path_ + "." + std::string(key); }
    const Schema* find(std::string_view key) const;
    bool has(std::string_view key) const { return find(key) != nullptr; }
    // Refuses any keyword but these and the ones that only describe.
    void allowBeside(std::string_view keyword, const std::vector<std::string_view>& others = {}) const;

    std::optional<std::uint32_t> count(std::string_view key) const;
    std::optional<std::string> text(std::string_view key) const;
    const Schema* list(std::string_view key) const;
    const Schema* object(std::string_view key) const;
    const Schema* number(std::string_view key) const;
    // As written, or what the other keywords speak of; empty: any.
    std::vector<std::string> types() const;

  private:
    const Schema& schema_;
    std::string path_;
};

bool isOfType(const Schema& value, std::string_view type);

} // namespace fulgurite::grammar
