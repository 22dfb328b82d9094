// SPDX-License-Identifier: Apache-2.0
#include "core/model/rank_team.h"

#include "core/base/error.h"

#include <algorithm>
#include <string>

namespace fulgurite {

RankTeam::RankTeam(int ranks, std::size_t threads) : threads_(threads), failures_(static_cast<std::size_t>(ranks)) {
    const std::size_t each = std::max<std::size_t>(1, threads / static_cast<std::size_t>(ranks));
    for (int rank = 0; rank < ranks; ++rank) {
        ranks_.push_back(std::make_unique<Rank>(rank, each));
    }
    kernels::LocalGroup group(ranks);
    busy_ = ranks_.size() - 1; // until they have joined
    for (std::size_t rank = 1; rank < ranks_.size(); ++rank) {
        workers_.emplace_back([this, &group, &self = *ranks_[rank]] { workerLoop(self, group); });
    }
    ranks_[0]->comm = group.join(0, {});
    std::unique_lock lock(mutex_); // the group is on this stack
    changed_.wait(lock, [this] { return busy_ == 0; });
}

RankTeam::~RankTeam() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
}

void RankTeam::perform(Rank& rank, const Work& work) {
    try {
        work(rank);
    } catch (const std::exception& error) {
        rank.comm->abort(error.what());
        const std::lock_guard lock(mutex_);
        failures_[static_cast<std::size_t>(rank.index)] = std::current_exception();
    }
}

void RankTeam::workerLoop(Rank& rank, kernels::LocalGroup& group) {
    rank.comm = group.join(rank.index, {});
    std::uint64_t done = 0;
    std::unique_lock lock(mutex_);
    while (true) {
        if (--busy_ == 0) {
            changed_.notify_all();
        }
        changed_.wait(lock, [&] { return stop_ || round_ != done; });
        if (stop_) {
            return;
        }
        done = round_;
        const Work& work = *work_;
        lock.unlock();
        perform(rank, work);
        lock.lock();
    }
}

void RankTeam::run(const Work& work) {
    {
        const std::lock_guard lock(mutex_);
        work_ = &work;
        busy_ = ranks_.size() - 1;
        ++round_;
    }
    changed_.notify_all();
    perform(*ranks_[0], work);
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return busy_ == 0; });
    }
    throwFirstFailure();
}

// The cause, not what the other ranks say about it.
void RankTeam::throwFirstFailure() {
    std::string from_comm;
    for (const std::exception_ptr& failure : failures_) {
        if (failure == nullptr) {
            continue;
        }
        broken_ = true;
        try {
            std::rethrow_exception(failure);
        } catch (const kernels::CommError& error) {
            from_comm = error.what();
        }
    }
    if (broken_) {
        fail(ErrorKind::Unavailable, "the ranks of the model stopped: {}", from_comm);
    }
}

} // namespace fulgurite
