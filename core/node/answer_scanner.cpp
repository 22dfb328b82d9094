// SPDX-License-Identifier: Apache-2.0
// String-based detection of thinking and tool calls.
#include "core/node/answer_scanner.h"

#include <algorithm>

namespace fulgurite::node {

namespace {

constexpr std::string_view kOpenThink = "<think>";
constexpr std::string_view kCloseThink = "</think>";
constexpr std::string_view kOpenTools = "<tool_calls>";
constexpr std::string_view kCloseTools = "</tool_calls>";
constexpr std::string_view kWhiteSpace = " \t\r\n";

void add(std::vector<Segment>& out, Channel channel, std::string_view text) {
    if (text.empty()) {
        return;
    }
    if (!out.empty() && out.back().channel == channel) {
        out.back().text += text;
    } else {
        out.push_back({channel, std::string(text)});
    }
}

} // namespace

const char* nameOf(Channel channel) {
    switch (channel) {
    case Channel::Thinking:
        return "thinking";
    case Channel::Marker:
        return "marker";
    case Channel::Answer:
        break;
    }
    return "answer";
}

std::size_t partialMarkLength(std::string_view text, std::string_view mark) {
    for (std::size_t length = std::min(text.size(), mark.size() - 1); length > 0; --length) {
        if (text.substr(text.size() - length) == mark.substr(0, length)) {
            return length;
        }
    }
    return 0;
}

std::vector<Segment> ThinkScanner::push(std::string_view text) {
    std::vector<Segment> out;
    held_ += text;
    while (!held_.empty() && step(out, false)) {
    }
    return out;
}

std::vector<Segment> ThinkScanner::flush() {
    std::vector<Segment> out;
    while (!held_.empty() && step(out, true)) {
    }
    return out;
}

// Handles the front of held_; false when more text is needed.
bool ThinkScanner::step(std::vector<Segment>& out, bool last) {
    if (state_ == State::Answer) {
        add(out, Channel::Answer, held_);
        held_.clear();
        return false;
    }
    if (state_ == State::Start) {
        const std::size_t begin = std::min(held_.find_first_not_of(kWhiteSpace), held_.size());
        const std::string_view rest = std::string_view(held_).substr(begin);
        if (rest.substr(0, kOpenThink.size()) == kOpenThink) {
            add(out, Channel::Marker, std::string_view(held_).substr(0, begin + kOpenThink.size()));
            held_.erase(0, begin + kOpenThink.size());
            state_ = State::Thinking;
            return true;
        }
        if (!last && kOpenThink.substr(0, rest.size()) == rest) {
            return false;
        }
        state_ = State::Answer;
        return true;
    }
    const std::size_t close = held_.find(kCloseThink);
    if (close != std::string::npos) {
        add(out, Channel::Thinking, std::string_view(held_).substr(0, close));
        add(out, Channel::Marker, kCloseThink);
        held_.erase(0, close + kCloseThink.size());
        state_ = State::Answer;
        return true;
    }
    const std::size_t keep = last ? 0 : partialMarkLength(held_, kCloseThink);
    add(out, Channel::Thinking, std::string_view(held_).substr(0, held_.size() - keep));
    held_.erase(0, held_.size() - keep);
    return false;
}

std::string ToolCallScanner::push(std::string_view text, std::vector<std::string>& blocks) {
    std::string outside;
    held_ += text;
    for (;;) {
        const std::string_view mark = inside_ ? kCloseTools : kOpenTools;
        const std::size_t found = held_.find(mark);
        if (found == std::string::npos) {
            break;
        }
        if (inside_) {
            blocks.push_back(held_.substr(0, found));
        } else {
            outside += held_.substr(0, found);
        }
        held_.erase(0, found + mark.size());
        inside_ = !inside_;
    }
    if (!inside_) {
        const std::size_t keep = partialMarkLength(held_, kOpenTools);
        outside += held_.substr(0, held_.size() - keep);
        held_.erase(0, held_.size() - keep);
    }
    return outside;
}

std::string ToolCallScanner::flush() {
    std::string rest = inside_ ? std::string(kOpenTools) + held_ : held_;
    held_.clear();
    inside_ = false;
    return rest;
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
