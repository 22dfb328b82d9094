// SPDX-License-Identifier: Apache-2.0
// Ranks that are processes with one GPU each, over NCCL. The library is opened when the first communicator is made,
// so that one GPU needs none of it.
#pragma once

#include "kernels/comm/communicator.h"
#include "kernels/comm/launch.h"

#include <chrono>
#include <memory>

namespace fulgurite::kernels::cuda {

// On the device that is current on this thread. Waits for the other ranks (rendezvous.h); throws CommError when one
// of them does not come, disagrees or has no NCCL. Calls are in the order of the queue's work; those of a rank
// whose peer has died end at once, and their results mean nothing: check() says so.
std::unique_ptr<Communicator> joinNccl(const kernels::Launch& launch, const RankIdentity& identity,
                                       std::chrono::milliseconds timeout);

} // namespace fulgurite::kernels::cuda
