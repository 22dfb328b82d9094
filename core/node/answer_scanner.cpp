// SPDX-License-Identifier: Apache-2.0
// String-based detection of tool calls.
#include "core/node/answer_scanner.h"

#include "core/base/mark_text.h"

#include <algorithm>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";

} // namespace

std::vector<ScannedText> ToolCallScanner::push(std::string_view text) {
    std::vector<ScannedText> pieces;
    held_ += text;
    for (;;) {
        const std::string_view mark = inside_ ? kCloseTools : kOpenTools;
        const std::size_t found = held_.find(mark);
        if (found == std::string::npos) {
            break;
        }
        pieces.push_back({held_.substr(0, found), inside_, inside_});
        held_.erase(0, found + mark.size());
        inside_ = !inside_;
    }
    const std::size_t keep = begunMark(held_, inside_ ? kCloseTools : kOpenTools);
    pieces.push_back({held_.substr(0, held_.size() - keep), inside_, false});
    held_.erase(0, held_.size() - keep);
    return pieces;
}

ScannedText ToolCallScanner::flush() {
    return {std::exchange(held_, {}), std::exchange(inside_, false), false};
}

std::string EdgeTrimmer::push(std::string_view text) {
    if (!started_) {
        text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
        started_ = !text.empty();
    }
    std::string all = std::move(held_) + std::string(text);
    const std::size_t last = all.find_last_not_of(kWhiteSpace);
    const std::size_t keep = last == std::string::npos ? 0 : last + 1;
    held_ = all.substr(keep);
    all.resize(keep);
    return all;
}

} // namespace fulgurite::node
