// SPDX-License-Identifier: Apache-2.0
#include "app/engine/ranked_model.h"

#include "app/engine/command.h"
#include "app/engine/device_option.h"
#include "core/base/error.h"
#include "core/base/version.h"
#include "core/model/process_ranks.h"
#include "core/model/weights.h"
#include "core/probe/content_hash.h"
#include "core/state/device_call.h"
#include "kernels/comm/device_ranks.h"

#include <csignal>

namespace fulgurite::app {

namespace {

// One GPU for each process of a machine.
std::shared_ptr<kernels::Device> deviceOfRank(const std::string& name, const kernels::Launch& launch) {
    if (name != "cpu" && name != "cuda") {
        fail(ErrorKind::InvalidInput,
             "--device {}: processes of {} take one GPU each, the first the first; say --device cuda", name,
             launch.launcher);
    }
    return deviceNamed(name == "cpu" ? name : "cuda:" + std::to_string(launch.local_rank));
}

// What this rank computes with, once all have met.
std::shared_ptr<const HybridModel> partOf(const ModelWish& wish, const kernels::Launch& launch,
                                          std::unique_ptr<const ModelWeights> weights, const ShardPlan& plan,
                                          const kernels::RankIdentity& identity,
                                          const std::shared_ptr<kernels::Device>& device,
                                          const std::shared_ptr<kernels::ProcessGroup>& group) {
    std::shared_ptr<kernels::Communicator> comm = group;
    if (device) {
        device->info(); // becomes this thread's
        comm = kernels::joinCudaRanks(launch, identity, *group);
    }
    auto leader = launch.rank == 0 ? std::make_shared<RankLeader>(group) : nullptr;
    auto model =
        std::make_shared<HybridModel>(std::move(weights), wish.ops, plan, std::move(comm), std::move(leader));
    model->placeOn(device, launch.rank == 0 ? printedProgress() : nullptr);
    return model;
}

std::shared_ptr<const HybridModel> loadProcess(const ModelWish& wish, const kernels::Launch& launch) {
    const ShardPlan plan = planOf(wish.ranks);
    auto weights = loadWeights(wish.folder);
    Shard::of(weights->config, plan, launch.rank); // a plan that does not fit is told by every rank by itself
    const auto device = deviceOfRank(wish.device, launch);
    const kernels::RankIdentity identity{kVersion, probe::modelHash(*weights->checkpoint),
                                         plan.text() + " on " + wish.device};
    const auto group =
        std::make_shared<kernels::ProcessGroup>(launch, identity, std::chrono::seconds(wish.ranks.patience));
    try {
        if (launch.rank != 0) {
            // Terminals and launchers send these to all; rank 0 decides, and its end is this rank's.
            std::signal(SIGINT, SIG_IGN);
            std::signal(SIGTERM, SIG_IGN);
        } else if (wish.on_loss) {
            group->onLoss(wish.on_loss);
        }
        auto model =
            onDevice([&] { return partOf(wish, launch, std::move(weights), plan, identity, device, group); });
        if (launch.rank == 0) {
            return model;
        }
        kernels::ThreadPool pool(threadsOfRank(wish.ranks, wish.threads));
        followRanks(*model, *group, pool);
    } catch (const kernels::CommError&) {
        throw;
    } catch (const std::exception& error) {
        group->abort(error.what()); // or the others would wait
        throw;
    }
    throw CLI::RuntimeError(kExitOk);
}

} // namespace

std::shared_ptr<const HybridModel> loadRanked(const ModelWish& wish) {
    const auto launch = launchOf(wish.ranks);
    if (!launch) {
        return HybridModel::load(wish.folder, wish.ops, planOf(wish.ranks), deviceNamed(wish.device),
                                 printedProgress());
    }
    try {
        return loadProcess(wish, *launch);
    } catch (const kernels::CommError& error) {
        fail(ErrorKind::Unavailable, "the ranks did not come together: {}", error.what());
    }
}

} // namespace fulgurite::app
