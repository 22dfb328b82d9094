// SPDX-License-Identifier: Apache-2.0
#include "core/client/openai_stream.h"

#include "core/client/engine_json.h"

#include <algorithm>
#include <utility>

namespace fulgurite::client {

namespace {

constexpr std::size_t max_error_bytes = 64 * 1024;

double secondsBetween(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

TokenInfo plain(StreamChannel channel, std::string text) {
    TokenInfo token;
    token.channel = channel;
    token.text = std::move(text);
    return token;
}

// Text without scores may hold a marker and more beside it: pieces that begin with '<' and end with '>' can be told
// apart whole.
std::vector<std::string> cutAtMarks(const std::string& text) {
    std::vector<std::string> pieces;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t mark = text.find_first_of("<>", begin + 1);
        const std::size_t end = mark == std::string::npos ? text.size() : text[mark] == '>' ? mark + 1 : mark;
        pieces.push_back(text.substr(begin, end - begin));
        begin = end;
    }
    return pieces;
}

} // namespace

OpenAiStream::OpenAiStream(std::string where, std::shared_ptr<GenerateListener> listener)
    : where_(std::move(where)), listener_(std::move(listener)) {}

void OpenAiStream::onHead(int status, const std::map<std::string, std::string>& headers) {
    refusal_ = refusalOf(status, headers);
}

void OpenAiStream::onBody(std::string_view bytes) {
    if (refusal_.status != 200)
        body_.append(bytes.substr(0, max_error_bytes - std::min(max_error_bytes, body_.size())));
    else
        parser_.push(bytes, [this](const SseEvent& event) { onEvent(event.data); });
}

void OpenAiStream::onEnd() {
    if (refusal_.status != 200) {
        ended_ = true;
        return listener_->onRefused(readError(refusal_.status, body_, where_), refusal_);
    }
    // Some servers say why they end and leave the closing mark out.
    if (!done_.reason.empty() && !ended_)
        return finish();
    end(Error(ErrorKind::Unavailable,
              fmt::format("{}: the connection ended before the answer did. What arrived is kept.", where_)));
}

void OpenAiStream::onEvent(const std::string& data) {
    if (ended_)
        return;
    if (data == "[DONE]")
        return finish();
    if (isOpenAiError(data))
        return end(readError(0, data, where_));
    OpenAiChunk chunk = readOpenAiChunk(data, where_);
    if (!std::exchange(started_, true))
        listener_->onStart({chunk.id, 0, {}, {}});
    if (chunk.prompt_tokens) {
        done_.prompt_tokens = *chunk.prompt_tokens;
        done_.completion_tokens = chunk.completion_tokens;
    }
    if (!chunk.finish_reason.empty())
        done_.reason = finishReasonOf(chunk.finish_reason);
    if (!chunk.tokens.empty())
        take(std::move(chunk.tokens));
}

void OpenAiStream::take(std::vector<TokenInfo> tokens) {
    if (first_ == Clock::time_point())
        first_ = Clock::now();
    for (TokenInfo& token : tokens) {
        if (token.channel != StreamChannel::Answer)
            ready_.push_back(std::move(token)); // from a field of its own
        else if (token.rank > 0)
            decide(std::move(token));
        else
            for (std::string& piece : cutAtMarks(token.text))
                decide(plain(StreamChannel::Answer, std::move(piece)));
    }
    send(std::exchange(ready_, {}));
}

void OpenAiStream::decide(TokenInfo token) {
    const std::string text = token.text;
    undecided_.push_back(std::move(token));
    settle(tracker_.push(text));
}

void OpenAiStream::settle(const std::vector<StreamChannel>& channels) {
    for (const StreamChannel channel : channels) {
        undecided_.front().channel = channel;
        ready_.push_back(std::move(undecided_.front()));
        undecided_.pop_front();
    }
}

void OpenAiStream::send(std::vector<TokenInfo> tokens) {
    if (tokens.empty())
        return;
    done_.thinking_tokens +=
        static_cast<std::size_t>(std::count_if(tokens.begin(), tokens.end(), [](const TokenInfo& token) {
            return token.channel == StreamChannel::Thinking;
        }));
    received_ += tokens.size();
    listener_->onTokens(std::move(tokens));
}

void OpenAiStream::finish() {
    if (done_.reason.empty())
        return end(Error(ErrorKind::InvalidInput, fmt::format("{}: the answer ended without a reason", where_)));
    settle(tracker_.finish());
    send(std::exchange(ready_, {}));
    ended_ = true;
    const auto now = Clock::now();
    const auto first = first_ == Clock::time_point() ? now : first_;
    done_.prefill_seconds = secondsBetween(asked_, first);
    done_.decode_seconds = secondsBetween(first, now);
    if (done_.completion_tokens == 0)
        done_.completion_tokens = received_;
    listener_->onDone(done_);
}

void OpenAiStream::end(const Error& error) {
    if (!std::exchange(ended_, true))
        listener_->onError(error);
}

} // namespace fulgurite::client
