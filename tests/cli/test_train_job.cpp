// SPDX-License-Identifier: Apache-2.0
// Training as a job of a node, from the client's call to the curves in the node's runs file.
#include "core/base/atomic_file.h"
#include "core/client/jobs_client.h"
#include "core/store/runs/run_reader.h"
#include "tests/support/engine_process.h"
#include "tests/support/golden_models.h"

#include <fmt/format.h>
#include <fstream>
#include <future>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <thread>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

class TrainJob : public testing::Test {
  protected:
    void SetUp() override {
        // The node's own model cannot be loaded; runs and jobs do not ask for one.
        node = std::make_unique<Process>(std::vector<std::string>{"serve", "--model", (folder / "none").string(),
                                                                  "--data", (folder / "data").string(), "--listen",
                                                                  "127.0.0.1:0", "--exit-with-stdin"});
        ASSERT_TRUE(node->waitFor("\n"));
        client::HttpEndpoint endpoint;
        endpoint.host = "127.0.0.1";
        endpoint.port = portOf(node->output());
        jobs = client::connectToJobs(endpoint, "", {});
    }
    static std::uint16_t portOf(const std::string& announcement) {
        return nlohmann::json::parse(announcement).at("port").get<std::uint16_t>();
    }
    nlohmann::json spec(int steps) {
        writeFileAtomically(folder / "model.json", goldenModel('C').config_json);
        writeFileAtomically(folder / "data.json", nlohmann::json(TokenIds(goldenModel('C').prompt)).dump());
        return {{"method", "pretrain"},
                {"config",
                 {{"fresh", {{"config", (folder / "model.json").string()}}},
                  {"data", {(folder / "data.json").string()}},
                  {"steps", steps},
                  {"sequence", 100},
                  {"batch", 4}}}};
    }
    template <class T, class Ask>
    T answerOf(const Ask& ask) {
        const auto promise = std::make_shared<std::promise<client::Outcome<T>>>();
        const auto call = ask([promise](client::Outcome<T> outcome) { promise->set_value(std::move(outcome)); });
        const client::Outcome<T> outcome = promise->get_future().get();
        if (!outcome.ok())
            throw outcome.error();
        return outcome.value();
    }
    client::NodeJob start(const nlohmann::json& what) {
        return answerOf<client::NodeJob>(
            [&](auto reply) { return jobs->start("train", "tiny", what.dump(), reply); });
    }
    client::NodeJob ended(std::int64_t id) {
        for (int i = 0; i < 6000; ++i) {
            const auto job = answerOf<client::NodeJob>([&](auto reply) { return jobs->show(id, reply); });
            if (job.ended_us)
                return job;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        ADD_FAILURE() << "job " << id << " does not end";
        return {};
    }

    TemporaryFolder folder;
    std::unique_ptr<Process> node;
    std::unique_ptr<client::JobsClient> jobs;
};

TEST_F(TrainJob, LeavesItsCurvesInTheNodesRunsFile) {
    const client::NodeJob job = ended(start(spec(4)).id);
    ASSERT_EQ(job.state, client::NodeJobState::Finished) << job.message;
    RunReader reader(folder / "data" / "runs.fulgurite");
    ASSERT_EQ(reader.runs().size(), 1u);
    const RunRecord run = reader.runs()[0];
    EXPECT_EQ(run.status, RunStatus::Finished);
    EXPECT_EQ(job.run, run.uuid); // how a window finds the run of a job
    EXPECT_EQ(run.source_uri, job.folder + "/run");
    EXPECT_EQ(reader.findSeries(run.id, "train.loss")->points, 4);
    const auto log = answerOf<client::JobLogPiece>([&](auto reply) { return jobs->log(job.id, 0, reply); });
    EXPECT_THAT(log.text, HasSubstr("step 4/4"));
}

// A batch cannot be cut, and what was learnt since the last checkpoint is lost with a kill.
TEST_F(TrainJob, IsGivenTimeForSeveralOfItsSteps) {
    const client::NodeJob job = start(spec(1'000'000));
    const std::filesystem::path log = std::filesystem::path(job.folder) / "run/metrics.jsonl";
    for (int i = 0; i < 3000 && !std::filesystem::exists(log); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::ofstream(log, std::ios::app) << R"({"perf.step_time": 100})" << std::endl; // one that took long
    const auto stopping = answerOf<client::NodeJob>([&](auto reply) { return jobs->stop(job.id, reply); });
    ASSERT_TRUE(stopping.kill_us);
    EXPECT_GT(*stopping.kill_us, job.created_us + 400'000'000);
    EXPECT_EQ(ended(job.id).state, client::NodeJobState::Stopped);
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(job.folder) / "run/checkpoints")) << "it saved";
}

TEST_F(TrainJob, WhatTheTrainerRefusesIsTheJobsMessage) {
    nlohmann::json wrong = spec(4);
    wrong["config"]["sede"] = 1;
    const client::NodeJob job = ended(start(wrong).id);
    EXPECT_EQ(job.state, client::NodeJobState::Failed);
    EXPECT_THAT(job.message, HasSubstr("no field \"sede\"; the nearest is \"seed\""));
    EXPECT_THROW(start({{"method", "dance"}, {"config", nlohmann::json::object()}}), Error);
    EXPECT_THROW(start({{"method", "sft"}}), Error);
}

} // namespace
} // namespace fulgurite::test
