// SPDX-License-Identifier: Apache-2.0
#include "kernels/comm/launch.h"

#include "kernels/comm/communicator.h"

#include <array>
#include <charconv>
#include <cstdlib>

namespace fulgurite::kernels {

namespace {

constexpr std::uint16_t kDefaultPort = 29517;

struct Variables {
    const char* launcher;
    const char* rank;
    const char* size;
    const char* local_rank;
    const char* local_size; // or nullptr: not known
};

constexpr std::array kLaunchers{
    Variables{"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
    Variables{"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
              "OMPI_COMM_WORLD_LOCAL_SIZE"},
    Variables{"mpirun", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
    Variables{"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", nullptr},
};

// The largest number that makes sense for a rank; a typing error is not a million processes.
constexpr int kMostRanks = 65536;

int numberOf(const char* name, const char* text, int least, int most) {
    int value = 0;
    const std::string_view view(text);
    const auto [end, code] = std::from_chars(view.data(), view.data() + view.size(), value);
    if (code != std::errc() || end != view.data() + view.size() || value < least || value > most) {
        throw CommError(-1, std::string(name) + " is \"" + text + "\": a number from " + std::to_string(least) +
                                " to " + std::to_string(most) + " is expected");
    }
    return value;
}

int requiredNumber(const Environment& environment, const Variables& variables, const char* name, int least,
                   int most) {
    const char* text = environment(name);
    if (text == nullptr) {
        throw CommError(-1, std::string(variables.rank) + " is set, as " + variables.launcher + " does, but " +
                                name + " is not: start the program with " + variables.launcher + ", or unset both");
    }
    return numberOf(name, text, least, most);
}

bool allHere(const Environment& environment, const Variables& variables, int size) {
    const char* local = variables.local_size == nullptr ? nullptr : environment(variables.local_size);
    return local != nullptr && std::to_string(size) == local;
}

void findLeader(const Environment& environment, const Variables& variables, Launch& launch) {
    if (const char* port = environment("MASTER_PORT")) {
        launch.leader_port = static_cast<std::uint16_t>(numberOf("MASTER_PORT", port, 1, 65535));
    } else if (const char* job = environment("SLURM_JOB_ID")) {
        // Jobs that share a machine must not share a port.
        constexpr int kPorts = 8192;
        launch.leader_port = static_cast<std::uint16_t>(kDefaultPort + std::atol(job) % kPorts);
    } else {
        launch.leader_port = kDefaultPort;
    }
    const char* nodes = environment("SLURM_STEP_NODELIST");
    if (const char* host = environment("MASTER_ADDR")) {
        launch.leader_host = host;
    } else if (nodes != nullptr && !firstHost(nodes).empty()) {
        launch.leader_host = firstHost(nodes);
    } else if (allHere(environment, variables, launch.size)) {
        launch.leader_host = "127.0.0.1";
    } else {
        throw CommError(-1,
                        std::string("the machine of rank 0 is not known: set MASTER_ADDR (and MASTER_PORT) for all "
                                    "ranks that ") +
                            variables.launcher + " starts");
    }
}

} // namespace

Environment processEnvironment() {
    return [](const char* name) { return std::getenv(name); };
}

std::string firstHost(const std::string& node_list) {
    const std::size_t bracket = node_list.find('[');
    const std::size_t comma = node_list.find(',');
    if (bracket == std::string::npos || comma < bracket) {
        return node_list.substr(0, comma);
    }
    const std::size_t end = node_list.find_first_of("-,]", bracket + 1);
    if (end == std::string::npos) {
        return {};
    }
    return node_list.substr(0, bracket) + node_list.substr(bracket + 1, end - bracket - 1);
}

std::optional<Launch> launchOf(const Environment& environment) {
    for (const Variables& variables : kLaunchers) {
        const char* rank = environment(variables.rank);
        if (rank == nullptr) {
            continue;
        }
        // A batch script is task 0 of its job and yet no step of it: srun alone sets the size of a step.
        if (std::string_view(variables.launcher) == "srun" && environment(variables.size) == nullptr) {
            continue;
        }
        Launch launch;
        launch.launcher = variables.launcher;
        launch.size = requiredNumber(environment, variables, variables.size, 1, kMostRanks);
        launch.rank = numberOf(variables.rank, rank, 0, launch.size - 1);
        if (launch.size == 1) {
            return std::nullopt;
        }
        const char* local = environment(variables.local_rank);
        if (local != nullptr) {
            launch.local_rank = numberOf(variables.local_rank, local, 0, launch.size - 1);
        } else if (allHere(environment, variables, launch.size)) {
            launch.local_rank = launch.rank;
        } else {
            launch.local_rank = requiredNumber(environment, variables, variables.local_rank, 0, launch.size - 1);
        }
        findLeader(environment, variables, launch);
        return launch;
    }
    return std::nullopt;
}

} // namespace fulgurite::kernels
