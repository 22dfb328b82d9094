// SPDX-License-Identifier: Apache-2.0
// The rich event stream for the window and for analysis.
#include "core/node/generate_formatter.h"
#include "core/base/utf8.h"

#include "core/node/json_text.h"
#include "core/node/sse.h"

#include <utility>

namespace fulgurite::node {

GenerateFormatter::GenerateFormatter(const ModelService& service, Options options)
    : service_(service), options_(std::move(options)), tracker_(ThinkingSplitter::resume(options_.turn)) {}

void GenerateFormatter::begin(std::string& out) {
    appendEvent(out, "start", {{"id", options_.id}, {"prompt_tokens", options_.prompt_tokens}});
}

void GenerateFormatter::prefill(std::size_t /*choice*/, const PrefillProgress& progress, std::string& out) {
    appendEvent(out, "prefill",
                {{"reused", progress.reused},
                 {"done", progress.done},
                 {"total", progress.total},
                 {"tokens_per_second", progress.tokens_per_second}});
}

nlohmann::json GenerateFormatter::describe(const TokenRecord& record, const std::string& text) const {
    const auto list = [&](const std::vector<Alternative>& alternatives) {
        nlohmann::json rows = nlohmann::json::array();
        for (const Alternative& other : alternatives) {
            rows.push_back({other.id, finiteLog(other.logprob), replaceInvalidUtf8(service_.bytesOf(other.id))});
        }
        return rows;
    };
    return {{"id", record.id},
            {"text", text},
            {"channel", ""},
            {"logprob", finiteLog(record.logprob)},
            {"logprob_after", finiteLog(record.logprob_after)},
            {"rank", record.rank},
            {"entropy", finiteLog(record.entropy)},
            {"kept", record.kept},
            {"kept_mass", finiteLog(record.kept_mass)},
            {"forced", record.forced},
            {"before", list(record.before)},
            {"after", list(record.after)}};
}

void GenerateFormatter::token(std::size_t /*choice*/, const TokenRecord& record, const std::string& text,
                              std::string& /*out*/) {
    undecided_.push_back(describe(record, text));
    decide(tracker_.push(service_.isSpecial(record.id) ? std::string_view() : service_.bytesOf(record.id)));
}

void GenerateFormatter::decide(const std::vector<StreamChannel>& channels) {
    for (const StreamChannel channel : channels) {
        undecided_.front()["channel"] = nameOf(channel);
        ready_.push_back(std::move(undecided_.front()));
        undecided_.pop_front();
    }
}

void GenerateFormatter::flush(std::string& out) {
    if (!ready_.empty()) {
        appendEvent(out, "token", {{"tokens", std::exchange(ready_, nlohmann::json::array())}});
    }
}

void GenerateFormatter::finish(std::size_t /*choice*/, const GenerationSummary& summary, const std::string& rest,
                               std::string& out) {
    decide(tracker_.finish());
    flush(out);
    appendEvent(out, "done",
                {{"reason", nameOf(summary.reason)},
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
                   {"decode_seconds", summary.decode_seconds}}}});
}

void GenerateFormatter::failed(const ApiError& error, std::string& out) {
    appendEvent(out, "error", error.body());
}

const char* nameOf(StreamChannel channel) {
    switch (channel) {
    case StreamChannel::Thinking:
        return "thinking";
    case StreamChannel::Marker:
        return "marker";
    case StreamChannel::Answer:
        break;
    }
    return "answer";
}

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

} // namespace fulgurite::node
