// SPDX-License-Identifier: Apache-2.0
// Runs and jobs through the real server: what a cluster job reports with curl and what the window asks for.
#include "core/node/job_service.h"
#include "core/node/runs_service.h"
#include "core/store/runs/runs_file.h"
#include "tests/node/node_fixture.h"
#include "tests/unit/temporary_folder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace fulgurite::node::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

JobCommand shell(const json& spec, const std::filesystem::path&) {
    if (!spec.contains("script"))
        fail(ErrorKind::InvalidInput, "spec.script is missing");
    return {"/bin/sh", "-c", spec.at("script").get<std::string>()};
}

class RunsApi : public NodeTest {
  protected:
    void SetUp() override {
        runs_ = std::make_unique<RunsService>(folder_ / "runs.fulgurite");
        JobServiceLimits limits;
        limits.running = 2;
        limits.grace = std::chrono::milliseconds(300);
        jobs_ = std::make_unique<JobService>(folder_ / "jobs", limits);
        jobs_->addKind("shell", shell);
        services_.runs = runs_.get();
        services_.jobs = jobs_.get();
        NodeTest::SetUp();
    }
    ClientReply send(const std::string& method, const std::string& path, const std::string& body = "") {
        RawClient client = connect();
        client.send(requestText(method, path, body));
        return client.reply();
    }
    json begin(const json& run) {
        const ClientReply reply = post("/fulgurite/v1/runs", run);
        EXPECT_EQ(reply.status, 200) << reply.body;
        return reply.json();
    }
    json startJob(const std::string& script) {
        const ClientReply reply =
            post("/fulgurite/v1/jobs", {{"kind", "shell"}, {"name", "test"}, {"spec", {{"script", script}}}});
        EXPECT_EQ(reply.status, 200) << reply.body;
        return reply.json();
    }
    std::string stateOf(const json& job) {
        return get("/fulgurite/v1/jobs/" + job.at("id").dump()).json().at("state").get<std::string>();
    }
    bool becomes(const json& job, const std::string& state) {
        return eventually([&] { return stateOf(job) == state; });
    }

    TemporaryFolder folder_;
    std::unique_ptr<RunsService> runs_;
    std::unique_ptr<JobService> jobs_;
};

