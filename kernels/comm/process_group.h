// SPDX-License-Identifier: Apache-2.0
// Ranks that are processes on processors, over TCP: what local_group.h is for threads. All of them are connected
// with rank 0, which adds up in the order of ranks and gives every rank the same bits, those that threads would
// get.
//
// Beside the collective calls rank 0 can tell the others what to do next. A death, or abort(), ends every call of
// the others with a CommError that names the rank; see rendezvous.h.
#pragma once

#include "kernels/comm/communicator.h"
#include "kernels/comm/launch.h"
#include "kernels/comm/rendezvous.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace fulgurite::kernels {

class ProcessGroup final : public Communicator {
  public:
    // Returns when all ranks of the launch are there and agree. Throws CommError, the same on every rank that came.
    ProcessGroup(const Launch& launch, const RankIdentity& identity,
                 std::chrono::milliseconds timeout = Rendezvous::kDefaultTimeout);
    ~ProcessGroup() override;

    int rank() const override;
    int size() const override;
    // In the host's memory.
    void allReduceSum(float* data, std::size_t count, Queue& queue) override;
    void allReduceSumBf16(std::uint16_t* data, std::size_t count, Queue& queue) override;
    void allGather(const void* mine, void* all, std::size_t bytes, Queue& queue) override;
    void broadcast(void* data, std::size_t bytes, int root, Queue& queue) override;
    void barrier(Queue& queue) override;
    void check() override;
    void abort(const std::string& reason) noexcept override;

    // Rank 0 tells every other rank; these hear it, in the order of all calls. hear() waits as long as it takes.
    void tell(const std::string& order);
    std::string hear();

    // Called once, on a thread of the group, when another rank has died or aborted; at once if that has happened.
    void onLoss(std::function<void(const CommError&)> lost);

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace fulgurite::kernels
