// SPDX-License-Identifier: Apache-2.0
// Lets other work use the model between the rounds of the scheduler, without starving the answers: while some are
// being written, turns get no more of the time than answers do.
#pragma once

#include "kernels/pool.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>

namespace fulgurite {

// `tokens`: as many as one chunk of prefill may run just now. Must not wait for another turn.
using TurnWork = std::function<void(kernels::ThreadPool& pool, std::size_t tokens)>;

class ModelTurns {
  public:
    // `wake` tells the working thread that a turn is wanted; called without any lock held.
    explicit ModelTurns(std::function<void()> wake) : wake_(std::move(wake)) {}

    // From any thread but the working one: waits until the work has run there, in order of arrival, and throws what
    // it threw. Throws Error{Unavailable} once stop() was called.
    void take(const TurnWork& work);

    // The working thread's side.
    bool wanted() const;
    // After a round that took `seconds`. `busy`: answers are being written. Runs at most one turn.
    void afterRound(double seconds, bool busy, kernels::ThreadPool& pool, std::size_t tokens);
    // Ends every wait; no turn runs afterwards.
    void stop();

  private:
    struct Entry {
        const TurnWork* work = nullptr;
        std::exception_ptr error;
        bool done = false;
    };

    std::function<void()> wake_;
    double owed_ = 0; // seconds that answers may still compute before the next turn; the working thread's own

    mutable std::mutex mutex_;
    std::condition_variable finished_;
    std::deque<Entry*> waiting_;
    bool stopped_ = false;
};

} // namespace fulgurite
