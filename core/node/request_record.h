// SPDX-License-Identifier: Apache-2.0
// One request from its head to the last byte of its answer: who asked, what was computed, how it ended. Told to the
// journal once, at the end.
#pragma once

#include "core/node/access.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace fulgurite::node {

class RequestJournal;

class RequestRecord {
  public:
    using Clock = std::chrono::steady_clock;

    explicit RequestRecord(std::shared_ptr<RequestJournal> journal) : journal_(std::move(journal)) {}
    ~RequestRecord() { finish(); }
    RequestRecord(const RequestRecord&) = delete;
    RequestRecord& operator=(const RequestRecord&) = delete;

    // Set before the request is handed on, and constant from then on.
    std::string id; // X-Request-Id
    std::string peer;
    std::string method;
    std::string path;
    std::string route; // as in the table of routes
    Scope scope = Scope::Open;
    std::shared_ptr<const Caller> who; // null: nobody we know
    bool entered = false;              // counts among those its caller has running
    std::string prompt;                // the body, for a log that is asked to show it
    Clock::time_point began = Clock::now();

    // I/O thread.
    void answered(int status) { status_ = status; }
    void refusedWith(std::string code) { refusal_ = std::move(code); }
    int status() const { return status_; }
    const std::string& refusal() const { return refusal_; }

    // Any thread, as it happens: a client that leaves has used what was computed for it.
    void tokens(std::uint64_t prompt_tokens, std::uint64_t reused_tokens, std::uint64_t completion_tokens);
    std::uint64_t promptTokens() const { return prompt_tokens_; }
    std::uint64_t reusedTokens() const { return reused_tokens_; }
    std::uint64_t completionTokens() const { return completion_tokens_; }
    // Seconds from the head to the first token; negative: there was none.
    double firstTokenSeconds() const { return first_token_seconds_; }

    // Work that goes on although its client has left keeps the caller's place taken: each keepPlace() wants one
    // leavePlace(). Any thread.
    void keepPlace() { ++places_; }
    void leavePlace();

    // I/O thread: before the last bytes go out, so that the next request of this client finds its place free. Later
    // calls do nothing.
    void finish();

  private:
    std::shared_ptr<RequestJournal> journal_;
    std::atomic<bool> finished_ = false;
    std::atomic<int> places_ = 1; // the answer's own, and those of work for it
    int status_ = 0; // 0: the client left before it had an answer
    std::string refusal_;
    std::atomic<std::uint64_t> prompt_tokens_ = 0;
    std::atomic<std::uint64_t> reused_tokens_ = 0;
    std::atomic<std::uint64_t> completion_tokens_ = 0;
    std::atomic<double> first_token_seconds_ = -1;
};

} // namespace fulgurite::node
