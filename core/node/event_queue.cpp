// SPDX-License-Identifier: Apache-2.0
// Bounded hand-over of generation events.
#include "core/node/event_queue.h"

#include <utility>

namespace fulgurite::node {

namespace {

std::size_t bytesOf(const TokenRecord& record) {
    return (record.before.capacity() + record.after.capacity()) * sizeof(Alternative);
}

std::size_t bytesOf(const GenerationEvent& event) {
    std::size_t bytes = sizeof(GenerationEvent);
    if (const auto* token = std::get_if<TokenEvent>(&event.what)) {
        bytes += bytesOf(token->record) + token->text.size();
    } else if (const auto* prompt = std::get_if<PromptTokenEvent>(&event.what)) {
        bytes += bytesOf(prompt->record);
    }
    return bytes;
}

bool isEnd(const GenerationEvent& event) {
    return std::holds_alternative<FinishEvent>(event.what) || std::holds_alternative<Error>(event.what);
}

bool isProgress(const GenerationEvent& event) {
    return std::holds_alternative<PrefillProgress>(event.what);
}

} // namespace

void EventQueue::setWake(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
    if (wake_ && !events_.empty()) {
        wake_();
    }
}

bool EventQueue::push(GenerationEvent event) {
    const std::lock_guard lock(mutex_);
    if (isProgress(event) && !events_.empty() && isProgress(events_.back()) &&
        events_.back().choice == event.choice) {
        events_.back() = std::move(event);
        return true;
    }
    const std::size_t bytes = bytesOf(event);
    if (!isEnd(event) && (overflowed_ || bytes_ + bytes > max_bytes_)) {
        overflowed_ = true;
        return false;
    }
    bytes_ += bytes;
    events_.push_back(std::move(event));
    if (events_.size() == 1 && wake_) {
        wake_();
    }
    return true;
}

std::vector<GenerationEvent> EventQueue::drain(std::size_t limit) {
    const std::lock_guard lock(mutex_);
    std::vector<GenerationEvent> taken;
    while (!events_.empty() && taken.size() < limit) {
        bytes_ -= bytesOf(events_.front());
        taken.push_back(std::move(events_.front()));
        events_.pop_front();
    }
    if (!events_.empty() && wake_) {
        wake_();
    }
    return taken;
}

bool EventQueue::overflowed() const {
    const std::lock_guard lock(mutex_);
    return overflowed_;
}

} // namespace fulgurite::node
