// SPDX-License-Identifier: Apache-2.0
// The data of supervised tuning: conversations in the model's chat format, with a target only where the assistant
// speaks.
#pragma once

#include "core/train/sample_order.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

// What turns messages into text and text into ids.
struct ChatEncoding {
    // Of the first messages of a conversation; with `reply`, up to where the assistant begins to speak.
    std::function<std::string(const nlohmann::ordered_json& messages, bool reply)> render;
    std::function<TokenIds(std::string_view)> encode;
    TokenIds end_ids; // an answer ends with the first of these; what the template puts behind it is no target

    // The chat template and tokenizer of a model folder.
    static ChatEncoding load(const std::filesystem::path& tokenizer, TokenIds end_ids);
};

struct Conversation {
    TokenIds tokens;
    TokenIds targets;
};

// An assistant's message with "weight": 0 is context and no target. An answer is tokenized apart from what stands
// before it, as it is when the model writes it. Throws Error{InvalidInput} for messages without an assistant's, and
// where the template shows an earlier part of the conversation differently once more has been said, so that no one
// row of tokens can teach all answers.
Conversation encodeConversation(const nlohmann::ordered_json& messages, const ChatEncoding& encoding);

class Conversations : public TrainingData {
  public:
    // `.jsonl` files of {"messages": [{"role", "content"}, ...]}. Conversations longer than `longest` tokens are
    // cut there; those without a target left are left out. Throws Error{InvalidInput} that names file and line.
    Conversations(std::span<const std::filesystem::path> files, const ChatEncoding& encoding, std::size_t longest);

    std::uint64_t count() const override { return all_.size(); }
    std::size_t tokens() const override { return tokens_; }
    std::uint64_t checksum() const override;
    std::size_t append(std::uint64_t index, TokenIds& tokens, TokenIds& targets) const override;

  private:
    void add(Conversation conversation, std::size_t longest);

    std::vector<Conversation> all_;
    std::size_t tokens_ = 0;
};

} // namespace fulgurite
