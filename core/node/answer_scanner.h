// SPDX-License-Identifier: Apache-2.0
// Finds thinking and tool calls in a stream of answer text. The marks are ordinary text, not special tokens, and
// may be split over tokens in any way (MiniMax-M1 prompt format), so detection works on the characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

enum class Channel : std::uint8_t { Thinking, Answer, Marker };

const char* nameOf(Channel channel);

struct Segment {
    Channel channel = Channel::Answer;
    std::string text;
};

// Splits "<think>...</think>answer". Thinking opens only at the beginning of an answer, after white space at most:
// a "<think>" in the middle of a sentence is text. All bytes come out again, in order, the marks as Marker.
class ThinkScanner {
  public:
    // `inside`: the prompt itself opened the thinking.
    explicit ThinkScanner(bool inside = false) : state_(inside ? State::Thinking : State::Start) {}

    // What is certain now; the possible beginning of a mark is held back.
    std::vector<Segment> push(std::string_view text);
    // What was held back.
    std::vector<Segment> flush();
    bool thinking() const { return state_ == State::Thinking; }

  private:
    enum class State : std::uint8_t { Start, Thinking, Answer };

    bool step(std::vector<Segment>& out, bool last);

    State state_;
    std::string held_;
};

// Cuts whole blocks "<tool_calls>...</tool_calls>" out of answer text.
class ToolCallScanner {
  public:
    // Text outside blocks; the inside of each complete block is appended to `blocks`.
    std::string push(std::string_view text, std::vector<std::string>& blocks);
    // What was held back, an unfinished block with its mark included.
    std::string flush();

  private:
    std::string held_;
    bool inside_ = false;
};

// Drops white space at both ends of a stream of text: at the front at once, at the back by holding it until
// something follows.
class EdgeTrimmer {
  public:
    std::string push(std::string_view text);

  private:
    std::string held_;
    bool started_ = false;
};

// Length of the longest end of `text` that begins `mark` (a whole mark does not count).
std::size_t partialMarkLength(std::string_view text, std::string_view mark);

} // namespace fulgurite::node
