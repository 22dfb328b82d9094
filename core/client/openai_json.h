// SPDX-License-Identifier: Apache-2.0
// Bodies and stream chunks of OpenAI's /v1/chat/completions and /v1/completions.
#pragma once

#include "core/client/engine_types.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::client {

// What such a server cannot be asked: tokens instead of text, going on inside an answer.
std::optional<Error> refusedByOpenAi(const GenerateRequest& request);
// Of a request that is not refused. `server`: what it offers and how long its model's context is.
std::string openAiBody(const GenerateRequest& request, const std::string& model, const EngineInfo& server);
// A part of a stream that says what went wrong.
bool isOpenAiError(std::string_view data);

struct OpenAiChunk {
    std::string id;
    std::vector<TokenInfo> tokens; // without ids; rank 0 where the server reported no probability
    std::string finish_reason;
    std::optional<std::size_t> prompt_tokens; // in the chunk that carries the usage
    std::size_t completion_tokens = 0;
};

OpenAiChunk readOpenAiChunk(std::string_view data, const std::string& where);
std::vector<std::string> readOpenAiModels(std::string_view body, const std::string& where);
// "stop" to "end_of_sentence", "length" to "max_tokens".
std::string finishReasonOf(const std::string& openai_reason);

} // namespace fulgurite::client