TEST_F(RunsApi, ARunIsReportedAndRead) {
    const json run = begin({{"name", "cluster"}, {"algo", "cispo"}, {"config", {{"mu", 4}}}, {"tags", {"a"}}});
    const std::string path = "/fulgurite/v1/runs/" + run.at("id").dump();
    EXPECT_EQ(run.at("config"), (json{{"mu", 4}}));
    ClientReply reply =
        post(path + "/points",
             {{"step", 1}, {"time", 1.7e9}, {"tokens", 64}, {"values", {{"loss", 2.5}, {"kl", nullptr}}}});
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.json().at("values"), 2);
    reply = post(
        path + "/points",
        {{"rows", {{{"step", 2}, {"values", {{"loss", "inf"}}}}, {{"step", 3}, {"values", {{"loss", 1.5}}}}}}});
    ASSERT_EQ(reply.status, 200) << reply.body;

    const json series = get(path + "/series").json().at("series");
    ASSERT_EQ(series.size(), 2u);
    EXPECT_EQ(series[1].at("name"), "loss");
    EXPECT_EQ(series[1].at("canonical"), "train.loss");
    EXPECT_EQ(series[1].at("max"), "inf");
    EXPECT_EQ(series[0].at("nan"), 1);
    const std::string loss = series[1].at("id").dump();
    const json tail = get(path + "/points?after=1&series=" + loss).json();
    EXPECT_EQ(tail.at("series")[0].at("points"), (json{{2, "inf"}, {3, 1.5}}));
    const json view = get(path + "/points?columns=10&series=" + loss + "," + series[0].at("id").dump()).json();
    EXPECT_TRUE(view.at("series")[0].at("exact").get<bool>());
    EXPECT_EQ(view.at("series")[0].at("columns").size(), 3u);
    EXPECT_EQ(get(path + "/marks").json().at("marks"),
              (json{{{"step", 1}, {"wall_us", 1'700'000'000'000'000}, {"tokens", 64}, {"epoch", nullptr}}}));
    EXPECT_TRUE(get("/fulgurite/v1/runs").json().at("runs")[0].at("alive").get<bool>());

    reply = post(path + "/finish", {{"status", "failed"}});
    EXPECT_EQ(reply.json().at("status"), "failed");
    EXPECT_FALSE(reply.json().at("alive").get<bool>());
}

TEST_F(RunsApi, ARestartedReporterGoesOnAndRewinds) {
    const json run = begin({{"uuid", "cluster-7"}, {"name", "x"}});
    post("/fulgurite/v1/runs/cluster-7/points",
         {{"rows", {{{"step", 1}, {"values", {{"a", 1}}}}, {{"step", 2}, {"values", {{"a", 2}}}}}}});
    EXPECT_EQ(post("/fulgurite/v1/runs", {{"uuid", "cluster-7"}}).status, 400);
    EXPECT_EQ(begin({{"uuid", "cluster-7"}, {"continue", true}}).at("id"), run.at("id"));
    EXPECT_EQ(post("/fulgurite/v1/runs/cluster-7/rewind", {{"step", 2}}).json().at("last_step"), 1);
}

TEST_F(RunsApi, SamplesShowWhatEachTokenWeighed) {
    const std::string path = "/fulgurite/v1/runs/" + begin({{"name", "rl"}}).at("id").dump();
    const json token{{"id", 5}, {"bytes", {0xc3}}, {"logprob", -0.5}, {"ratio", 7.5}, {"weight", 5}};
    const ClientReply reply = post(path + "/samples", {{"samples",
                                                        {{{"step", 4},
                                                          {"group", 1},
                                                          {"prompt", "2+2="},
                                                          {"completion", "4"},
                                                          {"reward", 1},
                                                          {"advantage", 1.5},
                                                          {"tokens", {token}}}}}});
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(get(path + "/samples").json().at("steps"), (json{{{"step", 4}, {"count", 1}}}));
    const json sample = get(path + "/samples?step=4").json().at("samples")[0];
    EXPECT_EQ(sample.at("token_count"), 1);
    const json whole = get(path + "/samples/" + sample.at("id").dump()).json();
    EXPECT_EQ(whole.at("tokens")[0].at("bytes"), (json{0xc3}));
    EXPECT_TRUE(whole.at("tokens")[0].at("capped").get<bool>());
}

TEST_F(RunsApi, EditsAndRemoval) {
    const std::string path = "/fulgurite/v1/runs/" + begin({{"name", "x"}}).at("id").dump();
    const ClientReply edited =
        send("PATCH", path, R"({"name":"y","notes":"n","tags":["b","a"],"status":"stopped"})");
    ASSERT_EQ(edited.status, 200) << edited.body;
    EXPECT_EQ(edited.json().at("name"), "y");
    EXPECT_EQ(edited.json().at("tags"), (json{"a", "b"}));
    EXPECT_EQ(edited.json().at("status"), "stopped");
    EXPECT_EQ(send("DELETE", path).status, 200);
    EXPECT_EQ(get(path).status, 404);
}

TEST_F(RunsApi, WhatMakesNoSenseIsRefusedByName) {
    const std::string path = "/fulgurite/v1/runs/" + begin({{"name", "x"}}).at("id").dump();
    EXPECT_EQ(post("/fulgurite/v1/runs", {{"nam", "x"}}).status, 400);
    EXPECT_EQ(post(path + "/points", {{"values", json::object()}}).errorParam(), "step");
    EXPECT_EQ(post(path + "/points", {{"step", 1}, {"values", {{"a", "big"}}}}).errorParam(), "values.a");
    EXPECT_EQ(post(path + "/nothing", json::object()).status, 404);
    EXPECT_EQ(get(path + "/points?series=1,x").errorParam(), "series");
    EXPECT_EQ(get(path + "/points?series=999").status, 404);
    EXPECT_EQ(get("/fulgurite/v1/runs/none").status, 404);
    EXPECT_EQ(send("PATCH", path, R"({"status":"great"})").errorParam(), "status");
}

TEST_F(RunsApi, ARunThatAnotherProgramWritesIsNotPushedTo) {
    const auto other = RunWriter::create(runs_->file(), {});
    const ClientReply reply = post("/fulgurite/v1/runs/" + std::to_string(other->run()) + "/points", {{"step", 1}});
    EXPECT_EQ(reply.status, 503);
    EXPECT_THAT(reply.errorText(), HasSubstr("written by another program"));
}

TEST_F(RunsApi, AJobRunsAndLeavesItsLog) {
    const json job = startJob("echo hello; pwd; echo oops >&2");
    EXPECT_TRUE(becomes(job, "finished"));
    const std::string path = "/fulgurite/v1/jobs/" + job.at("id").dump();
    const json log = get(path + "/log").json();
    EXPECT_EQ(log.at("text"), "hello\n" + (folder_ / "jobs/1").string() + "\noops\n");
    EXPECT_EQ(get(path + "/log?from=" + log.at("next").dump()).json().at("text"), "");
    EXPECT_EQ(get("/fulgurite/v1/jobs").json().at("kinds"), (json{"shell"}));
    EXPECT_EQ(send("DELETE", path).status, 200);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "jobs/1"));
}

TEST_F(RunsApi, AJobThatFailsSaysWhyAndCanBeResumed) {
    const json job = startJob("test -e again && exit 0; touch again; echo 'no memory is left'; exit 3");
    EXPECT_TRUE(becomes(job, "failed"));
    const std::string path = "/fulgurite/v1/jobs/" + job.at("id").dump();
    const json failed = get(path).json();
    EXPECT_EQ(failed.at("exit_code"), 3);
    EXPECT_EQ(failed.at("message"), "no memory is left");
    EXPECT_EQ(post(path + "/resume", json::object()).json().at("state"), "running");
    EXPECT_TRUE(becomes(job, "finished"));
    EXPECT_EQ(post(path + "/resume", json::object()).status, 400);
}

TEST_F(RunsApi, JobsPauseStopAndAreKilledInTheEnd) {
    const json job = startJob("trap 'echo saving; exit 130' INT; while :; do sleep 0.02; done");
    const std::string path = "/fulgurite/v1/jobs/" + job.at("id").dump();
    EXPECT_TRUE(eventually([&] { return post(path + "/pause", json::object()).status == 200; }));
    EXPECT_EQ(stateOf(job), "paused");
    EXPECT_EQ(post(path + "/resume", json::object()).json().at("state"), "running");
    EXPECT_EQ(post(path + "/stop", json::object()).json().at("state"), "stopping");
    EXPECT_TRUE(becomes(job, "stopped"));

    const json deaf = startJob("trap '' INT; echo ready; while :; do sleep 0.02; done");
    const std::string deaf_path = "/fulgurite/v1/jobs/" + deaf.at("id").dump();
    EXPECT_TRUE(eventually([&] { return get(deaf_path + "/log").json().at("text") == "ready\n"; }));
    post(deaf_path + "/stop", json::object());
    EXPECT_TRUE(becomes(deaf, "stopped"));
    EXPECT_EQ(get(deaf_path).json().at("exit_code"), 128 + SIGKILL);
}

// Hundreds of transactions a second, and it is within one most of the time.
TEST(RunsApiHelper, DISABLED_WritesAllTheTime) {
    const auto database = openRunsFile(std::filesystem::current_path() / "../../runs.fulgurite");
    for (;;) {
        Transaction transaction(*database);
        database->run("INSERT OR REPLACE INTO schema_meta(key, value) VALUES ('test', ?)", nowMicroseconds());
        std::this_thread::sleep_for(std::chrono::milliseconds(8));
        transaction.commit();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

TEST(RunsApiHelper, DISABLED_WritesForLong) {
    const auto database = openRunsFile(std::filesystem::current_path() / "../../runs.fulgurite");
    Transaction transaction(*database);
    database->run("INSERT OR REPLACE INTO schema_meta(key, value) VALUES ('test', '1')");
    std::ofstream("holds") << "it";
    std::this_thread::sleep_for(std::chrono::seconds(60));
}

// One that stands still within a transaction would keep everybody else from the file until somebody lets it go on.
TEST_F(RunsApi, AJobThatIsPausedHoldsUpNoOtherWriter) {
    jobs_->addKind("writer", [](const json&, const std::filesystem::path&) {
        return JobCommand{std::filesystem::read_symlink("/proc/self/exe").string(),
                          "--gtest_filter=RunsApiHelper.DISABLED_WritesAllTheTime",
                          "--gtest_also_run_disabled_tests"};
    });
    const auto database = openRunsFile(runs_->file());
    database->execute("PRAGMA busy_timeout = 500");
    const auto written = [&] { return database->integer("SELECT value FROM schema_meta WHERE key = 'test'"); };
    const json job = post("/fulgurite/v1/jobs", {{"kind", "writer"}, {"spec", json::object()}}).json();
    const std::string path = "/fulgurite/v1/jobs/" + job.at("id").dump();
    ASSERT_TRUE(eventually([&] { return written().has_value(); }));
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(post(path + "/pause", json::object()).status, 200);
        const auto before = written();
        EXPECT_NO_THROW(database->run("INSERT OR REPLACE INTO schema_meta(key, value) VALUES ('mine', '1')")) << i;
        EXPECT_EQ(written(), before) << "it stands still";
        ASSERT_EQ(post(path + "/resume", json::object()).status, 200);
        ASSERT_TRUE(eventually([&] { return written() != before; })) << "it goes on";
    }
}

TEST_F(RunsApi, WhoeverWaitsForAMomentToPauseHoldsUpNobody) {
    using Clock = std::chrono::steady_clock;
    jobs_->addKind("writer", [](const json&, const std::filesystem::path&) {
        return JobCommand{std::filesystem::read_symlink("/proc/self/exe").string(),
                          "--gtest_filter=RunsApiHelper.DISABLED_WritesForLong", "--gtest_also_run_disabled_tests"};
    });
    openRunsFile(runs_->file());
    const JobId job = jobs_->start("writer", "", json::object()).id;
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(folder_ / "jobs/1/holds"); }));
    const auto began = Clock::now();
    auto pausing = std::async(std::launch::async, [&] { EXPECT_THROW(jobs_->pause(job), Error); });
    Clock::duration longest{};
    while (pausing.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
        const auto asked = Clock::now();
        EXPECT_EQ(jobs_->list().size(), 1u);
        longest = std::max(longest, Clock::now() - asked);
    }
    EXPECT_LT(Clock::now() - began, std::chrono::milliseconds(3000));
    EXPECT_LT(longest, std::chrono::milliseconds(700));
    EXPECT_EQ(jobs_->find(job).state, JobState::Running) << "it was not halted";
}

