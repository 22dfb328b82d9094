// SPDX-License-Identifier: Apache-2.0
// Strict reading of a JSON object: every field has a type and a range, and a key nobody asked for is refused with
// the nearest known name.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

// Refusals are ApiError 400 whose `param` is the path of the field: "messages[2].content". A null counts as absent,
// as OpenAI clients send it. The object must outlive the reader.
class ObjectReader {
  public:
    ObjectReader(const nlohmann::json& object, std::string path);

    // nullptr when absent or null. Marks the key as known.
    const nlohmann::json* find(std::string_view key);
    std::optional<double> number(std::string_view key, double low, double high);
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high);
    std::optional<std::uint64_t> seed(std::string_view key); // any 64-bit integer, signed or not
    std::optional<bool> boolean(std::string_view key);
    std::optional<std::string> string(std::string_view key);
    const nlohmann::json* array(std::string_view key);
    const nlohmann::json* object(std::string_view key);

    // Accepted with any value and without effect.
    void ignore(std::initializer_list<std::string_view> keys);
    // Known but not offered: refused unless absent or null, with the reason.
    void unsupported(std::string_view key, std::string_view reason);
    // Call last: refuses what was never asked for.
    void finish() const;

    std::string pathOf(std::string_view key) const;

  private:
    const nlohmann::json& object_;
    std::string path_;
    std::vector<std::string> known_;
};

// Token ids in [0, vocab_size); `path` names the field. Throws ApiError 400.
std::vector<std::int32_t> readTokenIds(const nlohmann::json& value, const std::string& path,
                                       std::int64_t vocab_size);

} // namespace fulgurite::node
