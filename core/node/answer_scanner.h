// SPDX-License-Identifier: Apache-2.0
// Finds tool calls in a stream of answer text. The marks are ordinary text, not special tokens, and may be split
// over tokens in any way (MiniMax-M1 prompt format), so detection works on the characters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

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

} // namespace fulgurite::node
