// SPDX-License-Identifier: Apache-2.0
// Writes answers of /v1/chat/completions: one object, or a stream of chunks.
#pragma once

#include "core/base/thinking.h"
#include "core/node/answer_scanner.h"
#include "core/node/generation_job.h"
#include "core/node/openai_common.h"
#include "core/node/tool_call_reader.h"

#include <optional>
#include <string>
#include <vector>

namespace fulgurite::node {

struct ChatFormat {
    AnswerIdentity identity;
    std::size_t choices = 1;
    bool stream = false;
    bool include_usage = false;
    bool logprobs = false;
    std::size_t top_logprobs = 0;
    bool parse_tools = false;
    bool opens_thinking = false;
};

// What a piece of an answer adds to its message.
struct ChatDelta {
    std::string reasoning;
    std::string content;
    std::vector<ToolCallPiece> tool_calls;

    bool empty() const { return reasoning.empty() && content.empty() && tool_calls.empty(); }
};

// Sorts the text of one answer into reasoning, content and tool calls.
class ChatSplitter {
  public:
    ChatSplitter(bool opens_thinking, bool parse_tools);

    ChatDelta push(std::string_view text);
    ChatDelta flush();
    std::size_t toolCallCount() const { return calls_.count(); }

  private:
    void sort(const std::vector<ChannelText>& pieces, ChatDelta& delta);
    void addAnswer(std::string_view text, ChatDelta& delta);
    void addOutside(std::string_view text, ChatDelta& delta);
    void addInside(const ScannedText& piece, ChatDelta& delta);

    ThinkingSplitter thinking_;
    ToolCallScanner tools_;
    ToolCallReader calls_;
    EdgeTrimmer reasoning_;
    bool parse_tools_;
    std::string leading_;         // white space before anything else: part of an answer, not of a thought
    bool started_ = false;        // something but white space has come
    bool after_thinking_ = false; // white space between "</think>" and the answer is not part of it
    bool after_tools_ = false;    // nor is what surrounds a block of tool calls
};

class ChatFormatter final : public ReplyFormatter {
  public:
    ChatFormatter(const ModelService& service, ChatFormat format);

    bool streams() const override { return format_.stream; }
    void begin(std::string& out) override;
    void token(std::size_t choice, const TokenRecord& record, const std::string& text, std::string& out) override;
    void finish(std::size_t choice, const GenerationSummary& summary, const std::string& rest,
                std::string& out) override;
    void end(std::string& out) override;
    void failed(const ApiError& error, std::string& out) override;
    std::size_t heldBytes() const override { return format_.stream ? 0 : held_bytes_; }

  private:
    struct Choice {
        ChatSplitter splitter;
        ChatDelta message; // its calls whole
        nlohmann::json logprobs = nlohmann::json::array();
        nlohmann::json finish_reason;
        nlohmann::json stop_reason;
    };

    void add(std::size_t choice, const ChatDelta& delta, nlohmann::json logprobs, std::string& out);
    void keep(Choice& choice, const ChatDelta& delta, nlohmann::json logprobs);
    void chunk(std::size_t choice, nlohmann::json delta, nlohmann::json logprobs, const Choice* finished,
               std::string& out) const;
    nlohmann::json choiceObject(std::size_t index) const;

    const ModelService& service_;
    ChatFormat format_;
    std::vector<Choice> choices_;
    Usage usage_;
    std::size_t held_bytes_ = 0;
};

} // namespace fulgurite::node
