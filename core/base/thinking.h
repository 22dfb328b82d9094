// SPDX-License-Identifier: Apache-2.0
// Tells a model's thinking from its answer. The markers <think> and </think> are ordinary text that may be cut into
// tokens in any way, so detection works on text. A section opens only at the start of an answer: an answer that
// merely speaks of <think> stays an answer.
#pragma once

#include "core/base/token_info.h"

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

inline constexpr std::string_view kThinkingBegin = "<think>";
inline constexpr std::string_view kThinkingEnd = "</think>";

using Channel = StreamChannel;

struct ChannelText {
    Channel channel = Channel::Answer;
    std::string text;
    bool operator==(const ChannelText&) const = default;
};

// Splits streamed text. The concatenation of all results is the text that went in, markers included.
class ThinkingSplitter {
  public:
    ThinkingSplitter() = default;
    // For an answer that goes on: `answer` is its text so far.
    static ThinkingSplitter resume(std::string_view answer);

    // What is decided now; text that may be the beginning of a marker is held back.
    std::vector<ChannelText> push(std::string_view text);
    // No more text: decides what was held back.
    std::vector<ChannelText> finish();

    bool thinking() const { return stage_ == Stage::Thinking; }
    bool holdsBack() const { return !held_.empty(); }

  private:
    enum class Stage : std::uint8_t { Start, Thinking, Answer };

    bool step(std::vector<ChannelText>& out);

    Stage stage_ = Stage::Start;
    std::string held_;
};

// The same for tokens: a token that carries any part of a marker is a marker.
class ThinkingTracker {
  public:
    explicit ThinkingTracker(ThinkingSplitter splitter = {}) : splitter_(std::move(splitter)) {}

    // Takes the text of the next token and returns the channels that are now decided, oldest token first.
    std::vector<Channel> push(std::string_view token_text);
    // No more tokens: the channels of all that are left.
    std::vector<Channel> finish();

    bool thinking() const { return splitter_.thinking(); }
    // The last tokens may be part of a marker.
    bool undecided() const { return !waiting_.empty(); }
    // Tokens inside thinking so far, markers not counted.
    std::size_t thinkingTokens() const { return thinking_tokens_; }

  private:
    struct Waiting {
        std::size_t bytes = 0; // not yet decided
        Channel channel = Channel::Answer;
    };

    std::vector<Channel> settle(const std::vector<ChannelText>& pieces);

    ThinkingSplitter splitter_;
    std::deque<Waiting> waiting_;
    std::size_t thinking_tokens_ = 0;
};

} // namespace fulgurite
