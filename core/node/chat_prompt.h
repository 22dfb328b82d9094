// SPDX-License-Identifier: Apache-2.0
// From messages to the tokens of a prompt.
#pragma once

#include "core/node/model_service.h"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace fulgurite::node {

// Messages that were checked, in the form the template takes.
struct ChatMessages {
    nlohmann::json messages = nlohmann::json::array();
    nlohmann::json tools; // array or null
    // Answers that were sampled here: message index and the exact ids. They replace the text of the message in the
    // rendered prompt, so that it matches what the model has seen, token for token.
    std::vector<std::pair<std::size_t, TokenIds>> sampled;
};

// Throws ApiError 400 with the path of the field. `allow_tokens`: assistant messages may carry "tokens".
ChatMessages readMessages(const nlohmann::json& messages, const nlohmann::json* tools, const ModelFacts& facts,
                          bool allow_tokens);

struct ChatPrompt {
    TokenIds tokens;
    bool opens_thinking = false; // the template's generation prompt ends with "<think>"
};

ChatPrompt renderPrompt(const ModelService& service, const ChatMessages& chat, bool add_generation_prompt);

} // namespace fulgurite::node
