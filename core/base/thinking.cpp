// SPDX-License-Identifier: Apache-2.0
#include "core/base/thinking.h"

#include "core/base/mark_text.h"

#include <algorithm>
#include <utility>

namespace fulgurite {

namespace {

constexpr std::string_view kSpace = " \t\r\n";

} // namespace

ThinkingSplitter ThinkingSplitter::resume(std::string_view answer) {
    ThinkingSplitter splitter;
    splitter.push(answer);
    return splitter;
}

std::vector<ChannelText> ThinkingSplitter::push(std::string_view text) {
    held_ += text;
    std::vector<ChannelText> out;
    while (!held_.empty() && step(out)) {
    }
    return out;
}

// Decides the front of what is held; false when more text is needed.
bool ThinkingSplitter::step(std::vector<ChannelText>& out) {
    const auto take = [&](Channel channel, std::size_t bytes) {
        if (bytes > 0) {
            out.push_back({channel, held_.substr(0, bytes)});
            held_.erase(0, bytes);
        }
    };
    if (stage_ == Stage::Answer) {
        take(Channel::Answer, held_.size());
        return false;
    }
    if (stage_ == Stage::Thinking) {
        const std::size_t end = held_.find(kThinkingEnd);
        if (end == std::string::npos) {
            take(Channel::Thinking, held_.size() - begunMark(held_, kThinkingEnd));
            return false;
        }
        take(Channel::Thinking, end);
        take(Channel::Marker, kThinkingEnd.size());
        stage_ = Stage::Answer;
        return true;
    }
    take(Channel::Answer, std::min(held_.find_first_not_of(kSpace), held_.size()));
    if (held_.starts_with(kThinkingBegin)) {
        take(Channel::Marker, kThinkingBegin.size());
        stage_ = Stage::Thinking;
        return true;
    }
    if (kThinkingBegin.starts_with(held_)) {
        return false; // nothing yet, or the beginning of a marker
    }
    stage_ = Stage::Answer;
    return true;
}

std::vector<ChannelText> ThinkingSplitter::finish() {
    std::vector<ChannelText> out;
    if (!held_.empty()) {
        out.push_back({thinking() ? Channel::Thinking : Channel::Answer, std::exchange(held_, {})});
    }
    return out;
}

std::vector<Channel> ThinkingTracker::push(std::string_view token_text) {
    waiting_.push_back({token_text.size(), thinking() ? Channel::Thinking : Channel::Answer});
    return settle(splitter_.push(token_text));
}

std::vector<Channel> ThinkingTracker::finish() {
    return settle(splitter_.finish());
}

std::vector<Channel> ThinkingTracker::settle(const std::vector<ChannelText>& pieces) {
    std::vector<Channel> decided;
    const auto release = [&] {
        while (!waiting_.empty() && waiting_.front().bytes == 0) {
            decided.push_back(waiting_.front().channel);
            thinking_tokens_ += waiting_.front().channel == Channel::Thinking ? 1 : 0;
            waiting_.pop_front();
        }
    };
    release();
    for (const ChannelText& piece : pieces) {
        for (std::size_t left = piece.text.size(); left > 0 && !waiting_.empty();) {
            Waiting& token = waiting_.front();
            const std::size_t bytes = std::min(left, token.bytes);
            token.bytes -= bytes;
            left -= bytes;
            token.channel = token.channel == Channel::Marker ? Channel::Marker : piece.channel;
            if (token.bytes == 0 && left > 0) {
                release();
            }
        }
    }
    release();
    return decided;
}

} // namespace fulgurite
