// SPDX-License-Identifier: Apache-2.0
// The memory that running sequences, and states on their way in, hold or have been promised. Snapshots live on what
// they leave. Thread-safe.
#pragma once

#include "core/state/sequence_state.h"

#include <cstddef>
#include <mutex>
#include <utility>

namespace fulgurite {

class StateMemory {
  public:
    StateMemory(StateShape shape, std::size_t limit) : shape_(std::move(shape)), limit_(limit) {}

    std::size_t limit() const { return limit_; }
    std::size_t left() const {
        const std::lock_guard lock(mutex_);
        return limit_ - promised_;
    }
    const StateShape& shape() const { return shape_; }

    // A prompt fits when its state and room for one more token do.
    std::size_t neededFor(std::size_t prompt_tokens) const { return shape_.bytesAt(prompt_tokens + 1); }

    // Each sequence carries what it was promised; `bytes` is changed to cover `tokens`. False: there is not enough,
    // nothing is changed.
    bool promise(std::size_t& bytes, std::size_t tokens) {
        const std::size_t wanted = shape_.bytesAt(tokens);
        if (wanted <= bytes) {
            return true;
        }
        const std::lock_guard lock(mutex_);
        if (wanted - bytes > limit_ - promised_) {
            return false;
        }
        promised_ += wanted - bytes;
        bytes = wanted;
        return true;
    }
    // For a state that no sequence has. False: there is not enough.
    bool take(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        if (bytes > limit_ - promised_) {
            return false;
        }
        promised_ += bytes;
        return true;
    }
    void release(std::size_t& bytes) {
        const std::lock_guard lock(mutex_);
        promised_ -= bytes;
        bytes = 0;
    }

  private:
    StateShape shape_;
    std::size_t limit_;
    mutable std::mutex mutex_;
    std::size_t promised_ = 0;
};

} // namespace fulgurite
