// SPDX-License-Identifier: Apache-2.0
// Search prompts for fusion from a language model: what it is asked, and what is taken from its answer.
// (RAG-Fusion, Rackauckas 2024; the published program asks for four and splits the answer at line ends.)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::retrieval {

inline constexpr std::size_t kFusionPrompts = 4;

// The message to the model: `count` short search queries for `query`, one a line.
std::string fusionRequest(std::string_view query, std::size_t count = kFusionPrompts);

// The first `count` lines of an answer that say something, each once, without list marks ("1.", "-", "*") and
// quotes around them.
std::vector<std::string> fusionPrompts(std::string_view answer, std::size_t count = kFusionPrompts);

} // namespace fulgurite::retrieval
