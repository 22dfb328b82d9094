// SPDX-License-Identifier: Apache-2.0
// From messages to the tokens of a prompt, with answers that were sampled here put in token for token.
#pragma once

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

// The exact ids of an assistant message, thinking included. They stand in for its text, so that the prompt agrees
// with what the model has seen and no snapshot is missed because text splits into other tokens.
struct SampledMessage {
    std::size_t index = 0; // in the list of messages
    TokenIds tokens;
};

// What turns messages into text and text into tokens: a template with its tokenizer, or a service that has both.
struct ChatText {
    std::function<std::string(const nlohmann::json& messages)> render;
    std::function<TokenIds(std::string_view text, SpecialTokens special)> encode;
    std::function<bool(TokenId)> is_special;
    std::function<std::string_view(TokenId)> bytes_of;
};

// The template leaves out or repeats a message whose tokens have to be put in as they are.
class UnplacedMessage : public Error {
  public:
    UnplacedMessage(std::size_t index, const std::string& message)
        : Error(ErrorKind::InvalidInput, message), index_(index) {}
    std::size_t index() const { return index_; }

  private:
    std::size_t index_;
};

struct ChatTokens {
    TokenIds tokens;
    std::string text; // as rendered, with marks where tokens were put in
};

// `sampled` by rising index. Texts of other messages, those of assistants aside, that spell out a special token are
// put in as plain text: what a person types must not become the end of their turn. Throws UnplacedMessage, and what
// render() throws.
ChatTokens chatTokens(const ChatText& chat, const nlohmann::json& messages,
                      const std::vector<SampledMessage>& sampled);

TokenIds chatTokens(const ChatTemplate& chat_template, const Tokenizer& tokenizer, const nlohmann::json& messages,
                    const std::vector<SampledMessage>& sampled, bool add_generation_prompt);

} // namespace fulgurite
