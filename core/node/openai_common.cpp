// SPDX-License-Identifier: Apache-2.0
// Shared vocabulary of the OpenAI surface.
#include "core/node/openai_common.h"
#include "core/base/utf8.h"

#include "core/base/version.h"
#include "core/node/api_error.h"
#include "core/node/json_text.h"
#include "core/node/sampling_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace fulgurite::node {

nlohmann::json AnswerIdentity::object(const char* type) const {
    return {{"id", id},
            {"object", type},
            {"created", created},
            {"model", model},
            {"system_fingerprint", fmt::format("fulgurite-{}", kVersion)}};
}

AnswerIdentity newAnswer(const std::string& id_prefix, const ModelFacts& facts) {
    return {newId(id_prefix), facts.id, static_cast<std::int64_t>(std::time(nullptr))};
}

void checkModelName(const std::string& name, const ModelFacts& facts) {
    if (!name.empty() && name != facts.id) {
        throw ApiError(
            404,
            fmt::format("the model '{}' is not served here; this node serves '{}'", name.substr(0, 128), facts.id),
            "model", "model_not_found");
    }
}

const char* finishReason(FinishReason reason) {
    switch (reason) {
    case FinishReason::MaxTokens:
    case FinishReason::ContextFull:
    case FinishReason::Repetition:
    case FinishReason::Cancelled:
        return "length";
    case FinishReason::EndOfSentence:
    case FinishReason::StopToken:
    case FinishReason::StopString:
        break;
    }
    return "stop";
}

nlohmann::json stopReason(const GenerationSummary& summary) {
    switch (summary.reason) {
    case FinishReason::StopString:
        return summary.stop_string;
    case FinishReason::StopToken:
        return "stop_token";
    case FinishReason::Repetition:
        return "repetition";
    case FinishReason::ContextFull:
        return "context_full";
    case FinishReason::Cancelled:
        return "cancelled";
    case FinishReason::EndOfSentence:
    case FinishReason::MaxTokens:
        break;
    }
    return nullptr;
}

void Usage::add(const GenerationSummary& summary, bool first_of_prompt) {
    if (first_of_prompt) {
        prompt_tokens += summary.prompt_tokens;
        reused_tokens += summary.reused_tokens;
    }
    completion_tokens += summary.completion_tokens;
    thinking_tokens += summary.thinking_tokens;
}

nlohmann::json Usage::json() const {
    return {{"prompt_tokens", prompt_tokens},
            {"completion_tokens", completion_tokens},
            {"total_tokens", prompt_tokens + completion_tokens},
            {"prompt_tokens_details", {{"cached_tokens", reused_tokens}}},
            {"completion_tokens_details", {{"reasoning_tokens", thinking_tokens}}}};
}

namespace {

nlohmann::json tokenEntry(const ModelService& service, TokenId id, float logprob) {
    const std::string_view bytes = service.bytesOf(id);
    return {{"token", replaceInvalidUtf8(bytes)}, {"logprob", finiteLog(logprob)}, {"bytes", byteList(bytes)}};
}

} // namespace

nlohmann::json chatLogprob(const ModelService& service, const TokenRecord& record, std::size_t top) {
    nlohmann::json entry = tokenEntry(service, record.id, record.logprob);
    nlohmann::json& list = entry["top_logprobs"] = nlohmann::json::array();
    for (std::size_t i = 0; i < std::min(top, record.before.size()); ++i) {
        list.push_back(tokenEntry(service, record.before[i].id, record.before[i].logprob));
    }
    return entry;
}

std::string completionToken(const ModelService& service, TokenId id) {
    const std::string_view bytes = service.bytesOf(id);
    if (isUtf8(bytes)) {
        return std::string(bytes);
    }
    std::string text = "bytes:";
    for (const char c : bytes) {
        text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return text;
}

} // namespace fulgurite::node
