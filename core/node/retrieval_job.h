// SPDX-License-Identifier: Apache-2.0
// Long work on a collection: how far it is, and how it is paused, gone on with and cancelled.
#pragma once

#include "core/base/error.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace fulgurite::node {

enum class RetrievalAction { Pause, Resume, Cancel };
enum class RetrievalState { Running, Paused, Done, Failed, Cancelled };

const char* nameOf(RetrievalState state); // "running", ...
// Throws Error{InvalidInput} that lists the names.
RetrievalAction retrievalActionOf(const std::string& name);

// As it stands.
struct RetrievalJob {
    std::string id;
    std::string kind; // "ingest" or "evaluation"
    RetrievalState state = RetrievalState::Running;
    std::size_t done = 0;
    std::size_t total = 0;
    double per_second = 0; // 0: nothing measured yet
    double seconds_left = 0;
    std::string message; // what failed, or what was left out
    std::string record;  // of an evaluation that is done

    bool live() const { return state == RetrievalState::Running || state == RetrievalState::Paused; }
};

// The work itself. A pause ends the run; going on begins it again, and it passes over what is done already.
class RetrievalWork {
  public:
    struct Result {
        std::string message;
        std::string record;
    };
    // Tells how far it is, and throws Error{Cancelled} when `stop` ends it.
    using Work = std::function<Result(const std::function<void(std::size_t done, std::size_t total)>& progress,
                                      const std::stop_token& stop)>;

    RetrievalWork(std::string id, std::string kind, Work work);

    RetrievalJob state() const;
    // Throws Error{InvalidInput} for what its state does not allow. True: it has to be queued again.
    bool steer(RetrievalAction action);
    // On the working thread; returns when it has ended or stands still.
    void run(const std::stop_token& closing);

  private:
    using Clock = std::chrono::steady_clock;
    void progress(std::size_t done, std::size_t total);

    const Work work_;
    mutable std::mutex mutex_;
    RetrievalJob job_;
    std::stop_source stop_;
    Clock::time_point begun_;
    std::size_t done_before_ = 0; // when this run of it began to do something new
    bool measuring_ = false;
};

} // namespace fulgurite::node
