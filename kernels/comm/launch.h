// SPDX-License-Identifier: Apache-2.0
// How this process was started: by itself, or as one rank of many by mpirun, srun or torchrun.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace fulgurite::kernels {

struct Launch {
    std::string launcher; // "torchrun", "mpirun", "srun"
    int rank = 0;
    int size = 1;
    int local_rank = 0;      // among those on this machine: which GPU it takes
    std::string leader_host; // of rank 0
    std::uint16_t leader_port = 0;
};

// The value of an environment variable, or nullptr.
using Environment = std::function<const char*(const char* name)>;
Environment processEnvironment();

// Nothing when no launcher has set its variables, or for a single process. In this order, since mpirun and torchrun
// also run inside of Slurm jobs:
//   torchrun   RANK, WORLD_SIZE, LOCAL_RANK
//   Open MPI   OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK
//   MPICH, Intel MPI   PMI_RANK, PMI_SIZE, MPI_LOCALRANKID
//   Slurm      SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID
// The leader is MASTER_ADDR and MASTER_PORT; without them the first host of SLURM_STEP_NODELIST, or this machine
// when all ranks are on it, and a port made from SLURM_JOB_ID or 29517. Throws CommError that names the variable
// which is missing or wrong.
std::optional<Launch> launchOf(const Environment& environment);

// "node[03-07,12],x1" -> "node03": the first host of a Slurm list.
std::string firstHost(const std::string& node_list);

} // namespace fulgurite::kernels
