// SPDX-License-Identifier: Apache-2.0
#include "kernels/comm/communicator.h"

namespace fulgurite::kernels {

std::string disagreement(int rank, const RankIdentity& other, const RankIdentity& first) {
    const std::string who = "rank " + std::to_string(rank);
    if (other.version != first.version) {
        return who + " runs version " + other.version + ", rank 0 version " + first.version +
               ": start the same program everywhere";
    }
    if (other.model != first.model) {
        return who + " has loaded model " + other.model + ", rank 0 model " + first.model +
               ": give every rank the same folder";
    }
    if (other.plan != first.plan) {
        return who + " splits the model as \"" + other.plan + "\", rank 0 as \"" + first.plan +
               "\": give every rank the same options";
    }
    return {};
}

} // namespace fulgurite::kernels
