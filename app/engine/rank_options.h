// SPDX-License-Identifier: Apache-2.0
// How a command splits its model over ranks.
#pragma once

#include "core/model/shard.h"
#include "kernels/comm/launch.h"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace fulgurite::app {

struct RankOptions {
    int ranks = 0; // 0: as the launcher says, else one
    std::string experts = "width";
    std::size_t patience = 600; // seconds that ranks which are processes wait for each other
};

void addRankOptions(CLI::App& command, RankOptions& options);

// The launch that this process is one rank of: mpirun, srun or torchrun has started it as one of several, and
// --ranks does not say what it is to be by itself. Throws Error{InvalidInput} for variables that make no sense.
std::optional<kernels::Launch> launchOf(const RankOptions& options);

// How the model is split, over processes or over threads of this one.
ShardPlan planOf(const RankOptions& options);

// Threads and memory for states where nothing else is asked for: processes on one machine share it. 0 is left to
// the engine.
std::size_t threadsOfRank(const RankOptions& options, std::size_t wanted);
std::size_t memoryOfRank(const RankOptions& options, const std::string& device, std::size_t wanted);

} // namespace fulgurite::app
