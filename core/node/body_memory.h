// SPDX-License-Identifier: Apache-2.0
// Memory for bodies that are being read or prepared: in all, and for each who sends them, so that one client that
// fills it leaves room for the others. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace fulgurite::node {

class BodyMemory {
  public:
    enum class Answer { Taken, ShareUsed, AllUsed };

    Answer take(const std::string& who, std::uint64_t bytes, std::uint64_t share, std::uint64_t limit) {
        const std::lock_guard lock(mutex_);
        const auto found = shares_.find(who);
        if (total_ + bytes > limit) {
            return Answer::AllUsed;
        }
        if ((found == shares_.end() ? 0 : found->second) + bytes > share) {
            return Answer::ShareUsed;
        }
        total_ += bytes;
        shares_[who] += bytes;
        return Answer::Taken;
    }
    void give(const std::string& who, std::uint64_t bytes) {
        const std::lock_guard lock(mutex_);
        total_ -= bytes;
        const auto found = shares_.find(who);
        if (found != shares_.end() && (found->second -= bytes) == 0) {
            shares_.erase(found);
        }
    }

  private:
    std::mutex mutex_;
    std::uint64_t total_ = 0;
    std::map<std::string, std::uint64_t> shares_; // none is zero
};

// What one request has taken; given back when it is gone, on whatever thread that happens.
class BodyLease {
  public:
    BodyLease(std::shared_ptr<BodyMemory> memory, std::string who)
        : memory_(std::move(memory)), who_(std::move(who)) {}
    ~BodyLease() {
        if (taken_ > 0) {
            memory_->give(who_, taken_);
        }
    }
    BodyLease(const BodyLease&) = delete;
    BodyLease& operator=(const BodyLease&) = delete;

    BodyMemory::Answer growTo(std::uint64_t bytes, std::uint64_t share, std::uint64_t limit) {
        if (bytes <= taken_) {
            return BodyMemory::Answer::Taken;
        }
        const BodyMemory::Answer answer = memory_->take(who_, bytes - taken_, share, limit);
        taken_ = answer == BodyMemory::Answer::Taken ? bytes : taken_;
        return answer;
    }

  private:
    std::shared_ptr<BodyMemory> memory_;
    std::string who_;
    std::uint64_t taken_ = 0;
};

} // namespace fulgurite::node
