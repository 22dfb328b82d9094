// SPDX-License-Identifier: Apache-2.0
// What happens to a runs file when its writer is killed, its disk is full, or it is not what it should be.
#include "core/store/runs/run_editor.h"
#include "core/store/runs/run_reader.h"
#include "core/store/runs/run_writer.h"
#include "tests/unit/temporary_folder.h"

#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>

namespace fulgurite {
namespace {

using testing::HasSubstr;

class RunsDamage : public testing::Test {
  protected:
    // Runs `body` in a process of its own; it ends without destructors.
    template <class Body>
    int inChild(const Body& body) {
        const pid_t child = ::fork();
        if (child == 0) {
            int status = 99;
            try {
                status = body();
            } catch (const std::exception& e) {
                fmt::print(stderr, "child: {}\n", e.what());
            }
            ::_exit(status);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

    TemporaryFolder folder;
    std::filesystem::path file = folder / "runs.fulgurite";
};

TEST_F(RunsDamage, AKilledWriterLosesNothingThatWasFlushedAndTheRunGoesOn) {
    const int status = inChild([&] {
        auto writer = RunWriter::create(file, {});
        for (int i = 0; i < 5000; ++i)
            writer->add("x", i, i);
        writer->flush();
        writer->add("x", 5000, -1);
        ::raise(SIGKILL);
        return 0;
    });
    EXPECT_EQ(status, 128 + SIGKILL);
    RunReader reader(file);
    const RunRecord run = reader.runs().at(0);
    EXPECT_EQ(run.status, RunStatus::Running); // as it was left,
    EXPECT_FALSE(run.alive);                   // and nobody writes it
    EXPECT_EQ(run.points, 5000);
    EXPECT_EQ(run.last_step, 4999);
    auto writer = RunWriter::resume(file, run.id);
    writer->add("x", 5000, 1);
    writer->finish(RunStatus::Finished);
    EXPECT_EQ(reader.findSeries(run.id, "x")->last_value, 1);
    readRunsFile(file)->checkIntegrity();
}

TEST_F(RunsDamage, AFullDiskKeepsTheFileAndTheRowsWait) {
    const int status = inChild([&] {
        auto writer = RunWriter::create(file, {});
        writer->add("x", 0, 0);
        writer->flush();
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = 300 << 10;
        ::setrlimit(RLIMIT_FSIZE, &limit);
        bool refused = false;
        int step = 1;
        for (; step <= 40'000 && !refused; ++step) {
            writer->add("x", step, step);
            if (step % 4000 == 0) {
                try {
                    writer->flush();
                } catch (const Error& e) {
                    refused = e.kind() == ErrorKind::Io &&
                              std::string(e.what()).find("no space is left") != std::string::npos;
                }
            }
        }
        if (!refused || writer->trouble().empty())
            return 1;
        // A reader is not in its way.
        if (RunReader(file).findSeries(writer->run(), "x")->points >= step)
            return 2;
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_FSIZE, &limit);
        writer->finish(RunStatus::Finished); // nothing was lost
        return writer->trouble().empty() && RunReader(file).findSeries(writer->run(), "x")->points == step ? 0 : 3;
    });
    EXPECT_EQ(status, 0);
    readRunsFile(file)->checkIntegrity();
}

TEST_F(RunsDamage, FilesThatAreNoRunsFilesAreLeftAsTheyAre) {
    std::ofstream(file) << "not a database, but long enough to be looked at as one: " << std::string(2000, '.');
    const auto size = std::filesystem::file_size(file);
    EXPECT_THROW(RunReader{file}, Error);
    EXPECT_THROW(RunWriter::create(file, {}), Error);
    EXPECT_EQ(std::filesystem::file_size(file), size);
    EXPECT_THROW(RunReader{folder / "none"}, Error);
    EXPECT_FALSE(std::filesystem::exists(folder / "none"));
}

TEST_F(RunsDamage, ANewerFileIsRefusedByReadersAndWriters) {
    RunWriter::create(file, {})->flush();
    openRunsFile(file)->execute("PRAGMA user_version = 1000");
    for (const auto& open : {std::function<void()>([&] { RunReader reader(file); }),
                             std::function<void()>([&] { RunWriter::create(file, {}); })}) {
        try {
            open();
            FAIL() << "opened a newer file";
        } catch (const Error& e) {
            EXPECT_EQ(e.kind(), ErrorKind::Unsupported);
            EXPECT_THAT(e.what(), HasSubstr("newer Fulgurite"));
        }
    }
}

TEST_F(RunsDamage, OtherProgramsFindTheTablesThatTheyKnow) {
    auto writer = RunWriter::create(file, {});
    writer->add("loss", 1, 0.5);
    writer->flush();
    const auto database = readRunsFile(file);
    Statement row = database->prepare("SELECT runs.id, uuid, project, name, source, source_uri, algo, created_us, "
                                      "ended_us, status, parent_id, seed, config_json, notes, series.id, run_id, "
                                      "raw_name, canonical, kind, n, min_step, max_step, last_value, min_value, "
                                      "max_value, sid, step, value FROM runs JOIN series ON run_id = runs.id "
                                      "JOIN points ON sid = series.id");
    ASSERT_TRUE(row.step());
    EXPECT_EQ(row.text(16), "loss");
    EXPECT_EQ(row.real(27), 0.5);
}

} // namespace
} // namespace fulgurite
