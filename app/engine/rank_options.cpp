// SPDX-License-Identifier: Apache-2.0
#include "app/engine/rank_options.h"

#include "core/base/error.h"
#include "core/base/system_memory.h"
#include "kernels/comm/communicator.h"

#include <algorithm>
#include <thread>

namespace fulgurite::app {

namespace {

constexpr int kMostRanks = 64; // threads of one process

// Whether all ranks are on this machine.
bool sharesMachine(const kernels::Launch& launch) {
    return launch.leader_host == "127.0.0.1" || launch.leader_host == "::1" || launch.leader_host == "localhost";
}

} // namespace

void addRankOptions(CLI::App& command, RankOptions& options) {
    const char* group = "Ranks";
    command
        .add_option("--ranks", options.ranks,
                    "Split the model over so many ranks, threads of this process; processes that mpirun, srun or "
                    "torchrun has started are ranks without it")
        ->check(CLI::Range(1, kMostRanks))
        ->group(group);
    command
        .add_option("--expert-split", options.experts,
                    "width: every rank has a part of each expert; whole: every rank has some experts")
        ->check(CLI::IsMember({"width", "whole"}))
        ->capture_default_str()
        ->group(group);
    command
        .add_option("--rank-timeout", options.patience,
                    "Seconds that the processes of a launch (mpirun, srun, torchrun) wait for each other")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str()
        ->group(group);
}

std::optional<kernels::Launch> launchOf(const RankOptions& options) {
    if (options.ranks != 0) {
        return std::nullopt;
    }
    try {
        return kernels::launchOf(kernels::processEnvironment());
    } catch (const kernels::CommError& error) {
        fail(ErrorKind::InvalidInput, "{}", error.what());
    }
}

ShardPlan planOf(const RankOptions& options) {
    const auto launch = launchOf(options);
    return {launch ? launch->size : std::max(1, options.ranks),
            options.experts == "whole" ? ExpertSplit::Whole : ExpertSplit::Width};
}

std::size_t threadsOfRank(const RankOptions& options, std::size_t wanted) {
    const auto launch = launchOf(options);
    if (wanted != 0 || !launch || !sharesMachine(*launch)) {
        return wanted;
    }
    return std::max<std::size_t>(1, std::thread::hardware_concurrency() / static_cast<std::size_t>(launch->size));
}

std::size_t memoryOfRank(const RankOptions& options, const std::string& device, std::size_t wanted) {
    const auto launch = launchOf(options);
    if (wanted != 0 || !launch || !sharesMachine(*launch) || device != "cpu") {
        return wanted;
    }
    return availableMemory() / 2 / static_cast<std::size_t>(launch->size);
}

} // namespace fulgurite::app
