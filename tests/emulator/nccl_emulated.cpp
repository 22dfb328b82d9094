// SPDX-License-Identifier: Apache-2.0
// In place of NCCL: the emulated device's memory is the host's and its work is done when a call returns, so processes
// with one emulated device each can meet over TCP. What is tested so is everything around NCCL's own calls.
#include "kernels/comm/process_group.h"

extern "C" __attribute__((visibility("default"))) fulgurite::kernels::Communicator*
fulgurite_join_nccl(const fulgurite::kernels::Launch* launch, const fulgurite::kernels::RankIdentity* identity) {
    return new fulgurite::kernels::ProcessGroup(*launch, *identity);
}
