// SPDX-License-Identifier: Apache-2.0
// From messages to the tokens of a prompt, with answers that were sampled here put in token for token.
#pragma once

#include "core/base/types.h"
#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <vector>

namespace fulgurite {

// The exact ids of an assistant message, thinking included. They stand in for its text, so that the prompt agrees
// with what the model has seen and no snapshot is missed because text splits into other tokens.
struct SampledMessage {
    std::size_t index = 0; // in the list of messages
    TokenIds tokens;
};

// `sampled` by rising index. Throws Error{InvalidInput} when the template refuses the messages.
TokenIds chatTokens(const ChatTemplate& chat_template, const Tokenizer& tokenizer, const nlohmann::json& messages,
                    const std::vector<SampledMessage>& sampled, bool add_generation_prompt);

} // namespace fulgurite
