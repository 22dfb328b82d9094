// SPDX-License-Identifier: Apache-2.0
// Parsing JSON that may be hostile, which json_field.h then reads, and writing JSON that is always valid.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace fulgurite {

// Throws Error{Corrupt} with line and column when `text` is not JSON or nests deeper than `max_depth`.
nlohmann::json parseJson(std::string_view text, const std::string& name, std::size_t max_depth = 128);

// The check of parseJson alone, for what parses by itself.
void requireJsonDepth(std::string_view text, const std::string& name, std::size_t max_depth);

// One line; bytes that are not UTF-8, which texts of people and models may hold, become U+FFFD.
std::string dumpJson(const nlohmann::json& value);

} // namespace fulgurite
