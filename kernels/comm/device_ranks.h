// SPDX-License-Identifier: Apache-2.0
// Ranks that are processes with one GPU each: NCCL, through the CUDA library (kernels/device_library.h).
#pragma once

#include "kernels/comm/communicator.h"
#include "kernels/comm/launch.h"
#include "kernels/comm/process_group.h"

#include <memory>

namespace fulgurite::kernels {

// Waits for the other ranks of the launch, which `group` has brought together. The communicator works on the device
// that is current on this thread, in the order of the queues' work. Throws DeviceError{NotFound} without a CUDA
// library, CommError when that was built without NCCL, when NCCL is not installed, or when ranks do not come or
// disagree.
std::unique_ptr<Communicator> joinCudaRanks(const Launch& launch, const RankIdentity& identity,
                                            ProcessGroup& group);
// The same without a group, at the launch's own port.
std::unique_ptr<Communicator> joinCudaRanks(const Launch& launch, const RankIdentity& identity);

} // namespace fulgurite::kernels
