// SPDX-License-Identifier: Apache-2.0
#include "app/engine/rank_options.h"

#include "core/base/error.h"
#include "kernels/comm/communicator.h"
#include "kernels/comm/launch.h"

#include <algorithm>
#include <optional>

namespace fulgurite::app {

namespace {

constexpr int kMostRanks = 64; // threads of one process

std::optional<kernels::Launch> launched() {
    try {
        return kernels::launchOf(kernels::processEnvironment());
    } catch (const kernels::CommError& error) {
        fail(ErrorKind::InvalidInput, "{}", error.what());
    }
}

} // namespace

void addRankOptions(CLI::App& command, RankOptions& options) {
    const char* group = "Ranks";
    command.add_option("--ranks", options.ranks, "Split the model over so many ranks: threads of this process")
        ->check(CLI::Range(1, kMostRanks))
        ->group(group);
    command
        .add_option("--expert-split", options.experts,
                    "width: every rank has a part of each expert; whole: every rank has some experts")
        ->check(CLI::IsMember({"width", "whole"}))
        ->capture_default_str()
        ->group(group);
}

ShardPlan planOf(const RankOptions& options) {
    if (options.ranks == 0) {
        if (const auto launch = launched()) {
            fail(ErrorKind::Unsupported,
                 "this is rank {} of {} that {} has started: one process for each rank needs one GPU for each, and "
                 "this engine computes on the CPU; start one process with --ranks {}, or give --ranks 1 when the "
                 "processes have nothing to do with each other",
                 launch->rank, launch->size, launch->launcher, launch->size);
        }
    }
    return {std::max(1, options.ranks), options.experts == "whole" ? ExpertSplit::Whole : ExpertSplit::Width};
}

} // namespace fulgurite::app
