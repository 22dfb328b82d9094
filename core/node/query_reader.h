// SPDX-License-Identifier: Apache-2.0
// The parameters behind the question mark of a request, read as strictly as a JSON body: types, ranges, and no key
// that nobody knows.
#pragma once

#include "core/node/object_reader.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fulgurite::node {

// Refusals are ApiError 400 whose `param` is the key.
class QueryReader {
  public:
    explicit QueryReader(std::string_view query);

    std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high) {
        return reader_.integer(key, low, high);
    }
    // Refuses a request without it.
    std::int64_t required(std::string_view key, std::int64_t low, std::int64_t high);
    std::optional<bool> boolean(std::string_view key) { return reader_.boolean(key); }
    std::optional<std::string> string(std::string_view key) { return reader_.string(key); }
    // As it was written, a number too.
    std::optional<std::string> text(std::string_view key) {
        const nlohmann::json* value = reader_.find(key);
        if (value == nullptr)
            return std::nullopt;
        return value->is_string() ? value->get<std::string>() : value->dump();
    }
    void finish() const { reader_.finish(); }

  private:
    nlohmann::json values_; // whole numbers, true and false as such, the rest as strings
    ObjectReader reader_;
};

} // namespace fulgurite::node
