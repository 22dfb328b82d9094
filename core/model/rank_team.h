// SPDX-License-Identifier: Apache-2.0
// The ranks of one forward pass as threads of this process, with what each of them needs. Private to core/model.
#pragma once

#include "core/model/hybrid_model.h"
#include "kernels/comm/local_group.h"
#include "kernels/pool.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace fulgurite {

class RankTeam {
  public:
    struct Rank {
        int index = 0;
        std::unique_ptr<kernels::Communicator> comm;
        kernels::ThreadPool pool;
        Workspace workspace;

        Rank(int rank, std::size_t threads) : index(rank), pool(threads) {}
    };
    using Work = std::function<void(Rank&)>;

    // `threads` of all ranks together; every rank has one at least.
    RankTeam(int ranks, std::size_t threads);
    ~RankTeam();
    RankTeam(const RankTeam&) = delete;
    RankTeam& operator=(const RankTeam&) = delete;

    std::size_t size() const { return ranks_.size(); }
    std::size_t threads() const { return threads_; }
    Rank& rank(std::size_t index) { return *ranks_[index]; }
    // Runs `work` on every rank, rank 0's on the calling thread, and returns when all are done. When one fails the
    // others are told; throws what the first of them threw. The team is then broken: make a new one.
    void run(const Work& work);
    bool isBroken() const { return broken_; }

  private:
    void workerLoop(Rank& rank, kernels::LocalGroup& group);
    void perform(Rank& rank, const Work& work);
    void throwFirstFailure();

    std::size_t threads_;
    bool broken_ = false;
    std::vector<std::unique_ptr<Rank>> ranks_;

    std::mutex mutex_; // guards what follows
    std::condition_variable changed_;
    const Work* work_ = nullptr;
    std::uint64_t round_ = 0;
    std::size_t busy_ = 0;
    bool stop_ = false;
    std::vector<std::exception_ptr> failures_; // by rank

    std::vector<std::jthread> workers_; // last: they use all of the above
};

} // namespace fulgurite
