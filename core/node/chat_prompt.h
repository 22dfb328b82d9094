// SPDX-License-Identifier: Apache-2.0
// From messages to the tokens of a prompt.
#pragma once

#include "core/generate/chat_tokens.h"
#include "core/node/model_service.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace fulgurite::node {

// Messages that were checked, in the form the template takes.
struct ChatMessages {
    nlohmann::json messages = nlohmann::json::array();
    nlohmann::ordered_json tools;        // array or null
    std::vector<SampledMessage> sampled; // answers that were sampled here
};

// Throws ApiError 400 with the path of the field. `allow_tokens`: assistant messages may carry "tokens".
ChatMessages readMessages(const nlohmann::json& messages, const nlohmann::ordered_json* tools,
                          const ModelFacts& facts, bool allow_tokens);

struct ChatPrompt {
    TokenIds tokens;
    bool opens_thinking = false; // the template's generation prompt ends with "<think>"
};

ChatPrompt renderPrompt(const ModelService& service, const ChatMessages& chat, bool add_generation_prompt);

} // namespace fulgurite::node
