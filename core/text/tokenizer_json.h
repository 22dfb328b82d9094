// SPDX-License-Identifier: Apache-2.0
// tokenizer.json taken apart while it is parsed: its two big tables never become JSON values, which would cost most
// of the time to load.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fulgurite {

struct TokenizerJson {
    nlohmann::json rest;                                     // everything but the two tables, which are null in it
    std::vector<std::pair<std::string, std::int64_t>> vocab; // model.vocab: spelling and id
    std::vector<std::pair<std::string, std::string>> merges; // model.merges: left and right
};

// Throws Error{Corrupt}.
TokenizerJson parseTokenizerJson(std::string_view text, const std::string& name);

} // namespace fulgurite
