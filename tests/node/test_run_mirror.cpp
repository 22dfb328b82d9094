// SPDX-License-Identifier: Apache-2.0
// Copies of a node's runs in a runs file of this machine, against the real server.
#include "core/client/run_mirror.h"
#include "core/node/runs_service.h"
#include "core/store/runs/run_editor.h"
#include "tests/node/node_fixture.h"
#include "tests/unit/temporary_folder.h"

#include <cmath>
#include <gmock/gmock.h>

namespace fulgurite::node::test {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class RunMirrorTest : public NodeTest {
  protected:
    void SetUp() override {
        runs_service_ = std::make_unique<RunsService>(theirs_);
        services_.runs = runs_service_.get();
        NodeTest::SetUp();
        mirror_ = newMirror();
    }
    std::unique_ptr<client::RunMirror> newMirror() {
        client::HttpEndpoint endpoint;
        endpoint.host = "127.0.0.1";
        endpoint.port = server_->port();
        return std::make_unique<client::RunMirror>(client::connectToRuns(endpoint, kToken, {}), ours_, "n1",
                                                   "gpu-box");
    }
    std::unique_ptr<RunWriter> beginTheirs(const char* name) {
        NewRun run;
        run.name = name;
        run.source = "fulgurite";
        run.source_uri = "/data/jobs/1/run";
        run.algo = "cispo";
        run.seed = 3;
        run.config_json = R"({"updates":4})";
        run.tags = {"kept"};
        return RunWriter::create(theirs_, run);
    }
    std::vector<RunPoint> points(const char* series) {
        RunReader reader(ours_);
        const auto found = reader.findSeries(reader.runs().at(0).id, series);
        return found ? reader.points(found->id, -run_step_limit, run_step_limit, 1'000'000)
                     : std::vector<RunPoint>();
    }

