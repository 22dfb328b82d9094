// SPDX-License-Identifier: Apache-2.0
// Imports that break off, meet files that were replaced or vanish, and logs that are too many or too large.
#include "core/store/runs/import/run_import.h"
#include "core/store/runs/run_reader.h"
#include "core/store/runs/run_writer.h"
#include "tests/unit/event_records.h"
#include "tests/unit/log_folder.h"

#include <atomic>
#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <thread>

namespace fulgurite {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class ImportTrouble : public test::LogFolder {
  protected:
    static std::string rows(int first, int last, double factor = 1) {
        std::string text;
        for (int step = first; step <= last; ++step)
            text += fmt::format("{{\"step\":{},\"a\":{}}}\n", step, step * factor);
        return text;
    }
    static std::string events(int first, int last) {
        std::string bytes;
        for (int step = first; step <= last; ++step)
            bytes += test::scalarRecord("a", step, static_cast<float>(step));
        return bytes;
    }
    ImportOptions options() const {
        ImportOptions all;
        all.database = file;
        return all;
    }
    std::vector<ImportedRun> import(const fs::path& path) { return RunImport(path, options()).update(); }
    std::vector<RunPoint> points(const RunRecord& run) const {
        RunReader reader(file);
        const auto series = reader.findSeries(run.id, "a");
        return series ? reader.points(series->id, -run_step_limit, run_step_limit, 1'000'000)
                      : std::vector<RunPoint>();
    }
    std::vector<RunRecord> runs() const { return RunReader(file).runs(); }

