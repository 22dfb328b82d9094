// SPDX-License-Identifier: Apache-2.0
// Brings the processes of one launch together: they find each other, find out whether they agree, get the bytes
// that a library needs to connect them (NCCL's id), and hear from then on when one of them dies. Over TCP, all with
// rank 0; for networks whose machines trust each other, such as a cluster's.
#pragma once

#include "kernels/comm/communicator.h"
#include "kernels/comm/launch.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

namespace fulgurite::kernels {

class Rendezvous {
  public:
    // Ranks may come late: some machines read the weights faster than others.
    static constexpr std::chrono::milliseconds kDefaultTimeout = std::chrono::minutes(10);

    // Returns when all ranks are there and agree. Throws CommError, the same on every rank that came, with the
    // ranks that did not come or the one that disagrees.
    Rendezvous(const Launch& launch, const RankIdentity& identity,
               std::chrono::milliseconds timeout = kDefaultTimeout);
    ~Rendezvous(); // a goodbye: the others do not take it for a death
    Rendezvous(const Rendezvous&) = delete;
    Rendezvous& operator=(const Rendezvous&) = delete;

    // Every rank gets rank 0's bytes, at most 32 KiB; all ranks call it. Before watch().
    void share(std::span<std::byte> bytes);

    // `lost` is called once, on a thread of the rendezvous, when another rank has died or aborted.
    void watch(std::function<void(const CommError&)> lost);
    // This rank cannot go on; the others hear its number and `reason`. Never throws.
    void abort(const std::string& reason) noexcept;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace fulgurite::kernels
