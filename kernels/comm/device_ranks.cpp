// SPDX-License-Identifier: Apache-2.0
#include "kernels/comm/device_ranks.h"

#include "kernels/comm/socket_address.h"
#include "kernels/device_library.h"

namespace fulgurite::kernels {

std::unique_ptr<Communicator> joinCudaRanks(const Launch& launch, const RankIdentity& identity) {
    using Join = Communicator* (*)(const Launch*, const RankIdentity*);
    const auto join = reinterpret_cast<Join>(cudaEntry("fulgurite_join_nccl"));
    if (join == nullptr) {
        throw CommError(-1, cudaLibraryPath().string() +
                                " was built without NCCL: build it where nccl.h is, or use one GPU");
    }
    return std::unique_ptr<Communicator>(join(&launch, &identity));
}

std::unique_ptr<Communicator> joinCudaRanks(const Launch& launch, const RankIdentity& identity,
                                            ProcessGroup& group) {
    ThreadPool pool(1);
    Queue queue(pool);
    Launch second = launch; // the launch's port is taken by the group
    if (launch.rank == 0) {
        second.leader_port = portOf(listenOn(0)); // free until a moment ago
    }
    group.broadcast(&second.leader_port, sizeof(second.leader_port), 0, queue);
    return joinCudaRanks(second, identity);
}

} // namespace fulgurite::kernels