    const std::string rollout =
        R"({"step":4,"prompt":"1+1=","completion":"2","reward":1.0,"advantage":0.5,"meta":{"prompt_index":3}})";
};

TEST_F(ImportTrouble, AFileMayBeARunByItselfAndAPartOfThatOfItsFolder) {
    const fs::path log = write("logs/events.out.tfevents.1.host", test::versionRecord() + events(1, 3));
    import(log);
    import(folder / "logs");
    ASSERT_THAT(runs(), SizeIs(2));
    for (const RunRecord& run : runs())
        EXPECT_THAT(points(run), SizeIs(3)) << run.source_uri;
    std::ofstream(log, std::ios::binary | std::ios::app) << events(4, 5);
    import(folder / "logs");
    import(log);
    for (const RunRecord& run : runs())
        EXPECT_THAT(points(run), SizeIs(5)) << run.source_uri;
}

TEST_F(ImportTrouble, AnImportThatBrokeOffDoublesNoCompletion) {
    write("run/run.json", R"({"method":"rl"})");
    write("run/metrics.jsonl", rows(1, 4));
    write("run/rollouts.jsonl", rollout + "\n");
    const RunId id = import(folder / "run").at(0).run;
    const auto samples = [&] { return RunReader(file).samples(id, 4).size(); };
    EXPECT_EQ(samples(), 1U);
    // Killed before any cursor was there, and behind that of the first file.
    for (const char* left : {"DELETE FROM import_state",
                             "UPDATE import_state SET state_json = json_set(state_json, '$.unfinished', 1) "
                             "WHERE source_uri LIKE '%rollouts.jsonl'"}) {
        openRunsFile(file)->run(left);
        import(folder / "run");
        EXPECT_EQ(samples(), 1U) << left;
        EXPECT_THAT(points(runs().at(0)), SizeIs(4));
        EXPECT_EQ(RunReader(file).findSeries(id, "a")->overwritten, 0);
    }
    EXPECT_THAT(import(folder / "run"), SizeIs(0)) << "nothing is new";
}

TEST_F(ImportTrouble, OneThatBrokeOffDoesNotSayThatTheLogWasReplaced) {
    write("run/run.json", R"({"method":"rl"})");
    write("run/metrics.jsonl", rows(1, 4));
    std::string completions;
    int broke = 0;
    for (int allowed = -1;; ++allowed) { // the first time nothing is broken off
        write("run/rollouts.jsonl", completions += rollout + "\n");
        int asked = 0;
        ImportOptions some = options();
        some.interrupted = [&] {
            if (allowed >= 0 && asked++ == allowed)
                throw std::runtime_error("killed");
            return false;
        };
        const int before = broke;
        try {
            RunImport(folder / "run", some).update();
        } catch (const std::runtime_error&) {
            ++broke;
        }
        for (const ImportedRun& run : import(folder / "run"))
            EXPECT_THAT(run.remarks, testing::IsEmpty());
        EXPECT_EQ(RunReader(file).samples(runs().at(0).id, 4).size(),
                  static_cast<std::size_t>(std::count(completions.begin(), completions.end(), '\n')));
        if (allowed >= 0 && broke == before)
            break;
    }
    EXPECT_GT(broke, 0);
}

TEST_F(ImportTrouble, OneThatIsInterruptedGoesOnWhereItCame) {
    const fs::path log = write("steps.jsonl", rows(1, 150'000)); // several pieces
    int asked = 0;
    ImportOptions some = options();
    some.interrupted = [&asked] { return ++asked > 5; };
    EXPECT_THAT(RunImport(log, some).update(), SizeIs(1));
    const std::size_t first = points(runs().at(0)).size();
    EXPECT_GT(first, 0U);
    EXPECT_LT(first, 150'000U);
    EXPECT_EQ(import(log).at(0).counts.values, 150'000 - static_cast<std::int64_t>(first));
    EXPECT_THAT(points(runs().at(0)), SizeIs(150'000));
}

TEST_F(ImportTrouble, AReplacedFileTakesNothingOfItsNeighbours) {
    const fs::path first = write("logs/events.out.tfevents.1.host", events(0, 9));
    write("logs/events.out.tfevents.2.host", events(10, 19));
    import(folder / "logs");
    EXPECT_THAT(points(runs().at(0)), SizeIs(20));
    write("logs/events.out.tfevents.1.host", events(0, 4));
    EXPECT_EQ(import(folder / "logs").at(0).counts.started_anew, 1);
    EXPECT_THAT(points(runs().at(0)), SizeIs(15));
    // Nor when the one before it in the order is the neighbour, and both have the same steps.
    write("both/events.out.tfevents.1.host", events(0, 9));
    write("both/events.out.tfevents.2.host", test::scalarRecord("b", 0, 1) + test::scalarRecord("b", 1, 1));
    const RunId both = import(folder / "both").at(0).run;
    write("both/events.out.tfevents.2.host", test::scalarRecord("b", 0, 2));
    import(folder / "both");
    EXPECT_THAT(points(RunReader(file).run(both)), SizeIs(10));
    EXPECT_EQ(RunReader(file).findSeries(both, "b")->points, 1);
}

TEST_F(ImportTrouble, AShortenedFileThatGrewPastTheOldPlaceIsRecognised) {
    const fs::path log = write("steps.jsonl", rows(1, 1000));
    import(log);
    write("steps.jsonl", rows(1, 500) + rows(501, 2000, 10)); // the first 4 KiB are the same
    EXPECT_EQ(import(log).at(0).counts.started_anew, 1);
    const std::vector<RunPoint> now = points(runs().at(0));
    ASSERT_THAT(now, SizeIs(2000));
    EXPECT_EQ(now[600].value, 6010);
}

TEST_F(ImportTrouble, ARunThatCannotBeReadDoesNotHinderTheOthers) {
    write("logs/a/metrics.jsonl", rows(1, 3));
    write("logs/b/run.json", "[1, 2");
    write("logs/b/metrics.jsonl", rows(1, 3));
    const auto imported = import(folder / "logs");
    ASSERT_THAT(imported, SizeIs(2));
    EXPECT_FALSE(imported[0].failed);
    EXPECT_TRUE(imported[1].failed);
    EXPECT_THAT(imported[1].remarks, ElementsAre(HasSubstr("run.json")));
    EXPECT_THAT(runs(), SizeIs(1));
    openRunsFile(file)->run("UPDATE import_state SET state_json = 'no JSON'");
    import(folder / "logs");
    EXPECT_THAT(points(runs().at(0)), SizeIs(3)) << "a damaged cursor is as good as none";
}

TEST_F(ImportTrouble, FollowingGoesOnWhenTheTroubleIsOver) {
    write("logs/a/metrics.jsonl", rows(1, 3));
    write("logs/b/run.json", "[1, 2");
    write("logs/b/metrics.jsonl", rows(1, 3));
    ImportOptions following = options();
    following.follow = true;
    RunImport follow(folder / "logs", following);
    EXPECT_THAT(follow.update(), SizeIs(2));
    EXPECT_THAT(follow.update(), SizeIs(0)) << "the same trouble is told once";
    write("logs/b/run.json", "{}");
    EXPECT_THAT(follow.update(), SizeIs(1));
    fs::rename(folder / "logs", folder / "gone");
    const auto gone = follow.update();
    ASSERT_THAT(gone, SizeIs(1));
    EXPECT_TRUE(gone[0].failed);
    EXPECT_THAT(follow.update(), SizeIs(0));
    fs::rename(folder / "gone", folder / "logs");
    std::ofstream(folder / "logs/a/metrics.jsonl", std::ios::app) << rows(4, 4);
    EXPECT_THAT(follow.update(), SizeIs(1));
    follow.finish();
    for (const RunRecord& run : runs())
        EXPECT_EQ(run.status, RunStatus::Finished);
}

TEST_F(ImportTrouble, FollowingManyRunsKeepsFewOpen) {
    constexpr int kRuns = 80;
    for (int i = 0; i < kRuns; ++i)
        write(fmt::format("logs/{}.jsonl", i), rows(1, 1));
    ImportOptions following = options();
    following.follow = true;
    RunImport follow(folder / "logs", following);
    EXPECT_THAT(follow.update(), SizeIs(kRuns));
    EXPECT_LE(follow.open(), 64U);
    for (int i = 0; i < kRuns; ++i)
        std::ofstream(folder / fmt::format("logs/{}.jsonl", i), std::ios::app) << rows(2, 2);
    EXPECT_THAT(follow.update(), SizeIs(kRuns)) << "one that was closed is opened again";
    EXPECT_LE(follow.open(), 64U);
    ASSERT_THAT(runs(), SizeIs(kRuns));
    for (const RunRecord& run : runs())
        EXPECT_THAT(points(run), SizeIs(2));
}

TEST_F(ImportTrouble, AFewBytesThatClaimAMillionBucketsAreRefused) {
    write("logs/events.out.tfevents.1.host", events(1, 1) + test::repeatedHistogramRecord("h", 1, 349'525) +
                                                 test::repeatedHistogramRecord("h", 2, 30));
    const auto imported = import(folder / "logs");
    EXPECT_EQ(imported.at(0).counts.skipped, 1);
    EXPECT_EQ(imported.at(0).counts.histograms, 1) << "thirty buckets are an ordinary one";
}

TEST_F(ImportTrouble, WhatWaitsForTheDiskIsBoundedInBytes) {
    const auto writer = RunWriter::create(file, {});
    const auto series = writer->series("h");
    writer->flush();
    const auto other = openRunsFile(file);
    other->run("BEGIN IMMEDIATE");
    std::atomic<int> accepted = 0;
    std::thread producer([&] {
        for (int i = 0; i < 100; ++i, ++accepted) // 400 KB each
            writer->histogram(series, i, std::vector<HistogramBucket>(most_histogram_buckets));
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    EXPECT_GT(accepted, 10);
    EXPECT_LT(accepted, 60) << "the producer waits";
    other->run("ROLLBACK");
    producer.join();
    writer->finish(RunStatus::Finished);
}

} // namespace
} // namespace fulgurite
