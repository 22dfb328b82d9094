// SPDX-License-Identifier: Apache-2.0
// How a command splits its model over ranks.
#pragma once

#include "core/model/shard.h"

#include <CLI/CLI.hpp>

#include <string>

namespace fulgurite::app {

struct RankOptions {
    int ranks = 0; // 0: as the launcher says, else one
    std::string experts = "width";
};

void addRankOptions(CLI::App& command, RankOptions& options);

// The plan for ranks that are threads of this process. Throws Error{Unsupported} in a process that mpirun, srun or
// torchrun has started as one of several, unless --ranks says what it is to be by itself.
ShardPlan planOf(const RankOptions& options);

} // namespace fulgurite::app