TEST_F(RunsApi, AStepThatTakesLongIsWaitedForUnlessNobodyWantsTo) {
    jobs_->addKind("slow", shell, [](const JobRecord&) { return std::chrono::seconds(60); });
    const auto start = [&](const std::string& script) {
        const json job = post("/fulgurite/v1/jobs", {{"kind", "slow"}, {"spec", {{"script", script}}}}).json();
        EXPECT_TRUE(eventually([&] {
            return get("/fulgurite/v1/jobs/" + job.at("id").dump() + "/log").json().at("text") == "ready\n";
        }));
        return job;
    };
    const json job = start("trap 'sleep 1; echo saved; exit 130' INT; echo ready; while :; do sleep 0.02; done");
    const std::string path = "/fulgurite/v1/jobs/" + job.at("id").dump();
    post(path + "/stop", json::object()); // the grace of this service is 0.3 s
    EXPECT_TRUE(becomes(job, "stopped"));
    EXPECT_EQ(get(path).json().at("exit_code"), 130);
    const json deaf = start("trap '' INT; echo ready; while :; do sleep 0.02; done");
    const std::string deaf_path = "/fulgurite/v1/jobs/" + deaf.at("id").dump();
    post(deaf_path + "/stop", json::object());
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_EQ(stateOf(deaf), "stopping");
    EXPECT_EQ(post(deaf_path + "/stop", {{"now", true}}).status, 200);
    EXPECT_TRUE(becomes(deaf, "stopped"));
    EXPECT_EQ(get(deaf_path).json().at("exit_code"), 128 + SIGKILL);
}

