// SPDX-License-Identifier: Apache-2.0
// Ranks that are threads of this process and compute on its CPUs.
#pragma once

#include "kernels/comm/communicator.h"

#include <chrono>
#include <memory>

namespace fulgurite::kernels {

class LocalGroup {
  public:
    // A rank that has not come to a call `timeout` after the first one is taken for dead.
    static constexpr std::chrono::milliseconds kDefaultTimeout = std::chrono::minutes(10);
    explicit LocalGroup(int size, std::chrono::milliseconds timeout = kDefaultTimeout);
    ~LocalGroup();
    LocalGroup(const LocalGroup&) = delete;
    LocalGroup& operator=(const LocalGroup&) = delete;

    // Each rank once, on its thread. Waits for the others; throws CommError when one of them does not come or has
    // another identity. The communicator may outlive the group; destroying it is leaving.
    std::unique_ptr<Communicator> join(int rank, const RankIdentity& identity);

  private:
    struct Shared;
    class Member;
    std::shared_ptr<Shared> shared_;
};

} // namespace fulgurite::kernels
