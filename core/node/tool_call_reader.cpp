// SPDX-License-Identifier: Apache-2.0
#include "core/node/tool_call_reader.h"

#include "core/node/answer_scanner.h"
#include "core/node/json_text.h"
#include "core/node/sampling_fields.h"

#include <iterator>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";
// Where no arguments have begun by then, the line is read when it is whole, so that no line is parsed too often.
constexpr std::size_t kLongestHead = 1024;

bool isBlank(std::string_view text) {
    return text.find_first_not_of(kWhiteSpace) == std::string_view::npos;
}

} // namespace

void ToolCallReader::push(std::string_view text, ToolCallText& out) {
    for (const char c : text) {
        take(c, out);
    }
}

void ToolCallReader::take(char c, ToolCallText& out) {
    if (place_ == Place::Text) {
        out.content += c;
        return;
    }
    if (block_) {
        *block_ += c;
    }
    if (place_ == Place::Arguments) {
        takeArgument(c, out);
        return;
    }
    if (c == '\n') {
        endLine("\n", out);
        return;
    }
    line_ += c;
    if (place_ == Place::Behind) {
        takeBehind(c);
    } else if (c == '{' && line_.size() <= kLongestHead) {
        tryHead(out);
    }
}

void ToolCallReader::takeArgument(char c, ToolCallText& out) {
    const std::size_t call = count_ - 1;
    if (out.calls.empty() || out.calls.back().call != call) {
        out.calls.push_back({call, {}, {}, {}});
    }
    out.calls.back().arguments += c;
    if (closes(c)) {
        place_ = Place::Behind;
        depth_ = 1;
    }
}

// With the call's own bracket the line begins anew: what stands behind it is text, or another call.
void ToolCallReader::takeBehind(char c) {
    if (closes(c)) {
        place_ = Place::Line;
        line_.clear();
    }
}

// Whether the last bracket that was open closes with that character.
bool ToolCallReader::closes(char c) {
    if (in_string_) {
        in_string_ = escaped_ || c != '"';
        escaped_ = !escaped_ && c == '\\';
        return false;
    }
    in_string_ = c == '"';
    depth_ += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    return depth_ == 0;
}

// With its brackets closed the line is a call without arguments exactly where theirs have just been opened.
void ToolCallReader::tryHead(ToolCallText& out) {
    const auto call = nlohmann::ordered_json::parse(line_ + "}}", nullptr, false);
    if (!call.is_object() || call.size() != 2 || !call.contains("name") || !call["name"].is_string() ||
        std::prev(call.end()).key() != "arguments") {
        return;
    }
    begin(call["name"].get<std::string>(), "{", out);
    line_.clear();
    place_ = Place::Arguments;
    depth_ = 1;
    in_string_ = escaped_ = false;
}

void ToolCallReader::begin(const std::string& name, const std::string& arguments, ToolCallText& out) {
    out.calls.push_back({count_++, newId("call_"), name, arguments});
    block_.reset();
}

void ToolCallReader::endLine(std::string_view ending, ToolCallText& out) {
    const std::string line = std::exchange(line_, {});
    place_ = Place::Line;
    in_string_ = escaped_ = false; // a call that was not closed ends with its line
    if (isBlank(line)) {
        return;
    }
    const auto call = nlohmann::ordered_json::parse(line, nullptr, false); // arguments keep their order
    if (call.is_object() && call.contains("name") && call["name"].is_string()) {
        const auto arguments = call.value("arguments", nlohmann::ordered_json::object());
        begin(call["name"].get<std::string>(),
              arguments.is_string() ? arguments.get<std::string>() : arguments.dump(), out);
    } else if (block_) {
        out.content += std::string(kOpenTools) + *std::exchange(block_, {});
        place_ = Place::Text;
    } else {
        out.content += line;
        out.content += ending;
    }
}

void ToolCallReader::close(bool with_mark, ToolCallText& out) {
    if (place_ == Place::Line || place_ == Place::Behind) {
        endLine({}, out);
    }
    if (place_ == Place::Text) {
        out.content += with_mark ? kCloseTools : "";
    } else if (block_ && !with_mark) {
        out.content += std::string(kOpenTools) + *block_; // opened, and nothing in it
    }
    place_ = Place::Line;
    line_.clear();
    block_ = std::string();
}

} // namespace fulgurite::node
