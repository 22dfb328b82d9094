// SPDX-License-Identifier: Apache-2.0
// What is to be run, in the forms that requests under /fulgurite/v1 may have: messages, text or tokens, with the
// answer so far behind them.
#pragma once

#include "core/node/chat_prompt.h"
#include "core/node/model_service.h"
#include "core/node/object_reader.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fulgurite::node {

// The forms a prompt may take; exactly one is present.
struct PromptFields {
    const nlohmann::json* messages = nullptr;
    const nlohmann::json* text = nullptr;
    const nlohmann::json* tokens = nullptr;
    const nlohmann::json* tools = nullptr;
    std::optional<bool> add_generation_prompt; // default: unless an assistant message comes last
};

// All throw ApiError 400 that names the field.
PromptFields readPromptFields(ObjectReader& reader, std::string_view text_key);
// `path`: what stands before the field's name in messages.
ChatPrompt readPrompt(const ModelService& service, const PromptFields& fields, const std::string& path,
                      SpecialTokens special);
// The field "continue_tokens".
TokenIds readContinuation(ObjectReader& reader, const ModelService& service);

// Prompt and answer so far in one list.
struct PromptTokens {
    TokenIds tokens;
    std::size_t prompt = 0; // of them, before the answer
};
PromptTokens readPromptTokens(ObjectReader& reader, const ModelService& service);

} // namespace fulgurite::node
