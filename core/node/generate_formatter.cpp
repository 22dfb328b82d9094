// SPDX-License-Identifier: Apache-2.0
// The rich event stream for the window and for analysis.
#include "core/node/generate_formatter.h"

#include "core/base/utf8.h"
#include "core/generate/report_json.h"
#include "core/node/json_text.h"
#include "core/node/sse.h"

#include <algorithm>
#include <utility>

namespace fulgurite::node {

namespace {
constexpr std::size_t kContinuedEnd = 1024;
}

GenerateFormatter::GenerateFormatter(const ModelService& service, Options options)
    : service_(service), options_(std::move(options)), tracker_(ThinkingSplitter::resume(options_.turn)) {}

void GenerateFormatter::begin(std::string& out) {
    nlohmann::json data{{"id", options_.id}, {"prompt_tokens", options_.prompt_tokens}};
    if (options_.continued) {
        // The bytes of a character that is not whole come with the token that completes it.
        std::string_view text = *options_.continued;
        text.remove_suffix(incompleteUtf8Tail(text));
        const std::string whole = replaceInvalidUtf8(text);
        std::size_t begin = whole.size() - std::min(whole.size(), kContinuedEnd);
        while (begin < whole.size() && (static_cast<unsigned char>(whole[begin]) & 0xC0) == 0x80) {
            ++begin;
        }
        data["text_bytes"] = whole.size();
        data["text_end"] = whole.substr(begin);
    }
    appendEvent(out, "start", data);
}

void GenerateFormatter::prefill(std::size_t /*choice*/, const PrefillProgress& progress, std::string& out) {
    appendEvent(out, "prefill", prefillToJson(progress));
}

void GenerateFormatter::token(std::size_t /*choice*/, const TokenRecord& record, const std::string& text,
                              std::string& /*out*/) {
    undecided_.push_back(
        tokenInfo(record, text, StreamChannel::Answer, [this](TokenId id) { return service_.bytesOf(id); }));
    decide(tracker_.push(service_.isSpecial(record.id) ? std::string_view() : service_.bytesOf(record.id)));
}

void GenerateFormatter::decide(const std::vector<StreamChannel>& channels) {
    for (const StreamChannel channel : channels) {
        undecided_.front().channel = channel;
        ready_.push_back(tokenToJson(undecided_.front()));
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
    appendEvent(out, "done", summaryToJson(summary, rest));
}

void GenerateFormatter::failed(const ApiError& error, std::string& out) {
    appendEvent(out, "error", error.body());
}

} // namespace fulgurite::node