TEST_F(RunsApi, ANumberOfAJobIsGivenOnce) {
    EXPECT_TRUE(becomes(startJob("true"), "finished"));
    EXPECT_EQ(send("DELETE", "/fulgurite/v1/jobs/1").status, 200);
    EXPECT_EQ(startJob("true").at("id"), 2);
    EXPECT_TRUE(eventually([&] { return send("DELETE", "/fulgurite/v1/jobs/2").status == 200; }));
    stopServer();
    jobs_.reset();
    JobService again(folder_ / "jobs");
    again.addKind("shell", shell);
    EXPECT_EQ(again.start("shell", "", {{"script", "true"}}).id, 3);
}

TEST_F(RunsApi, AJobSaysWhichRunItReports) {
    const std::string uuid = newRunUuid();
    const json job = startJob("mkdir run; printf " + uuid + " > run/run.uuid");
    EXPECT_EQ(job.at("run"), nullptr);
    EXPECT_TRUE(becomes(job, "finished"));
    EXPECT_EQ(get("/fulgurite/v1/jobs/1").json().at("run"), uuid);
    EXPECT_EQ(get("/fulgurite/v1/jobs").json().at("jobs")[0].at("run"), uuid);
    const json other = post("/fulgurite/v1/jobs",
                            {{"kind", "shell"},
                             {"spec",
                              {{"config", {{"out", "else"}}},
                               {"script", "mkdir else; printf '" + std::string(36, '/') + "' > else/run.uuid"}}}})
                           .json();
    EXPECT_TRUE(becomes(other, "finished"));
    EXPECT_EQ(get("/fulgurite/v1/jobs/2").json().at("run"), nullptr) << "that is no uuid";
}

