// SPDX-License-Identifier: Apache-2.0
// Reads the inside of a block of tool calls while it is written: one JSON object {"name", "arguments"} on each
// line. The arguments are handed on as they come, in the model's own bytes. What is not a call stays text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

// What has come of one call. Its first piece has an id and the name; every piece may add to the arguments.
struct ToolCallPiece {
    std::size_t call = 0; // of the answer, counted from 0
    std::string id;
    std::string name;
    std::string arguments;
};

// What a piece of text was: pieces of calls, or text.
struct ToolCallText {
    std::vector<ToolCallPiece> calls;
    std::string content;
};

class ToolCallReader {
  public:
    void push(std::string_view text, ToolCallText& out);
    // The block has ended; without its mark when the whole answer has.
    void close(bool with_mark, ToolCallText& out);

    std::size_t count() const { return count_; } // calls that have begun

  private:
    enum class Place {
        Line,      // collected: where the arguments begin is not known, or never
        Arguments, // being handed on
        Behind,    // the arguments have ended, the object around them has not
        Text,      // of a block without calls
    };
    void take(char c, ToolCallText& out);
    void takeArgument(char c, ToolCallText& out);
    void takeBehind(char c);
    bool closes(char c);
    void tryHead(ToolCallText& out);
    void endLine(std::string_view ending, ToolCallText& out);
    void begin(const std::string& name, const std::string& arguments, ToolCallText& out);

    Place place_ = Place::Line;
    std::string line_;
    std::optional<std::string> block_ = std::string(); // all of it, until it is known to have a call
    std::size_t count_ = 0;
    int depth_ = 0; // of open brackets
    bool in_string_ = false;
    bool escaped_ = false;
};

} // namespace fulgurite::node
