// SPDX-License-Identifier: Apache-2.0
// The rich event stream for the window and for analysis.
#include "core/node/generate_formatter.h"

#include "core/generate/report_json.h"
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
