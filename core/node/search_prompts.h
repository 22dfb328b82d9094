// SPDX-License-Identifier: Apache-2.0
// The answer of /fulgurite/v1/search-prompts: the lines that the model wrote, as one JSON object.
#pragma once

#include "core/node/chat_formatter.h"
#include "core/node/generation_job.h"

#include <cstddef>
#include <string>

namespace fulgurite::node {

class SearchPromptsFormatter final : public ReplyFormatter {
  public:
    // `opens_thinking`: the prompt ends inside of thinking, which is left out of the answer.
    SearchPromptsFormatter(std::size_t count, bool opens_thinking);

    bool streams() const override { return false; }
    void token(std::size_t choice, const TokenRecord& record, const std::string& text, std::string& out) override;
    void finish(std::size_t choice, const GenerationSummary& summary, const std::string& rest,
                std::string& out) override;
    void end(std::string& out) override;
    void failed(const ApiError& error, std::string& out) override;
    std::size_t heldBytes() const override { return answer_.size(); }

  private:
    std::size_t count_;
    ChatSplitter splitter_;
    std::string answer_;
    Usage usage_;
};

} // namespace fulgurite::node
