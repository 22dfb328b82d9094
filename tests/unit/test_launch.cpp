// SPDX-License-Identifier: Apache-2.0
// The variables of mpirun, srun and torchrun, as these set them, and as a person may have broken them.
#include "kernels/comm/communicator.h"
#include "kernels/comm/launch.h"

#include <gmock/gmock.h>
#include <map>

namespace fulgurite::kernels {
namespace {

using testing::HasSubstr;
using Values = std::map<std::string, std::string>;

std::optional<Launch> launchFrom(const Values& values) {
    return launchOf([&](const char* name) {
        const auto found = values.find(name);
        return found == values.end() ? nullptr : found->second.c_str();
    });
}

std::string problemOf(const Values& values) {
    try {
        launchFrom(values);
    } catch (const CommError& error) {
        return error.what();
    }
    return "accepted";
}

void expectLaunch(const Values& values, const char* launcher, int rank, int size, int local, const char* host,
                  int port) {
    const auto launch = launchFrom(values);
    ASSERT_TRUE(launch.has_value());
    EXPECT_EQ(launch->launcher, launcher);
    EXPECT_EQ(launch->rank, rank);
    EXPECT_EQ(launch->size, size);
    EXPECT_EQ(launch->local_rank, local);
    EXPECT_EQ(launch->leader_host, host);
    EXPECT_EQ(launch->leader_port, port);
}

TEST(Launch, NothingIsOneProcess) {
    EXPECT_FALSE(launchFrom({}));
    EXPECT_FALSE(launchFrom({{"RANK", "0"}, {"WORLD_SIZE", "1"}}));
    // A batch script and an interactive allocation have these, and are not started by srun.
    EXPECT_FALSE(launchFrom({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "7"}}));
}

TEST(Launch, TorchrunOverTwoMachines) {
    expectLaunch({{"RANK", "9"},
                  {"WORLD_SIZE", "16"},
                  {"LOCAL_RANK", "1"},
                  {"LOCAL_WORLD_SIZE", "8"},
                  {"MASTER_ADDR", "10.1.2.3"},
                  {"MASTER_PORT", "29400"}},
                 "torchrun", 9, 16, 1, "10.1.2.3", 29400);
}

TEST(Launch, OpenMpiOnOneMachineNeedsNothingElse) {
    expectLaunch({{"OMPI_COMM_WORLD_RANK", "3"},
                  {"OMPI_COMM_WORLD_SIZE", "4"},
                  {"OMPI_COMM_WORLD_LOCAL_RANK", "3"},
                  {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}},
                 "mpirun", 3, 4, 3, "127.0.0.1", 29517);
}

TEST(Launch, MpichAndIntelMpi) {
    expectLaunch({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "0"}, {"MASTER_ADDR", "n1"}}, "mpirun",
                 1, 2, 0, "n1", 29517);
    expectLaunch({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "2"}}, "mpirun", 1, 2, 1, "127.0.0.1",
                 29517);
}

TEST(Launch, SrunFindsRankZeroInTheListOfNodes) {
    Values values{{"SLURM_PROCID", "5"},
                  {"SLURM_STEP_NUM_TASKS", "16"},
                  {"SLURM_LOCALID", "5"},
                  {"SLURM_JOB_ID", "81930"},
                  {"SLURM_STEP_NODELIST", "gpu[07-08]"}};
    expectLaunch(values, "srun", 5, 16, 5, "gpu07", 29517 + 81930 % 8192);
    values["MASTER_ADDR"] = "login";
    values["MASTER_PORT"] = "1234";
    expectLaunch(values, "srun", 5, 16, 5, "login", 1234);
}

TEST(Launch, MpirunInsideOfASlurmJobIsMpirun) {
    const auto launch = launchFrom({{"SLURM_PROCID", "0"},
                                    {"SLURM_STEP_NUM_TASKS", "1"},
                                    {"SLURM_LOCALID", "0"},
                                    {"OMPI_COMM_WORLD_RANK", "2"},
                                    {"OMPI_COMM_WORLD_SIZE", "8"},
                                    {"OMPI_COMM_WORLD_LOCAL_RANK", "2"},
                                    {"OMPI_COMM_WORLD_LOCAL_SIZE", "8"}});
    ASSERT_TRUE(launch);
    EXPECT_EQ(launch->rank, 2);
    EXPECT_EQ(launch->size, 8);
}

TEST(Launch, WhatIsMissingOrWrongIsNamed) {
    EXPECT_THAT(problemOf({{"RANK", "3"}}), HasSubstr("RANK is set, as torchrun does, but WORLD_SIZE is not"));
    EXPECT_THAT(problemOf({{"RANK", "3"}, {"WORLD_SIZE", "eight"}}), HasSubstr("WORLD_SIZE is \"eight\""));
    EXPECT_THAT(problemOf({{"RANK", "8"}, {"WORLD_SIZE", "8"}}),
                HasSubstr("RANK is \"8\": a number from 0 to 7 is expected"));
    EXPECT_THAT(problemOf({{"RANK", "-1"}, {"WORLD_SIZE", "8"}}), HasSubstr("RANK is \"-1\""));
    EXPECT_THAT(problemOf({{"RANK", ""}, {"WORLD_SIZE", "8"}}), HasSubstr("RANK is \"\""));
    EXPECT_THAT(problemOf({{"RANK", "1"}, {"WORLD_SIZE", "99999999999"}}), HasSubstr("WORLD_SIZE"));
    EXPECT_THAT(problemOf({{"RANK", "1"}, {"WORLD_SIZE", "8"}}), HasSubstr("LOCAL_RANK is not"));
    EXPECT_THAT(problemOf({{"RANK", "1"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}}),
                HasSubstr("set MASTER_ADDR (and MASTER_PORT)"));
    EXPECT_THAT(problemOf({{"RANK", "1"},
                           {"WORLD_SIZE", "8"},
                           {"LOCAL_RANK", "1"},
                           {"MASTER_ADDR", "a"},
                           {"MASTER_PORT", "70000"}}),
                HasSubstr("MASTER_PORT is \"70000\""));
}

TEST(Launch, FirstHostOfASlurmList) {
    EXPECT_EQ(firstHost("gpu01"), "gpu01");
    EXPECT_EQ(firstHost("gpu01,gpu02"), "gpu01");
    EXPECT_EQ(firstHost("gpu[03-07,12],x1"), "gpu03");
    EXPECT_EQ(firstHost("gpu[3,5]"), "gpu3");
    EXPECT_EQ(firstHost("a,gpu[3-5]"), "a");
    EXPECT_EQ(firstHost("gpu[3"), "");
    EXPECT_EQ(firstHost(""), "");
}

} // namespace
} // namespace fulgurite::kernels
