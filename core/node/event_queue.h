// SPDX-License-Identifier: Apache-2.0
// The bounded queue between the engine's thread, which must never wait, and one reply on the I/O thread.
#pragma once

#include "core/generate/request.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

namespace fulgurite::node {

struct TokenEvent {
    TokenRecord record;
    std::string text;
};

struct PromptTokenEvent {
    TokenRecord record;
};

struct FinishEvent {
    GenerationSummary summary;
    std::string rest;
};

struct GenerationEvent {
    std::size_t choice = 0;
    std::variant<PrefillProgress, PromptTokenEvent, TokenEvent, FinishEvent, Error> what;
};

// Thread-safe.
class EventQueue {
  public:
    explicit EventQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

    // `wake` is called under the lock when an empty queue got its first event, so after setWake(nullptr) it is
    // never called again. It must only post, not work.
    void setWake(std::function<void()> wake);
    // False when the reader is too far behind: the event is dropped, and so are all later tokens. The end of a
    // generation is always kept. Progress reports replace each other.
    bool push(GenerationEvent event);
    // The oldest events, in order, `limit` at most. When it leaves some behind it calls wake again.
    std::vector<GenerationEvent> drain(std::size_t limit);
    bool overflowed() const;

  private:
    mutable std::mutex mutex_;
    std::function<void()> wake_;
    std::deque<GenerationEvent> events_;
    std::size_t bytes_ = 0;
    std::size_t max_bytes_;
    bool overflowed_ = false;
};

} // namespace fulgurite::node
