// SPDX-License-Identifier: Apache-2.0
// A lock that is given in the order in which it is asked for: whoever lets go and asks again stands behind all who
// waited meanwhile. So long work that lets go between its batches holds nobody up for longer than one of them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace fulgurite::cascade {

class Turns {
  public:
    void lock() {
        std::unique_lock guard(mutex_);
        const std::uint64_t mine = next_++;
        changed_.wait(guard, [&] { return serving_ == mine; });
    }
    void unlock() {
        {
            const std::lock_guard guard(mutex_);
            ++serving_;
        }
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t next_ = 0;
    std::uint64_t serving_ = 0;
};

} // namespace fulgurite::cascade
