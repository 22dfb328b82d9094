// SPDX-License-Identifier: Apache-2.0
// Writes answers of /v1/completions: one object, or a stream of chunks.
#pragma once

#include "core/node/generation_job.h"
#include "core/node/openai_common.h"

#include <optional>
#include <string>
#include <vector>

namespace fulgurite::node {

struct CompletionFormat {
    AnswerIdentity identity;
    std::vector<std::string> prompts; // their texts, for echo; one for each prompt
    std::size_t choices = 1;          // for each prompt
    bool stream = false;
    bool include_usage = false;
    bool echo = false;
    bool echo_only = false; // "max_tokens": 0 with echo: the one token that was generated is not shown
    std::optional<std::size_t> logprobs;
};

// Choice i answers prompt i / choices.
class CompletionFormatter final : public ReplyFormatter {
  public:
    CompletionFormatter(const ModelService& service, CompletionFormat format);

    bool streams() const override { return format_.stream; }
    void promptToken(std::size_t choice, const TokenRecord& record) override;
    // Sends what prompts are scored so far: one may be longer than there is memory for.
    void flush(std::string& out) override;
    void token(std::size_t choice, const TokenRecord& record, const std::string& text, std::string& out) override;
    void finish(std::size_t choice, const GenerationSummary& summary, const std::string& rest,
                std::string& out) override;
    void end(std::string& out) override;
    void failed(const ApiError& error, std::string& out) override;
    std::size_t heldBytes() const override { return format_.stream ? 0 : held_bytes_; }

  private:
    // OpenAI's parallel lists.
    struct Logprobs {
        nlohmann::json tokens = nlohmann::json::array();
        nlohmann::json token_logprobs = nlohmann::json::array();
        nlohmann::json top_logprobs = nlohmann::json::array();
        nlohmann::json text_offset = nlohmann::json::array();
    };
    struct Choice {
        std::string text; // shown and not yet sent, or all of it when not streaming
        bool echoed = false;
        bool answered = false; // its first token, or its end, has come
        Logprobs logprobs;
        std::size_t offset = 0; // characters before the next token
        nlohmann::json finish_reason;
        nlohmann::json stop_reason;
    };

    void echo(std::size_t index);
    void beginAnswer(std::size_t index);
    void addLogprob(Choice& choice, const TokenRecord& record);
    nlohmann::json choiceObject(std::size_t index) const;
    void send(std::size_t index, std::string& out);

    const ModelService& service_;
    CompletionFormat format_;
    std::vector<Choice> choices_;
    Usage usage_;
    std::size_t held_bytes_ = 0;
};

} // namespace fulgurite::node
