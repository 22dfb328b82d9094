// SPDX-License-Identifier: Apache-2.0
// Writes the event stream of /fulgurite/v1/generate: every token with its numbers.
#pragma once

#include "core/base/thinking.h"
#include "core/node/generation_job.h"
#include "core/node/openai_common.h"

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::node {

class GenerateFormatter final : public ReplyFormatter {
  public:
    struct Options {
        std::string id;
        std::size_t prompt_tokens = 0;
        std::string turn; // text of the answer so far, and "<think>" first when the prompt itself opens it
        std::optional<std::string> continued; // text of the tokens that the answer goes on from
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
    void decide(const std::vector<StreamChannel>& channels);

    const ModelService& service_;
    Options options_;
    ThinkingTracker tracker_;
    std::deque<TokenInfo> undecided_; // whose channel is not known yet
    nlohmann::json ready_ = nlohmann::json::array();
};

} // namespace fulgurite::node
