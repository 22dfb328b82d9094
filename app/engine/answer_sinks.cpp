// SPDX-License-Identifier: Apache-2.0
#include "app/engine/answer_sinks.h"

#include "core/base/json.h"
#include "core/generate/report_json.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <utility>

namespace fulgurite::app {

namespace {

constexpr const char* kDim = "\x1b[2m";
constexpr const char* kPlain = "\x1b[0m";
// A prompt this short is done before anybody reads its progress.
constexpr std::size_t kLongPrompt = 1024;

std::string withoutControls(const std::string& text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 ? byte != 0x7f : c == '\n' || c == '\t') {
            out += c;
        }
    }
    return out;
}

double rateOf(std::size_t tokens, double seconds) {
    return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

void printEvent(const char* name, nlohmann::json object) {
    object["event"] = name;
    fmt::print("{}\n", dumpJson(object));
    std::fflush(stdout);
}

} // namespace

bool isTerminal(std::FILE* stream) {
    const char* kind = std::getenv("TERM");
    const char* no_colour = std::getenv("NO_COLOR");
    return ::isatty(::fileno(stream)) == 1 && kind != nullptr && std::strcmp(kind, "dumb") != 0 &&
           (no_colour == nullptr || *no_colour == '\0');
}

std::string describe(const GenerationSummary& summary) {
    const std::size_t computed = summary.prompt_tokens - summary.reused_tokens;
    std::string text = fmt::format("prompt {} tokens", summary.prompt_tokens);
    if (summary.reused_tokens > 0) {
        text += fmt::format(" ({} reused)", summary.reused_tokens);
    }
    text += fmt::format(", {:.2f} s ({:.0f} tokens/s); answer {} tokens", summary.prefill_seconds,
                        rateOf(computed, summary.prefill_seconds), summary.completion_tokens);
    if (summary.thinking_tokens > 0) {
        text += fmt::format(" ({} thinking)", summary.thinking_tokens);
    }
    return text + fmt::format(", {:.2f} s ({:.1f} tokens/s)", summary.decode_seconds,
                              rateOf(summary.completion_tokens, summary.decode_seconds));
}

std::string describeEarlyEnd(const GenerationSummary& summary) {
    switch (summary.reason) {
    case FinishReason::MaxTokens:
        return "stopped at --max-tokens";
    case FinishReason::Repetition:
        return "stopped: it was repeating itself";
    case FinishReason::ContextFull:
        return "stopped: the context is full";
    case FinishReason::Cancelled:
        return "stopped";
    case FinishReason::EndOfSentence:
    case FinishReason::StopToken:
    case FinishReason::StopString:
        break;
    }
    return "";
}

TextSink::TextSink(Options options) : options_(options), terminal_(isTerminal(stdout)) {}

TextSink::~TextSink() {
    setDim(false);
    std::fflush(stdout);
}

void TextSink::setDim(bool dim) {
    if (terminal_ && dim != dim_) {
        std::fputs(dim ? kDim : kPlain, stdout);
        dim_ = dim;
    }
}

void TextSink::prefill(const PrefillProgress& progress) {
    if (progress.total - progress.reused < kLongPrompt || !isTerminal(stderr)) {
        return;
    }
    fmt::print(stderr, "\r\x1b[Kreading the prompt: {} of {} tokens, {:.0f} tokens/s", progress.done,
               progress.total, progress.tokens_per_second);
    std::fflush(stderr);
    progress_shown_ = true;
    if (progress.done == progress.total) {
        clearProgress();
    }
}

void TextSink::clearProgress() {
    if (std::exchange(progress_shown_, false)) {
        fmt::print(stderr, "\r\x1b[K");
        std::fflush(stderr);
    }
}

void TextSink::token(const StreamedToken& token) {
    clearProgress();
    last_channel_ = token.channel;
    print(token.channel, token.text);
}

void TextSink::print(Channel channel, const std::string& text) {
    std::string shown = terminal_ ? withoutControls(text) : text;
    if (options_.hide_thinking) {
        if (channel != Channel::Answer) {
            return;
        }
        if (!answer_begun_) { // the line breaks between thinking and answer
            shown.erase(0, std::min(shown.find_first_not_of("\r\n"), shown.size()));
        }
    }
    if (shown.empty()) {
        return;
    }
    answer_begun_ = answer_begun_ || channel == Channel::Answer;
    setDim(channel != Channel::Answer);
    std::fputs(shown.c_str(), stdout);
    std::fflush(stdout);
    at_line_start_ = shown.back() == '\n';
}

void TextSink::finish(const GenerationSummary& summary, const std::string& rest) {
    clearProgress();
    print(last_channel_ == Channel::Thinking ? Channel::Thinking : Channel::Answer, rest);
    setDim(false);
    if (!at_line_start_) {
        std::fputc('\n', stdout);
        at_line_start_ = true;
    }
    std::fflush(stdout);
    if (const std::string why = describeEarlyEnd(summary); !why.empty()) {
        fmt::print(stderr, "({})\n", why);
    }
}

JsonSink::JsonSink(std::shared_ptr<const Tokenizer> tokenizer, std::size_t prompt_tokens, std::uint64_t seed)
    : tokenizer_(std::move(tokenizer)) {
    printEvent("start", {{"prompt_tokens", prompt_tokens}, {"seed", seed}});
}

void JsonSink::prefill(const PrefillProgress& progress) {
    printEvent("prefill", prefillToJson(progress));
}

void JsonSink::token(const StreamedToken& token) {
    printEvent("token", tokenToJson(tokenInfo(token.record, token.text, token.channel,
                                              [this](TokenId id) { return tokenizer_->bytesOf(id); })));
}

void JsonSink::finish(const GenerationSummary& summary, const std::string& rest) {
    printEvent("done", summaryToJson(summary, rest));
}

} // namespace fulgurite::app
