// SPDX-License-Identifier: Apache-2.0
#include "core/generate/report_json.h"

#include "core/base/utf8.h"

#include <utility>

namespace fulgurite {

const char* nameOf(FinishReason reason) {
    switch (reason) {
    case FinishReason::EndOfSentence:
        return "end_of_sentence";
    case FinishReason::StopToken:
        return "stop_token";
    case FinishReason::StopString:
        return "stop_string";
    case FinishReason::MaxTokens:
        return "max_tokens";
    case FinishReason::Repetition:
        return "repetition";
    case FinishReason::ContextFull:
        return "context_full";
    case FinishReason::Cancelled:
        break;
    }
    return "cancelled";
}

TokenInfo tokenInfo(const TokenRecord& record, std::string text, StreamChannel channel,
                    const std::function<std::string_view(TokenId)>& bytesOf) {
    const auto candidates = [&](const std::vector<Alternative>& alternatives) {
        std::vector<Candidate> list;
        list.reserve(alternatives.size());
        for (const Alternative& each : alternatives) {
            list.push_back({each.id, each.logprob, replaceInvalidUtf8(bytesOf(each.id))});
        }
        return list;
    };
    TokenInfo token;
    token.id = record.id;
    token.text = std::move(text);
    token.channel = channel;
    token.logprob = record.logprob;
    token.logprob_after = record.logprob_after;
    token.rank = record.rank;
    token.entropy = record.entropy;
    token.kept = record.kept;
    token.kept_mass = record.kept_mass;
    token.forced = record.forced;
    token.before = candidates(record.before);
    token.after = candidates(record.after);
    return token;
}

nlohmann::json prefillToJson(const PrefillProgress& progress) {
    return {{"reused", progress.reused},
            {"done", progress.done},
            {"total", progress.total},
            {"tokens_per_second", progress.tokens_per_second}};
}

nlohmann::json summaryToJson(const GenerationSummary& summary, const std::string& rest) {
    return {{"reason", nameOf(summary.reason)},
            {"stop_string", summary.stop_string},
            {"rest", rest},
            {"usage",
             {{"prompt_tokens", summary.prompt_tokens},
              {"reused_tokens", summary.reused_tokens},
              {"completion_tokens", summary.completion_tokens},
              {"thinking_tokens", summary.thinking_tokens}}},
            {"timings",
             {{"queue_seconds", summary.queue_seconds},
              {"prefill_seconds", summary.prefill_seconds},
              {"decode_seconds", summary.decode_seconds}}}};
}

} // namespace fulgurite
