// SPDX-License-Identifier: Apache-2.0
// Pieces of OpenAI answers that chat and text completions share.
#pragma once

#include "core/generate/request.h"
#include "core/node/model_service.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fulgurite::node {

// What every object of one answer repeats.
struct AnswerIdentity {
    std::string id;
    std::string model;
    std::int64_t created = 0;

    nlohmann::json object(const char* type) const;
};

AnswerIdentity newAnswer(const std::string& id_prefix, const ModelFacts& facts);

// The served model or ApiError 404. An empty name means the served one.
void checkModelName(const std::string& name, const ModelFacts& facts);

// "stop" or "length".
const char* finishReason(FinishReason reason);
// What ended it more exactly, in our own words or as the stop string; null for an ordinary end of sentence.
nlohmann::json stopReason(const GenerationSummary& summary);

// Sums over the answers of one request. Prompt tokens count once for each prompt.
struct Usage {
    std::size_t prompt_tokens = 0;
    std::size_t reused_tokens = 0;
    std::size_t completion_tokens = 0;
    std::size_t thinking_tokens = 0;

    void add(const GenerationSummary& summary, bool first_of_prompt);
    nlohmann::json json() const;
};

// {"token", "logprob", "bytes", "top_logprobs"} of one token; `top` alternatives. A token that is not whole
// characters reads U+FFFD as text, its bytes are exact.
nlohmann::json chatLogprob(const ModelService& service, const TokenRecord& record, std::size_t top);

// The key of a token in text completions: its text, or "bytes:\xe4\xbd" when it is not whole characters, so that
// keys stay distinct.
std::string completionToken(const ModelService& service, TokenId id);

} // namespace fulgurite::node
