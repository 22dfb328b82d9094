// SPDX-License-Identifier: Apache-2.0
// `import-run` as a process: the contract that checks from outside rely on.
#include "core/store/runs/run_reader.h"
#include "tests/support/engine_process.h"
#include "tests/unit/temporary_folder.h"
#include "tests/unit/test_paths.h"

#include <chrono>
#include <fstream>
#include <gmock/gmock.h>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

class ImportRun : public testing::Test {
  protected:
    Outcome import(const std::string& path) {
        return runEngine({"import-run", path, "--db", (folder / "runs.db").string(), "--project", "p"});
    }

    TemporaryFolder folder;
};

TEST_F(ImportRun, LeavesRunsSeriesAndPoints) {
    const std::string logs = (sourceDir() / "tests/data/runs").string();
    const Outcome outcome = import(logs);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("cispo-mu4  jsonl  200 values"));
    EXPECT_EQ(outcome.err, "");
    const auto database = readRunsFile(folder / "runs.db");
    EXPECT_EQ(database->integer(
                  "SELECT count(*) FROM points JOIN series ON sid = series.id JOIN runs ON run_id = runs.id "
                  "WHERE runs.name = 'cispo-mu4' AND project = 'p' AND raw_name = 'actor/pg_loss'"),
              40);
    EXPECT_THAT(import(logs).out, HasSubstr("nothing is new"));
}

// As the window ends it.
TEST_F(ImportRun, TerminationEndsFollowingWithAFinishedRun) {
    std::ofstream(folder / "log.jsonl") << "{\"step\":1,\"a\":1}\n";
    Process process(
        {"import-run", (folder / "log.jsonl").string(), "--db", (folder / "runs.db").string(), "--follow"});
    ASSERT_TRUE(process.waitFor("following"));
    EXPECT_EQ(readRunsFile(folder / "runs.db")->integer("SELECT status FROM runs"), 1);
    process.signal(SIGTERM);
    EXPECT_EQ(process.finish().status, 0);
    EXPECT_EQ(readRunsFile(folder / "runs.db")->integer("SELECT status FROM runs"), 2);
}

TEST_F(ImportRun, ALogThatIsSilentIsFollowedNoLonger) {
    const auto log = folder / "log.jsonl";
    std::ofstream(log) << "{\"step\":1,\"a\":1}\n";
    std::filesystem::last_write_time(log, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
    const Outcome outcome = runEngine(
        {"import-run", log.string(), "--db", (folder / "runs.db").string(), "--follow", "--until-silent", "30"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, testing::Not(HasSubstr("following")));
    EXPECT_EQ(readRunsFile(folder / "runs.db")->integer("SELECT status FROM runs"), 2);
}

TEST_F(ImportRun, ALogThatCannotBeReadDoesNotHinderTheOthers) {
    std::filesystem::create_directories(folder / "logs/b");
    std::ofstream(folder / "logs/a.jsonl") << "{\"step\":1,\"a\":1}\n";
    std::ofstream(folder / "logs/b/run.json") << "[1, 2";
    std::ofstream(folder / "logs/b/metrics.jsonl") << "{\"step\":1,\"a\":1}\n";
    const Outcome outcome = import((folder / "logs").string());
    EXPECT_EQ(outcome.status, 1) << "not all of it was read";
    EXPECT_THAT(outcome.out, HasSubstr("a  jsonl  1 values"));
    EXPECT_THAT(outcome.err, HasSubstr("run.json"));
}

TEST_F(ImportRun, SaysWhatIsWrong) {
    EXPECT_EQ(import((folder / "none").string()).status, 1);
    std::ofstream(folder / "noise.jsonl") << "noise\nmore noise\n";
    const Outcome outcome = import((folder / "noise.jsonl").string());
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("2 records were skipped; the first: line 1 is no JSON object"));
}

} // namespace
} // namespace fulgurite::test
