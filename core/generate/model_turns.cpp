// SPDX-License-Identifier: Apache-2.0
#include "core/generate/model_turns.h"

#include "core/base/error.h"

#include <chrono>

namespace fulgurite {

namespace {

std::exception_ptr shuttingDown() {
    return std::make_exception_ptr(Error(ErrorKind::Unavailable, "the engine is shutting down"));
}

} // namespace

void ModelTurns::take(const TurnWork& work) {
    Entry entry{&work, nullptr, false};
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) {
            std::rethrow_exception(shuttingDown());
        }
        waiting_.push_back(&entry);
    }
    wake_();
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [&] { return entry.done; });
    if (entry.error) {
        std::rethrow_exception(entry.error);
    }
}

bool ModelTurns::wanted() const {
    const std::lock_guard lock(mutex_);
    return !waiting_.empty();
}

void ModelTurns::afterRound(double seconds, bool busy, kernels::ThreadPool& pool, std::size_t tokens) {
    owed_ = busy ? owed_ - seconds : 0;
    Entry* entry = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (owed_ > 0 || waiting_.empty()) {
            return;
        }
        entry = waiting_.front();
        waiting_.pop_front();
    }
    const auto begin = std::chrono::steady_clock::now();
    try {
        (*entry->work)(pool, tokens);
    } catch (...) {
        entry->error = std::current_exception();
    }
    owed_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    {
        const std::lock_guard lock(mutex_);
        entry->done = true;
        finished_.notify_all(); // under the lock: the entry is gone as soon as its owner sees `done`
    }
}

void ModelTurns::stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (Entry* entry : waiting_) {
        entry->error = shuttingDown();
        entry->done = true;
    }
    waiting_.clear();
    finished_.notify_all();
}

} // namespace fulgurite