    TemporaryFolder folder_;
    std::filesystem::path theirs_ = folder_ / "theirs.fulgurite";
    std::filesystem::path ours_ = folder_ / "ours.fulgurite";
    std::unique_ptr<RunsService> runs_service_;
    std::unique_ptr<client::RunMirror> mirror_;
};

TEST_F(RunMirrorTest, ACopyHasAllThatTheRunHas) {
    auto run = beginTheirs("far away");
    for (int step = 0; step < 300; ++step)
        run->add("train.loss", step, step == 7 ? std::nan("") : step == 8 ? INFINITY : step / 10.0);
    run->add("eval.loss", 100, 0.5);
    run->mark({100, 1'700'000'000'000'000, 4096, 1.5});
    RunSample sample;
    sample.step = 100;
    sample.prompt = "1+1=";
    sample.completion = "2";
    sample.reward = 1;
    sample.tokens = {{50, "2", -0.5F, 1.25F, 1, true}};
    run->sample(sample);
    const auto weights = run->series("weights");
    for (int step = 0; step < 1200; ++step) // more than one answer holds
        run->histogram(weights, step, {{-1, 0, 3.0 + step}, {0, INFINITY, 5}});
    run->finish(RunStatus::Finished);

    EXPECT_EQ(mirror_->update().points, 301);
    RunReader reader(ours_);
    ASSERT_THAT(reader.runs(), SizeIs(1));
    const RunRecord copy = reader.runs()[0];
    EXPECT_EQ(copy.name, "far away");
    EXPECT_EQ(copy.source, "gpu-box");
    EXPECT_EQ(copy.source_uri, "fulgurite://n1/data/jobs/1/run");
    EXPECT_EQ(copy.algo, "cispo");
    EXPECT_EQ(copy.seed, 3);
    EXPECT_EQ(copy.status, RunStatus::Finished);
    EXPECT_THAT(copy.tags, ElementsAre("kept"));
    EXPECT_EQ(reader.config(copy.id), R"({"updates":4})");
    const std::vector<RunPoint> loss = points("train.loss");
    ASSERT_THAT(loss, SizeIs(300));
    EXPECT_TRUE(std::isnan(loss[7].value));
    EXPECT_EQ(loss[8].value, INFINITY);
    EXPECT_EQ(loss[299], (RunPoint{299, 29.9}));
    EXPECT_EQ(reader.markAt(copy.id, 100), (StepMark{100, 1'700'000'000'000'000, 4096, 1.5}));
    ASSERT_THAT(reader.samples(copy.id, 100), SizeIs(1));
    const RunSample read = reader.sample(copy.id, reader.samples(copy.id, 100)[0].id);
    EXPECT_EQ(read.completion, "2");
    EXPECT_THAT(read.tokens, ElementsAre(sample.tokens[0]));
    const auto histograms = reader.findSeries(copy.id, "weights");
    ASSERT_TRUE(histograms);
    EXPECT_THAT(reader.histogramSteps(histograms->id), SizeIs(1200));
    EXPECT_THAT(reader.histogram(histograms->id, 1100),
                ElementsAre(HistogramBucket{-1, 0, 1103}, HistogramBucket{0, INFINITY, 5}));
    // Nothing has changed: nothing is copied, also not by a mirror that begins anew.
    EXPECT_EQ(mirror_->update().points, 0);
    EXPECT_EQ(newMirror()->update().points, 0);
}

TEST_F(RunMirrorTest, ACopyFollowsARunThatIsWrittenAndRewound) {
    auto run = beginTheirs("live");
    run->add("reward", 1, 0.1);
    run->flush();
    EXPECT_TRUE(mirror_->update().live);
    EXPECT_TRUE(RunReader(ours_).runs().at(0).alive);
    run->add("reward", 2, 0.2);
    run->add("reward", 3, 0.3);
    run->add("late", 3, 1);
    run->histogram(run->series("weights"), 3, {{0, 1, 2}});
    run->flush();
    EXPECT_EQ(mirror_->update().points, 3);
    const auto histogramSteps = [&] {
        RunReader reader(ours_);
        return reader.histogramSteps(reader.findSeries(reader.runs().at(0).id, "weights")->id);
    };
    EXPECT_THAT(histogramSteps(), ElementsAre(3));
    EXPECT_THAT(points("reward"), ElementsAre(RunPoint{1, 0.1}, RunPoint{2, 0.2}, RunPoint{3, 0.3}));
    run->rewind(2);
    run->add("reward", 2, 0.25);
    run->finish(RunStatus::Stopped);
    EXPECT_FALSE(mirror_->update().live);
    EXPECT_THAT(points("reward"), ElementsAre(RunPoint{1, 0.1}, RunPoint{2, 0.25}));
    EXPECT_THAT(histogramSteps(), SizeIs(0));
    EXPECT_EQ(RunReader(ours_).runs().at(0).status, RunStatus::Stopped);
}

TEST_F(RunMirrorTest, ARunThatWasCutThereIsCutHere) {
    auto run = beginTheirs("cut");
    run->add("reward", 1, 0.1);
    run->flush();
    mirror_->update();
    run.reset();
    mirror_->update();
    const RunRecord copy = RunReader(ours_).runs().at(0);
    EXPECT_EQ(copy.status, RunStatus::Running);
    EXPECT_FALSE(copy.alive);
}

TEST_F(RunMirrorTest, OwnRunsAndCopiesOfCopiesAreLeftAlone) {
    NewRun own;
    own.uuid = newRunUuid();
    own.name = "own";
    own.source_uri = "/here";
    RunWriter::create(ours_, own)->finish(RunStatus::Finished);
    own.name = "its copy there";
    own.source_uri = client::mirroredUri("elsewhere", "/here");
    RunWriter::create(theirs_, own)->finish(RunStatus::Finished);
    own.source_uri = "/there"; // the same run, and no copy by its marks
    own.uuid = newRunUuid();
    RunWriter::create(theirs_, own)->finish(RunStatus::Finished);
    own.source_uri = "/mine";
    RunWriter::create(ours_, own)->finish(RunStatus::Finished);
    mirror_->update();
    const std::vector<RunRecord> runs = RunReader(ours_).runs();
    ASSERT_THAT(runs, SizeIs(2));
    EXPECT_EQ(runs[0].source_uri, "/mine");
    EXPECT_EQ(runs[1].source_uri, "/here");
}

TEST_F(RunMirrorTest, WhatWasDeletedHereDoesNotComeBack) {
    auto run = beginTheirs("unwanted");
    run->add("reward", 1, 0.1);
    run->finish(RunStatus::Finished);
    mirror_->update();
    RunEditor(ours_).remove(RunReader(ours_).runs().at(0).id);
    mirror_ = newMirror();
    mirror_->leaveOut(run->uuid());
    EXPECT_EQ(mirror_->update().points, 0);
    EXPECT_THAT(RunReader(ours_).runs(), SizeIs(0));
}

// A node that announces steps and does not give them.
class EmptyPromises final : public client::RunsClient {
  public:
    explicit EmptyPromises(int& asked) : asked_(asked) {}

    Call list(client::Callback<std::vector<RunRecord>> reply) override {
        RunRecord run;
        run.id = 1;
        run.uuid = "endless";
        run.source_uri = "/endless";
        return answer(reply, std::vector{run});
    }
    Call detail(RunId, client::Callback<client::RunDetail> reply) override {
        return answer(reply, client::RunDetail{{}, "{}"});
    }
    Call edit(RunId, const client::RunEdit&, client::Callback<client::RunDetail>) override { return nullptr; }
    Call remove(RunId, client::Callback<RunId>) override { return nullptr; }
    Call series(RunId, client::Callback<std::vector<SeriesRecord>> reply) override {
        SeriesRecord one;
        one.id = 1;
        one.name = "loss";
        one.max_step = 100;
        return answer(reply, std::vector{one});
    }
    Call view(RunId, const std::vector<SeriesId>&, std::int64_t, std::int64_t, std::size_t,
              client::Callback<client::SeriesViews>) override {
        return nullptr;
    }
    Call tail(RunId, const std::vector<SeriesId>&, std::int64_t,
              client::Callback<client::SeriesTails> reply) override {
        return answer(reply, client::SeriesTails{0, {{1, {{5, 0.5}}}}}); // always the same
    }
    Call marks(RunId, std::int64_t, std::int64_t, std::size_t,
               client::Callback<std::vector<StepMark>> reply) override {
        return answer(reply, std::vector<StepMark>());
    }
    Call sampleSteps(RunId, client::Callback<std::vector<std::pair<std::int64_t, std::int64_t>>> reply) override {
        return answer(reply, std::vector<std::pair<std::int64_t, std::int64_t>>());
    }
    Call samples(RunId, std::int64_t, client::Callback<std::vector<RunSample>>) override { return nullptr; }
    Call sample(RunId, SampleId, client::Callback<RunSample>) override { return nullptr; }
    Call lastHistograms(RunId, client::Callback<std::vector<std::pair<SeriesId, std::int64_t>>> reply) override {
        return answer(reply, std::vector<std::pair<SeriesId, std::int64_t>>{{1, 100}});
    }
    Call histograms(RunId, SeriesId, std::int64_t,
                    client::Callback<std::vector<client::StepHistogram>> reply) override {
        if (++asked_ > 100) {
            reply(Error(ErrorKind::Internal, "asked for ever"));
            return nullptr;
        }
        return answer(reply, std::vector<client::StepHistogram>{{5, {{0, 1, 2}}}}); // always the same
    }

  private:
    template <class T>
    static Call answer(const client::Callback<T>& reply, T value) {
        reply(std::move(value));
        return nullptr;
    }

    int& asked_;
};

TEST_F(RunMirrorTest, ANodeThatDoesNotGiveWhatItAnnouncesIsNotAskedForEver) {
    int asked = 0;
    client::RunMirror mirror(std::make_unique<EmptyPromises>(asked), ours_, "n1", "gpu-box");
    EXPECT_TRUE(mirror.update().more) << "a point came";
    EXPECT_EQ(asked, 2);
    EXPECT_FALSE(mirror.update().more) << "nothing came";
    EXPECT_EQ(asked, 3);
    EXPECT_THAT(points("loss"), ElementsAre(RunPoint{5, 0.5}));
}

TEST_F(RunMirrorTest, CancellingAndALostNodeAreTold) {
    stopServer();
    EXPECT_THROW(mirror_->update(), Error);
    mirror_->cancel();
    try {
        mirror_->update();
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Cancelled);
    }
}

} // namespace
} // namespace fulgurite::node::test
