// SPDX-License-Identifier: Apache-2.0
// Writes the event stream of /fulgurite/v1/generate: every token with its numbers.
#pragma once

#include "core/node/answer_scanner.h"
#include "core/node/generation_job.h"
#include "core/node/openai_common.h"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

// Says for each token of an answer whether it belongs to the thinking, to the answer or to a mark between them. A
// token that touches a mark is a marker. Tokens that may still turn out to be part of a mark are held back.
class ChannelTracker {
  public:
    explicit ChannelTracker(bool opens_thinking) : scanner_(opens_thinking) {}

    // Channels of the oldest undecided tokens that are now certain.
    std::vector<Channel> push(std::string_view token_bytes);
    // Of all that are left.
    std::vector<Channel> flush();

  private:
    struct Pending {
        std::size_t bytes = 0; // not classified yet
        bool seen = false;     // `channel` is set
        Channel channel = Channel::Answer;
    };

    std::vector<Channel> take(const std::vector<Segment>& segments);

    ThinkScanner scanner_;
    std::deque<Pending> pending_;
    Channel last_ = Channel::Answer;
};

class GenerateFormatter final : public ReplyFormatter {
  public:
    struct Options {
        std::string id;
        std::size_t prompt_tokens = 0;
        bool opens_thinking = false;
        TokenIds continue_tokens; // the answer so far decides whether we are inside its thinking
    };

    GenerateFormatter(const ModelService& service, Options options);

    bool streams() const override { return true; }
    void begin(std::string& out) override;
    void prefill(std::size_t choice, const PrefillProgress& progress, std::string& out) override;
    void token(std::size_t choice, const TokenRecord& record, const std::string& text, std::string& out) override;
    void flush(std::string& out) override;
    void finish(std::size_t choice, const GenerationSummary& summary, const std::string& rest,
                std::string& out) override;
    void end(std::string& /*out*/) override {}
    void failed(const ApiError& error, std::string& out) override;

  private:
    nlohmann::json describe(const TokenRecord& record, const std::string& text) const;
    void decide(const std::vector<Channel>& channels);

    const ModelService& service_;
    Options options_;
    ChannelTracker tracker_;
    std::deque<nlohmann::json> undecided_;
    nlohmann::json ready_ = nlohmann::json::array();
};

// "end_of_sentence", "stop_token", ...
const char* nameOf(FinishReason reason);

} // namespace fulgurite::node
