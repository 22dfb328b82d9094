// SPDX-License-Identifier: Apache-2.0
// The window's clients of runs and jobs against the real server.
#include "core/client/jobs_client.h"
#include "core/client/runs_client.h"
#include "core/node/job_service.h"
#include "core/node/runs_service.h"
#include "tests/node/node_fixture.h"
#include "tests/unit/temporary_folder.h"

#include <cmath>
#include <future>
#include <gmock/gmock.h>

namespace fulgurite::node::test {
namespace {

using testing::ElementsAre;

template <class T, class Call>
T answerOf(const Call& call) {
    const auto promise = std::make_shared<std::promise<client::Outcome<T>>>();
    const auto running = call([promise](client::Outcome<T> outcome) { promise->set_value(std::move(outcome)); });
    const client::Outcome<T> outcome = promise->get_future().get();
    if (!outcome.ok())
        throw outcome.error();
    return outcome.value();
}

class RunsClientTest : public NodeTest {
  protected:
    void SetUp() override {
        runs_service_ = std::make_unique<RunsService>(folder_ / "runs.fulgurite");
        jobs_service_ = std::make_unique<JobService>(folder_ / "jobs");
        jobs_service_->addKind("say", [](const nlohmann::json& spec, const std::filesystem::path&) {
            return JobCommand{"/bin/echo", spec.at("word").get<std::string>()};
        });
        services_.runs = runs_service_.get();
        services_.jobs = jobs_service_.get();
        NodeTest::SetUp();
        client::HttpEndpoint endpoint;
        endpoint.host = "127.0.0.1";
        endpoint.port = server_->port();
        runs_ = client::connectToRuns(endpoint, kToken, {});
        jobs_ = client::connectToJobs(endpoint, kToken, {});
    }
    void TearDown() override {
        runs_.reset();
        jobs_.reset();
        NodeTest::TearDown();
    }

    TemporaryFolder folder_;
    std::unique_ptr<RunsService> runs_service_;
    std::unique_ptr<JobService> jobs_service_;
    std::unique_ptr<client::RunsClient> runs_;
    std::unique_ptr<client::JobsClient> jobs_;
};

TEST_F(RunsClientTest, ReadsWhatTheFileHas) {
    NewRun wanted;
    wanted.name = "here";
    wanted.tags = {"x"};
    wanted.config_json = R"({"mu":4})";
    auto writer = RunWriter::create(runs_service_->file(), wanted);
    for (int i = 0; i < 5000; ++i)
        writer->add("train/loss", i, i == 77 ? 1e6 : i == 78 ? NAN : i == 79 ? INFINITY : i);
    writer->mark({5, 1'700'000'000'000'000, 64, 0.5});
    RunSample sample;
    sample.step = 5;
    sample.completion = "\xc3\xa9";
    sample.reward = 1;
    sample.tokens = {{1, "\xc3", -0.5f, 7.5f, 5, true}, {2, "\xa9", -0.5f, 1, 1, false}};
    writer->sample(sample);
    writer->flush();

    RunReader reader(runs_service_->file());
    const auto list = answerOf<std::vector<RunRecord>>([&](auto reply) { return runs_->list(reply); });
    ASSERT_EQ(list.size(), 1u);
    const RunId run = list[0].id;
    EXPECT_EQ(list[0].points, 5000);
    EXPECT_TRUE(list[0].alive);
    EXPECT_THAT(list[0].tags, ElementsAre("x"));
    const auto detail = answerOf<client::RunDetail>([&](auto reply) { return runs_->detail(run, reply); });
    EXPECT_EQ(detail.config, R"({"mu":4})");

    const auto series = answerOf<std::vector<SeriesRecord>>([&](auto reply) { return runs_->series(run, reply); });
    ASSERT_EQ(series.size(), 1u);
    EXPECT_EQ(series[0].max_value, INFINITY);
    const SeriesId id = series[0].id;
    const auto views =
        answerOf<client::SeriesViews>([&](auto reply) { return runs_->view(run, {id}, 0, 4999, 100, reply); });
    const SeriesView local = reader.view(id, 0, 4999, 100);
    ASSERT_EQ(views.series[0].second.columns.size(), local.columns.size());
    EXPECT_EQ(views.series[0].second.columns[1].summary.maximum, 1e6);
    EXPECT_EQ(views.series[0].second.columns[1].summary.positive_infinite, 1);
    EXPECT_EQ(views.generation, list[0].generation);
    const auto tails =
        answerOf<client::SeriesTails>([&](auto reply) { return runs_->tail(run, {id}, 4997, reply); });
    EXPECT_THAT(tails.series[0].second, ElementsAre(RunPoint{4998, 4998}, RunPoint{4999, 4999}));
    EXPECT_THAT(answerOf<std::vector<StepMark>>([&](auto reply) { return runs_->marks(run, 0, 10, 100, reply); }),
                ElementsAre(StepMark{5, 1'700'000'000'000'000, 64, 0.5}));
    const auto samples =
        answerOf<std::vector<RunSample>>([&](auto reply) { return runs_->samples(run, 5, reply); });
    ASSERT_EQ(samples.size(), 1u);
    const auto whole = answerOf<RunSample>([&](auto reply) { return runs_->sample(run, samples[0].id, reply); });
    EXPECT_EQ(whole.tokens, sample.tokens);
    EXPECT_EQ(whole.completion, sample.completion);

    writer.reset();
    client::RunEdit edit;
    edit.notes = "seen";
    edit.status = RunStatus::Stopped;
    const auto edited = answerOf<client::RunDetail>([&](auto reply) { return runs_->edit(run, edit, reply); });
    EXPECT_EQ(edited.run.notes, "seen");
    EXPECT_EQ(edited.run.status, RunStatus::Stopped);
    EXPECT_EQ(answerOf<RunId>([&](auto reply) { return runs_->remove(run, reply); }), run);
    EXPECT_THROW(answerOf<client::RunDetail>([&](auto reply) { return runs_->detail(run, reply); }), Error);
}

TEST_F(RunsClientTest, StartsAndReadsJobs) {
    const auto job = answerOf<client::NodeJob>(
        [&](auto reply) { return jobs_->start("say", "a word", R"({"word":"hello"})", reply); });
    EXPECT_EQ(job.name, "a word");
    const auto now = [&] {
        return answerOf<client::NodeJob>([&](auto reply) { return jobs_->show(job.id, reply); });
    };
    EXPECT_TRUE(eventually([&] { return now().state == client::NodeJobState::Finished; }));
    EXPECT_EQ(answerOf<client::JobLogPiece>([&](auto reply) { return jobs_->log(job.id, 0, reply); }).text,
              "hello\n");
    const auto list = answerOf<client::JobList>([&](auto reply) { return jobs_->list(reply); });
    EXPECT_THAT(list.kinds, ElementsAre("say"));
    ASSERT_EQ(list.jobs.size(), 1u);
    EXPECT_EQ(list.jobs[0].exit_code, 0);
    EXPECT_THROW(answerOf<client::NodeJob>([&](auto reply) { return jobs_->pause(job.id, reply); }), Error);
    EXPECT_EQ(answerOf<std::int64_t>([&](auto reply) { return jobs_->remove(job.id, reply); }), job.id);
}

} // namespace
} // namespace fulgurite::node::test
