// SPDX-License-Identifier: Apache-2.0
// Writing and reading runs: what was written is there, at every scale, and while others write.
#include "core/store/runs/run_editor.h"
#include "core/store/runs/run_reader.h"
#include "core/store/runs/run_writer.h"
#include "tests/unit/temporary_folder.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <limits>
#include <random>
#include <thread>

namespace fulgurite {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

NewRun namedRun(const std::string& name) {
    NewRun run;
    run.project = "tests";
    run.name = name;
    run.source = "fulgurite";
    return run;
}

class Runs : public testing::Test {
  protected:
    SeriesRecord seriesNamed(RunReader& reader, RunId run, const std::string& name) {
        const auto found = reader.findSeries(run, name);
        EXPECT_TRUE(found) << name;
        return found.value_or(SeriesRecord{});
    }
    // What view() should say, from the points alone.
    void expectViewOfPoints(RunReader& reader, SeriesId series, std::int64_t from, std::int64_t to,
                            std::size_t columns) {
        PointSummary wanted;
        for (const RunPoint& point : reader.points(series, from, to, 10'000'000))
            wanted.add(point.value);
        PointSummary got;
        const SeriesView view = reader.view(series, from, to, columns);
        std::int64_t at = std::numeric_limits<std::int64_t>::min();
        for (const SeriesColumn& column : view.columns) {
            EXPECT_GT(column.end, column.begin);
            EXPECT_GE(column.begin, at);
            at = column.end;
            EXPECT_GT(column.summary.n, 0);
            got.merge(column.summary);
        }
        EXPECT_EQ(got.n, wanted.n);
        EXPECT_EQ(got.nan, wanted.nan);
        EXPECT_EQ(got.positive_infinite, wanted.positive_infinite);
        EXPECT_EQ(got.negative_infinite, wanted.negative_infinite);
        if (wanted.finite() > 0) {
            EXPECT_EQ(got.minimum, wanted.minimum);
            EXPECT_EQ(got.maximum, wanted.maximum);
            EXPECT_EQ(got.first, wanted.first);
            EXPECT_EQ(got.last, wanted.last);
        }
    }
    // Every row of the pyramid says what its points say, and no closed bucket that deserves one is without.
    void expectPyramidOfPoints(SeriesId series) {
        const auto database = readRunsFile(file);
        PyramidReader reader(*database);
        const std::int64_t last =
            database->integer("SELECT max(step) FROM points WHERE sid = ?", series).value_or(0);
        const std::int64_t first =
            database->integer("SELECT min(step) FROM points WHERE sid = ?", series).value_or(0);
        for (int level = 1; level < 8; ++level) {
            for (auto bucket = pyramidBucket(first, level); bucket <= pyramidBucket(last, level); ++bucket) {
                PointSummary points;
                const std::int64_t begin = pyramidBegin(bucket, level);
                reader.scan(series, begin, begin + pyramidWidth(level), -1,
                            [&](std::int64_t, std::int64_t, const PointSummary& p) { points.merge(p); });
                const auto n = database->integer("SELECT n FROM pyramid WHERE sid = ? AND level = ? AND bucket = ?",
                                                 series, level, bucket);
                const bool closed = bucket < pyramidBucket(last, level);
                EXPECT_EQ(n.has_value(), closed && points.n >= pyramid_least_points) << level << ' ' << bucket;
                if (n) {
                    EXPECT_EQ(*n, points.n) << level << ' ' << bucket;
                    Statement row = database->prepare(
                        "SELECT vmin, vmax, nan_n FROM pyramid WHERE sid = ? AND level = ? AND bucket = ?");
                    row.bind(series, level, bucket).step();
                    if (points.finite() > 0) {
                        EXPECT_EQ(row.real(0), points.minimum);
                        EXPECT_EQ(row.real(1), points.maximum);
                    }
                    EXPECT_EQ(row.integer(2), points.nan);
                }
            }
        }
    }

