// SPDX-License-Identifier: Apache-2.0
// One answer of a server with OpenAI's interface, as it streams in. Thinking is told from the answer in all of its
// spellings: the fields "reasoning_content" and "reasoning", and <think> in the text.
#pragma once

#include "core/base/thinking.h"
#include "core/client/engine_client.h"
#include "core/client/openai_json.h"
#include "core/client/sse_parser.h"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::client {

class OpenAiStream : public HttpHandler {
  public:
    OpenAiStream(std::string where, std::shared_ptr<GenerateListener> listener);

    void onHead(int status, const std::map<std::string, std::string>& headers) override;
    void onBody(std::string_view bytes) override;
    void onEnd() override;
    void onError(const Error& error) override { end(error); }

  private:
    using Clock = std::chrono::steady_clock;

    void onEvent(const std::string& data);
    void take(std::vector<TokenInfo> tokens);
    void decide(TokenInfo token);
    void settle(const std::vector<StreamChannel>& channels);
    void send(std::vector<TokenInfo> tokens);
    void finish();
    void end(const Error& error);

    std::string where_;
    std::shared_ptr<GenerateListener> listener_;
    SseParser parser_;
    std::string body_; // of a refusal
    StreamDone done_;
    ThinkingTracker tracker_;
    std::deque<TokenInfo> undecided_; // may be part of a marker
    std::vector<TokenInfo> ready_;
    std::size_t received_ = 0;
    Clock::time_point asked_ = Clock::now();
    Clock::time_point first_;
    Refusal refusal_; // its status is that of the answer, whatever it is
    bool started_ = false;
    bool ended_ = false;
};

} // namespace fulgurite::client
