// SPDX-License-Identifier: Apache-2.0
// How fast requests are finished while there are any. Time in which nobody wanted anything tells nothing about it: a
// node that was asked for something every quarter of an hour does not need a quarter of an hour for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>

namespace fulgurite {

class FinishRate {
  public:
    using Clock = std::chrono::steady_clock;

    // From now on there is somebody to answer, or there is nobody. Repeated calls do nothing.
    void busy(Clock::time_point now) {
        since_ = since_.value_or(now);
        if (marks_.empty()) {
            marks_.push_back(worked(now));
        }
    }
    void idle(Clock::time_point now) {
        worked_ = worked(now);
        since_.reset();
    }
    void finished(Clock::time_point now) {
        marks_.push_back(worked(now));
        if (marks_.size() > kFinishesKept + 1) {
            marks_.pop_front();
        }
    }
    // Of work, for each of the last few that were finished; nothing before the first.
    std::optional<double> secondsEach(Clock::time_point now) const {
        if (marks_.size() < 2) {
            return std::nullopt;
        }
        const std::chrono::duration<double> time = worked(now) - marks_.front();
        return time.count() / static_cast<double>(marks_.size() - 1);
    }

  private:
    static constexpr std::size_t kFinishesKept = 64;

    // Time in which there was work, up to now.
    Clock::duration worked(Clock::time_point now) const { return worked_ + (since_ ? now - *since_ : now - now); }

    Clock::duration worked_{0};
    std::optional<Clock::time_point> since_; // of the present work
    std::deque<Clock::duration> marks_;      // in time worked: a beginning, and who was finished since
};

} // namespace fulgurite