TEST_F(RunsApi, AJobWhoseFolderIsGoneFailsAndTakesNobodyAlong) {
    const json job = startJob("exit 3");
    EXPECT_TRUE(becomes(job, "failed"));
    std::filesystem::remove_all(folder_ / "jobs/1");
    EXPECT_EQ(post("/fulgurite/v1/jobs/1/resume", json::object()).status, 200);
    EXPECT_TRUE(becomes(startJob("true"), "finished"));
    EXPECT_EQ(stateOf(job), "failed");
    EXPECT_THAT(jobs_->find(1).message, HasSubstr("cannot be written"));
}

TEST_F(RunsApi, JobsAreRememberedAndTooManyAreRefused) {
    const json first = startJob("sleep 60");
    startJob("sleep 60");
    const ClientReply refused = post("/fulgurite/v1/jobs", {{"kind", "shell"}, {"spec", {{"script", "true"}}}});
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(post("/fulgurite/v1/jobs", {{"kind", "dance"}, {"spec", json::object()}}).status, 400);
    EXPECT_EQ(send("DELETE", "/fulgurite/v1/jobs/" + first.at("id").dump()).status, 400);
    stopServer();
    jobs_.reset(); // ends what runs
    JobService again(folder_ / "jobs");
    ASSERT_EQ(again.list().size(), 2u);
    EXPECT_EQ(again.list()[0].state, JobState::Stopped);
    EXPECT_EQ(again.list()[1].name, "test");
}

TEST_F(RunsApi, AProgramThatIsNotThereIsAFailedJob) {
    jobs_->addKind("missing",
                   [](const json&, const std::filesystem::path&) { return JobCommand{"/nonexistent/program"}; });
    const json job = post("/fulgurite/v1/jobs", {{"kind", "missing"}, {"spec", json::object()}}).json();
    EXPECT_TRUE(becomes(job, "failed"));
    EXPECT_THAT(jobs_->find(1).message, HasSubstr("cannot be started"));
}

TEST_F(NodeTest, WithoutAFolderThereAreNeitherRunsNorJobs) {
    EXPECT_THAT(get("/fulgurite/v1/runs").errorText(), HasSubstr("--data"));
    EXPECT_THAT(get("/fulgurite/v1/jobs").errorText(), HasSubstr("--data"));
}

} // namespace
} // namespace fulgurite::node::test
