// SPDX-License-Identifier: Apache-2.0
// The model of a command, wherever it computes: in this process alone, on ranks that are its threads, or as one
// rank of a launch of processes.
#pragma once

#include "app/engine/rank_options.h"
#include "core/model/hybrid_model.h"
#include "kernels/comm/communicator.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace fulgurite::app {

struct ModelWish {
    std::filesystem::path folder;
    const kernels::OpTable& ops = kernels::bestCpuOps();
    RankOptions ranks;
    std::string device = "cpu"; // of processes: "cuda" is one GPU for each
    std::size_t threads = 0;
    // Rank 0 of a launch: called once when another rank has died, on some thread.
    std::function<void(const kernels::CommError&)> on_loss = nullptr;
};

// Waits for the other ranks of a launch. On rank 0 what is returned is, to the caller, the whole model. Every other
// rank works for it and returns never: when rank 0 is done it ends the command with success, and when a rank has
// died or disagrees with Error{Unavailable}, which names that rank.
std::shared_ptr<const HybridModel> loadRanked(const ModelWish& wish);

} // namespace fulgurite::app
