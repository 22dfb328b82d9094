// SPDX-License-Identifier: Apache-2.0
// Ranks that compute one model together: what they say to each other. Behind it are threads of one process
// (local_group.h) or, in the CUDA library, NCCL between processes.
//
// Collective calls: every rank makes the same calls in the same order with the same sizes. Pointers are in the
// memory in which the rank's operations compute. A call returns when its result may be read.
//
// Errors: when a rank dies, leaves, does not come in time or calls something else, every other rank gets a
// CommError that names it, from the call that it waits in or makes next. The communicator is then of no more use.
#pragma once

#include "kernels/ops.h"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace fulgurite::kernels {

class CommError : public std::runtime_error {
  public:
    CommError(int rank, const std::string& message) : std::runtime_error(message), rank_(rank) {}
    // Whose fault it is; -1 when nobody's alone.
    int rank() const { return rank_; }

  private:
    int rank_;
};

class Communicator {
  public:
    virtual ~Communicator() = default;

    virtual int rank() const = 0;
    virtual int size() const = 0;

    // The sum over all ranks, in place: in float32, with the same bits on every rank and in every run (among
    // threads, in the order of ranks). The second is of bfloat16.
    virtual void allReduceSum(float* data, std::size_t count, Queue& queue) = 0;
    virtual void allReduceSumBf16(std::uint16_t* data, std::size_t count, Queue& queue) = 0;
    // all[r * bytes ...] = `mine` of rank r, for every r. `all` may not overlap `mine`.
    virtual void allGather(const void* mine, void* all, std::size_t bytes, Queue& queue) = 0;
    // data = that of rank `root`.
    virtual void broadcast(void* data, std::size_t bytes, int root, Queue& queue) = 0;
    // Returns when all ranks have called it.
    virtual void barrier(Queue& queue) = 0;

    // For a device that is still at work when a call returns: throws when what it has computed means nothing
    // because a rank has failed meanwhile. To be called after waiting for the queue.
    virtual void check() {}

    // This rank cannot go on: every call of the others fails with this rank's number and `reason`. Never throws.
    virtual void abort(const std::string& reason) noexcept = 0;
};

// What ranks must agree on before they compute.
struct RankIdentity {
    std::string version; // of the program
    std::string model;   // hash of the configuration and the weights
    std::string plan;    // how the model is split
};

// Empty when `other`, of rank `rank`, is that of rank 0; else a sentence that names the rank, both values and what
// to do.
std::string disagreement(int rank, const RankIdentity& other, const RankIdentity& first);

} // namespace fulgurite::kernels