    TemporaryFolder folder;
    std::filesystem::path file = folder / "runs.fulgurite";
};

TEST_F(Runs, WhatIsWrittenCanBeRead) {
    NewRun wanted = namedRun("first");
    wanted.algo = "cispo";
    wanted.seed = 7;
    wanted.config_json = R"({"mu":4})";
    wanted.notes = "with cap 5";
    wanted.tags = {"mu4", "baseline"};
    auto writer = RunWriter::create(file, wanted);
    writer->add("train/loss", 1, 2.5);
    writer->add("train/loss", 2, 2.25);
    writer->mark({1, 1'700'000'000'000'000, 4096, 0.5});
    writer->mark({2, std::nullopt, 8192, std::nullopt});
    writer->flush();

    RunReader reader(file);
    const std::vector<RunRecord> runs = reader.runs();
    ASSERT_EQ(runs.size(), 1u);
    EXPECT_EQ(runs[0].name, "first");
    EXPECT_EQ(runs[0].algo, "cispo");
    EXPECT_EQ(runs[0].seed, 7);
    EXPECT_EQ(runs[0].status, RunStatus::Running);
    EXPECT_TRUE(runs[0].alive);
    EXPECT_EQ(runs[0].last_step, 2);
    EXPECT_EQ(runs[0].points, 2);
    EXPECT_THAT(runs[0].tags, ElementsAre("baseline", "mu4"));
    EXPECT_EQ(reader.config(runs[0].id), R"({"mu":4})");
    const SeriesRecord loss = seriesNamed(reader, runs[0].id, "train/loss");
    EXPECT_EQ(loss.canonical, "train.loss");
    EXPECT_EQ(loss.last_value, 2.25);
    EXPECT_THAT(reader.points(loss.id, 0, 10, 100), ElementsAre(RunPoint{1, 2.5}, RunPoint{2, 2.25}));
    EXPECT_THAT(reader.tail(loss.id, 1, 100), ElementsAre(RunPoint{2, 2.25}));
    EXPECT_EQ(reader.markAt(runs[0].id, 1), (StepMark{1, 1'700'000'000'000'000, 4096, 0.5}));

    writer->finish(RunStatus::Finished);
    writer.reset();
    EXPECT_TRUE(reader.changed());
    EXPECT_FALSE(reader.changed());
    EXPECT_EQ(reader.run(runs[0].id).status, RunStatus::Finished);
    EXPECT_TRUE(reader.run(runs[0].id).ended_us);
    EXPECT_FALSE(reader.run(runs[0].id).alive);
}

TEST_F(Runs, RowsArriveWithoutAFlushAndSoonerWhileWatched) {
    auto writer = RunWriter::create(file, namedRun("live"));
    RunReader reader(file);
    reader.watch(true);
    writer->add("a", 1, 1);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!reader.findSeries(writer->run(), "a") && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(seriesNamed(reader, writer->run(), "a").points, 1);
}

TEST_F(Runs, NanAndInfinitiesStayVisible) {
    auto writer = RunWriter::create(file, namedRun("odd"));
    for (int i = 0; i < 1000; ++i)
        writer->add("x", i, i == 500 ? nan_value : i == 600 ? infinity : i == 700 ? -infinity : i);
    writer->add("x", 1000, nan_value);
    writer->flush();
    RunReader reader(file);
    const SeriesRecord x = seriesNamed(reader, writer->run(), "x");
    EXPECT_EQ(x.nan, 2);
    EXPECT_EQ(x.infinite, 2);
    EXPECT_EQ(x.max_value, infinity);
    EXPECT_FALSE(x.last_value);
    EXPECT_TRUE(std::isnan(reader.points(x.id, 500, 500, 1)[0].value));
    EXPECT_EQ(reader.points(x.id, 600, 600, 1)[0].value, infinity);
    expectViewOfPoints(reader, x.id, 0, 2000, 4);
    expectPyramidOfPoints(x.id);
    // What other programs read.
    EXPECT_EQ(readRunsFile(file)->integer("SELECT count(*) FROM points WHERE value IS NULL"), 2);
}

TEST_F(Runs, EveryScaleTellsTheSameSpikes) {
    auto writer = RunWriter::create(file, namedRun("long"));
    std::mt19937 random(5);
    std::vector<std::int64_t> steps;
    for (std::int64_t step = -3000; steps.size() < 60'000; step += random() % 3 == 0 ? 5 : 1)
        steps.push_back(step);
    for (const std::int64_t step : steps)
        writer->add("dense", step, step == steps[33'333] ? 1e6 : static_cast<double>(random() % 1000));
    for (int i = 0; i < 5000; ++i)
        writer->add("sparse", i * 1000, i == 77 ? -1e6 : i);
    writer->flush();
    RunReader reader(file);
    for (const char* name : {"dense", "sparse"}) {
        const SeriesRecord series = seriesNamed(reader, writer->run(), name);
        for (const std::size_t columns : {1u, 7u, 100u, 1000u, 4000u}) { // the last: narrower than any bucket
            expectViewOfPoints(reader, series.id, *series.min_step, *series.max_step, columns);
            expectViewOfPoints(reader, series.id, *series.min_step + 1234, *series.max_step - 777, columns);
        }
        expectPyramidOfPoints(series.id);
    }
    // Fewer rows than points: one for 24 at the most.
    EXPECT_LT(*readRunsFile(file)->integer("SELECT count(*) FROM pyramid"), 65'000 / 24);
}

TEST_F(Runs, LateAndRepeatedStepsAreRebuilt) {
    auto writer = RunWriter::create(file, namedRun("late"));
    for (int i = 0; i < 2000; i += 2)
        writer->add("x", i, i);
    writer->flush();
    RunReader reader(file);
    const std::int64_t before = reader.run(writer->run()).generation;
    for (int i = 1; i < 1000; i += 2)
        writer->add("x", i, -i);  // late
    writer->add("x", 100, 1e9);   // again: the last wins
    writer->add("x", 1998, -1e9); // the last step
    writer->add("x", 2000, 5);    // and on
    writer->flush();
    const SeriesRecord x = seriesNamed(reader, writer->run(), "x");
    EXPECT_EQ(x.points, 1501);
    EXPECT_EQ(x.overwritten, 2);
    EXPECT_EQ(x.max_value, 1e9);
    EXPECT_EQ(x.min_value, -1e9);
    EXPECT_GT(reader.run(writer->run()).generation, before);
    expectPyramidOfPoints(x.id);
    expectViewOfPoints(reader, x.id, 0, 2000, 10);
}

TEST_F(Runs, ARewindTakesBackWhatCameAfter) {
    auto writer = RunWriter::create(file, namedRun("restart"));
    for (int i = 0; i < 3000; ++i) {
        writer->add("x", i, i);
        writer->mark({i, 1000 + i, std::nullopt, std::nullopt});
    }
    writer->add(writer->series("clock", SeriesKind::Clock), 1'700'000'000'000'000, 3);
    RunSample sample;
    sample.step = 2500;
    sample.tokens.resize(3);
    writer->sample(sample);
    writer->flush();
    writer->rewind(1001);
    for (int i = 1001; i < 1200; ++i)
        writer->add("x", i, -i);
    writer->flush();
    RunReader reader(file);
    const SeriesRecord x = seriesNamed(reader, writer->run(), "x");
    EXPECT_EQ(x.points, 1200);
    EXPECT_EQ(x.max_value, 1000);
    EXPECT_EQ(x.max_step, 1199);
    EXPECT_EQ(reader.run(writer->run()).last_step, 1199);
    EXPECT_THAT(reader.sampleSteps(writer->run()), IsEmpty());
    EXPECT_EQ(reader.markAt(writer->run(), 5000)->step, 1000);
    EXPECT_EQ(seriesNamed(reader, writer->run(), "clock").points, 1);
    expectPyramidOfPoints(x.id);
    expectViewOfPoints(reader, x.id, 0, 2000, 10);
}

TEST_F(Runs, AContinuedRunHasThePyramidOfAnUninterruptedOne) {
    RunId run = 0;
    for (int part = 0; part < 5; ++part) {
        auto writer = part == 0 ? RunWriter::create(file, namedRun("parts")) : RunWriter::resume(file, run);
        run = writer->run();
        for (int i = part * 1111; i < (part + 1) * 1111; ++i)
            writer->add("x", i, i % 97);
        writer->flush();
    }
    RunReader reader(file);
    const SeriesRecord x = seriesNamed(reader, run, "x");
    EXPECT_EQ(x.points, 5555);
    EXPECT_EQ(x.overwritten, 0);
    expectPyramidOfPoints(x.id);
}

TEST_F(Runs, ASecondWriterIsRefusedAndReadersAreNot) {
    auto writer = RunWriter::create(file, namedRun("mine"));
    try {
        RunWriter::resume(file, writer->run());
        FAIL() << "two writers";
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::Unavailable);
        EXPECT_THAT(e.what(), HasSubstr("is being written by another program"));
    }
    EXPECT_THROW(RunEditor(file).remove(writer->run()), Error);
    EXPECT_TRUE(RunReader(file).run(writer->run()).alive);
    // Another run beside it is no conflict, and its words can be edited.
    auto other = RunWriter::create(file, namedRun("other"));
    RunEditor(file).setTags(writer->run(), {"a"});
    writer->add("x", 1, 1);
    other->add("x", 1, 1);
    writer->flush();
    other->flush();
    const RunId run = writer->run();
    writer.reset();
    EXPECT_EQ(RunWriter::resume(file, run)->run(), run);
}

TEST_F(Runs, ARunThatIsDeletedWhileOpenTellsItsWriterAndReadsAsEmpty) {
    auto writer = RunWriter::create(file, namedRun("gone"));
    writer->add("x", 1, 1);
    writer->flush();
    RunReader reader(file);
    const SeriesId series = seriesNamed(reader, writer->run(), "x").id;
    openRunsFile(file)->run("DELETE FROM runs WHERE id = ?", writer->run()); // a program that asks nobody
    writer->add("x", 2, 1);
    try {
        writer->flush();
        FAIL() << "wrote to a deleted run";
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::NotFound);
        EXPECT_THAT(e.what(), HasSubstr("was deleted"));
    }
    EXPECT_THROW(writer->add("x", 3, 1), Error);
    const RunId run = writer->run();
    writer.reset();
    EXPECT_THAT(reader.tail(series, 1, 10), IsEmpty());
    EXPECT_THROW(reader.run(run), Error);
}

TEST_F(Runs, RemovingARunRemovesAllOfIt) {
    auto writer = RunWriter::create(file, namedRun("short"));
    writer->add("x", 1, 1);
    writer->mark({1, 1, std::nullopt, std::nullopt});
    writer->histogram(writer->series("h"), 1, {{0, 1, 2}});
    RunSample sample;
    sample.tokens.resize(2);
    writer->sample(sample);
    writer->finish(RunStatus::Finished);
    const RunId run = writer->run();
    writer.reset();
    RunEditor(file).remove(run);
    const auto database = readRunsFile(file);
    for (const char* table :
         {"runs", "series", "points", "steps", "samples", "sample_tokens", "hist", "run_state", "series_state"})
        EXPECT_EQ(database->integer(fmt::format("SELECT count(*) FROM {}", table)), 0) << table;
    EXPECT_THROW(RunEditor(file).remove(run), Error);
}

TEST_F(Runs, SamplesKeepWhatEachTokenWeighed) {
    auto writer = RunWriter::create(file, namedRun("rollouts"));
    for (int i = 0; i < 4; ++i) {
        RunSample sample;
        sample.step = 10;
        sample.group = i / 2;
        sample.prompt = "2+2=";
        sample.completion = std::to_string(i);
        sample.reward = i == 0 ? 1 : 0;
        sample.advantage = i == 0 ? 1.5 : -0.5;
        sample.tokens = {{50, "\xc3", -0.5f, 7.5f, 5.0f, true}, {51, "\xa9", -0.25f, 0.9f, 0.9f, false}};
        writer->sample(sample);
    }
    writer->histogram(writer->series("ratio"), 10, {{0, 0.5, 3}, {0.5, 1, infinity}});
    writer->flush();
    RunReader reader(file);
    EXPECT_THAT(reader.sampleSteps(writer->run()), ElementsAre(std::pair<std::int64_t, std::int64_t>{10, 4}));
    const std::vector<RunSample> samples = reader.samples(writer->run(), 10);
    ASSERT_EQ(samples.size(), 4u);
    EXPECT_EQ(samples[3].group, 1);
    EXPECT_EQ(samples[3].completion, "3");
    EXPECT_EQ(samples[0].token_count, 2);
    const RunSample first = reader.sample(writer->run(), samples[0].id);
    EXPECT_EQ(first.advantage, 1.5);
    ASSERT_EQ(first.tokens.size(), 2u);
    EXPECT_EQ(first.tokens[0], (RolloutToken{50, "\xc3", -0.5f, 7.5f, 5.0f, true}));
    const SeriesId ratio = seriesNamed(reader, writer->run(), "ratio").id;
    EXPECT_THAT(reader.histogramSteps(ratio), ElementsAre(10));
    EXPECT_THAT(reader.histogram(ratio, 10),
                ElementsAre(HistogramBucket{0, 0.5, 3}, HistogramBucket{0.5, 1, infinity}));
}

TEST_F(Runs, MarksOfALongRunAreThinnedEvenly) {
    auto writer = RunWriter::create(file, namedRun("clock"));
    for (int i = 0; i < 10'000; ++i)
        writer->mark({i, i * 10, std::nullopt, std::nullopt});
    writer->flush();
    RunReader reader(file);
    EXPECT_EQ(reader.marks(writer->run(), 100, 199, 1000).size(), 100u);
    const std::vector<StepMark> marks = reader.marks(writer->run(), 0, 20'000, 100);
    EXPECT_LE(marks.size(), 101u);
    EXPECT_GE(marks.size(), 99u);
    EXPECT_EQ(marks.front().step, 0);
    EXPECT_EQ(marks.back().step, 9999);
}

TEST_F(Runs, StepsOutOfRangeAndEmptyNamesAreRefused) {
    auto writer = RunWriter::create(file, namedRun("limits"));
    EXPECT_THROW(writer->add("x", run_step_limit + 1, 0), Error);
    EXPECT_THROW(writer->series(""), Error);
    writer->add("x", run_step_limit, 1);
    writer->add("x", -run_step_limit, 2);
    writer->flush();
    RunReader reader(file);
    const SeriesId x = seriesNamed(reader, writer->run(), "x").id;
    expectViewOfPoints(reader, x, -run_step_limit, run_step_limit, 100);
    EXPECT_EQ(
        reader.view(x, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(), 100)
            .columns.size(),
        2u);
}

} // namespace
} // namespace fulgurite
