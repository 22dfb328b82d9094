// SPDX-License-Identifier: Apache-2.0
// Reading a configuration that a person wrote: JSON with comments, every field typed and checked, and a field that
// nobody asked for refused with the nearest name that exists.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

// All throw Error{InvalidInput} that begins with the file and the field. A field without fallback must be there.
class ConfigFields {
  public:
    static ConfigFields parse(std::string_view text, const std::string& name);

    bool has(const std::string& key);
    std::int64_t integer(const std::string& key, std::int64_t min, std::int64_t max,
                         std::optional<std::int64_t> fallback = {});
    double number(const std::string& key, double min, double max, std::optional<double> fallback = {});
    bool flag(const std::string& key, bool fallback);
    std::string text(const std::string& key, std::optional<std::string> fallback = {});
    std::vector<std::string> texts(const std::string& key);
    // One of `names`; the index.
    std::size_t choice(const std::string& key, const std::vector<std::string>& names, std::size_t fallback);
    ConfigFields object(const std::string& key); // an empty one when missing
    std::vector<ConfigFields> objects(const std::string& key);
    // Call last: refuses what was not asked for.
    void finish() const;

  private:
    ConfigFields(nlohmann::json json, std::string where) : json_(std::move(json)), where_(std::move(where)) {}
    const nlohmann::json* find(const std::string& key);
    [[noreturn]] void missing(const std::string& key) const;
    [[noreturn]] void wrong(const std::string& key, const std::string& expected) const;

    nlohmann::json json_;
    std::string where_;
    std::vector<std::string> known_;
};

// Of `names` the one that takes the fewest edits to become `word`.
std::string nearestName(const std::string& word, const std::vector<std::string>& names);

} // namespace fulgurite
