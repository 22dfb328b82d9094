// SPDX-License-Identifier: Apache-2.0
// Finds tool calls in a stream of answer text. The marks are ordinary text, not special tokens, and may be split
// over tokens in any way (MiniMax-M1 prompt format), so detection works on the characters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

inline constexpr std::string_view kOpenTools = "<tool_calls>";
inline constexpr std::string_view kCloseTools = "</tool_calls>";

struct ScannedText {
    std::string text;
    bool inside = false; // of a block; otherwise around blocks
    bool closes = false; // the block ends behind it

    bool operator==(const ScannedText&) const = default;
};

// Tells text inside blocks "<tool_calls>...</tool_calls>" from text around them, in order and without the marks.
class ToolCallScanner {
  public:
    std::vector<ScannedText> push(std::string_view text);
    // What was held back because a mark might have begun there.
    ScannedText flush();
    bool inside() const { return inside_; }

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

} // namespace fulgurite::node
