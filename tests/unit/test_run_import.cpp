// SPDX-License-Identifier: Apache-2.0
// Logs of other programs, as their own libraries wrote them and damaged in the ways that logs are damaged.
#include "core/base/file_io.h"
#include "core/store/runs/import/crc32c.h"
#include "core/store/runs/import/run_import.h"
#include "core/store/runs/metric_names.h"
#include "core/store/runs/run_editor.h"
#include "core/store/runs/run_reader.h"
#include "tests/unit/log_folder.h"
#include "tests/unit/test_paths.h"

#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace fulgurite {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

fs::path logs() {
    return test::sourceDir() / "tests/data/runs";
}

std::string fromHex(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    return bytes;
}

// Whole records: the version, and "train/loss" at step 5 as a simple value and at step 6 as a tensor.
const std::string version_record =
    fromHex("1800000000000000a37f4b220900000040fc54d9411a0d627261696e2e4576656e743a32eced8f9d");
const std::string simple_record =
    fromHex("200000000000000029eda9500900006040fc54d94110052a130a110a0a747261696e2f6c6f73"
            "7315"
            "0000003f1a0e7c18");
const std::string tensor_record = fromHex(
    "36000000000000004f578cef0900008040fc54d94110062a290a270a0a747261696e2f6c6f73734a0d0a090a077363616c617273"
    "2001420a0801120022040000803ee088e960");

class RunImports : public test::LogFolder {
  protected:
    void append(const fs::path& path, const std::string& content) {
        std::ofstream(path, std::ios::binary | std::ios::app) << content;
    }
    std::vector<ImportedRun> import(const fs::path& path, bool rewind = false) {
        ImportOptions options;
        options.database = file;
        options.rewind = rewind;
        return RunImport(path, options).update();
    }
    std::vector<RunPoint> points(const std::string& run, const std::string& series) {
        RunReader reader(file);
        for (const RunRecord& record : reader.runs()) {
            if (record.name != run)
                continue;
            if (const auto found = reader.findSeries(record.id, series))
                return reader.points(found->id, -run_step_limit, run_step_limit, 1'000'000);
        }
        ADD_FAILURE() << "no series " << series << " of run " << run;
        return {};
    }
};

TEST_F(RunImports, ChecksumsAreThoseOfTheFormat) {
    EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
    EXPECT_EQ(maskedCrc32c(""), 0xa282ead8U);
    EXPECT_EQ(maskedCrc32c("123456789"), 0xc78ab0e5U);
    std::string bytes;
    for (int i = 0; i < 70; ++i) { // every tail behind the whole words
        EXPECT_EQ(crc32c(bytes), crc32cByTables(bytes)) << bytes.size();
        bytes.push_back(static_cast<char>(i * 37));
    }
}

TEST_F(RunImports, EventFilesSayWhatTensorBoardReads) {
    for (const ImportedRun& run : import(logs() / "tensorboard"))
        EXPECT_EQ(run.counts.backwards, 0) << run.name; // a text at step 0 comes last
    EXPECT_THAT(import(logs() / "tensorboard"), SizeIs(0));
    const auto expected = nlohmann::json::parse(readTextFile(logs() / "expected.json"));
    ASSERT_FALSE(expected.empty());
    for (const auto& [run, tags] : expected.items()) {
        for (const auto& [tag, values] : tags.items()) {
            const std::vector<RunPoint> got = points(run, tag);
            ASSERT_EQ(got.size(), values.size()) << tag;
            for (std::size_t i = 0; i < got.size(); ++i) {
                EXPECT_EQ(got[i].step, values[i][0].get<std::int64_t>());
                const auto& value = values[i][1];
                const double wanted = value == "NaN" ? NAN : value == "Infinity" ? INFINITY : value.get<double>();
                EXPECT_TRUE(got[i].value == wanted || (std::isnan(got[i].value) && std::isnan(wanted)))
                    << tag << ' ' << i << ' ' << got[i].value;
            }
        }
    }
    RunReader reader(file);
    for (const RunRecord& run : reader.runs()) {
        EXPECT_EQ(run.source, "tensorboard");
        EXPECT_EQ(run.project, "tensorboard");
        EXPECT_EQ(run.status, RunStatus::Finished);
        if (run.name == "torch") {
            EXPECT_EQ(reader.markAt(run.id, 3)->wall_us, 1'700'000'003'000'000);
            const auto ratio = reader.findSeries(run.id, "train/ratio");
            ASSERT_TRUE(ratio);
            EXPECT_THAT(reader.histogramSteps(ratio->id), ElementsAre(0, 10, 20, 30));
            double count = 0;
            for (const HistogramBucket& bucket : reader.histogram(ratio->id, 10))
                count += bucket.count;
            EXPECT_EQ(count, 200);
        }
        if (run.name.starts_with("hparams")) {
            EXPECT_EQ(nlohmann::json::parse(reader.config(run.id)),
                      (nlohmann::json{{"freeze", 1.0}, {"loss", "cispo"}, {"lr", 3e-4}})); // as torch writes truth
        }
    }
}

TEST_F(RunImports, ADamagedEventFileIsReadAroundTheDamage) {
    std::string damaged = version_record + simple_record + tensor_record;
    damaged[version_record.size() + 20] ^= 1; // in the payload of the first value
    const fs::path path = write("a/events.out.tfevents.1.host", damaged + tensor_record.substr(0, 30));
    const auto runs = import(folder / "a");
    ASSERT_THAT(runs, SizeIs(1));
    EXPECT_EQ(runs[0].counts.skipped, 1);
    EXPECT_THAT(runs[0].remarks, ElementsAre(HasSubstr("fails its checksum")));
    EXPECT_THAT(points("a", "train/loss"), ElementsAre(RunPoint{6, 0.25}));
    // The half record at the end is whole later.
    append(path, tensor_record.substr(30) + simple_record);
    EXPECT_EQ(import(folder / "a")[0].counts.skipped, 0);
    EXPECT_THAT(points("a", "train/loss"), ElementsAre(RunPoint{5, 0.5}, RunPoint{6, 0.25}));
}

TEST_F(RunImports, ADamagedHeaderIsPassedOver) {
    std::string damaged = simple_record;
    damaged[9] ^= 1;
    write("a/events.out.tfevents.1.host", version_record + damaged + std::string(5000, 'z') + tensor_record);
    const auto runs = import(folder / "a");
    EXPECT_EQ(runs[0].counts.skipped, 1);
    EXPECT_THAT(points("a", "train/loss"), ElementsAre(RunPoint{6, 0.25}));
}

TEST_F(RunImports, TrainersGrowFromCheckpointToCheckpoint) {
    fs::create_directory(folder / "out");
    fs::copy(logs() / "trainer/checkpoint-6", folder / "out/checkpoint-6", fs::copy_options::recursive);
    import(folder / "out");
    const std::size_t first = points("out", "loss").size();
    EXPECT_EQ(first, 3u);
    const std::int64_t before = RunReader(file).runs()[0].generation;
    fs::copy(logs() / "trainer/checkpoint-12", folder / "out/checkpoint-12", fs::copy_options::recursive);
    import(folder / "out");
    EXPECT_EQ(points("out", "loss").size(), 6u);
    EXPECT_EQ(points("out", "eval_loss").size(), 2u);
    RunReader reader(file);
    ASSERT_THAT(reader.runs(), SizeIs(1));
    EXPECT_EQ(reader.findSeries(reader.runs()[0].id, "learning_rate")->canonical, "train.lr");
    EXPECT_EQ(reader.markAt(reader.runs()[0].id, 12)->epoch, 1.5);
    EXPECT_EQ(reader.runs()[0].generation, before); // rows were added, none was written again
}

TEST_F(RunImports, VerlWritesJsonLinesAndAConsole) {
    import(logs() / "verl");
    const std::vector<RunPoint> lines = points("cispo-mu4", "actor/pg_loss");
    ASSERT_EQ(lines.size(), 40u);
    EXPECT_TRUE(std::isnan(points("cispo-mu4", "actor/grad_norm")[4].value));
    const auto runs = import(logs() / "verl/console.log");
    ASSERT_THAT(runs, SizeIs(1));
    EXPECT_EQ(runs[0].counts.skipped, 0);
    EXPECT_EQ(points("console", "actor/pg_loss"), lines);
    EXPECT_TRUE(std::isnan(points("console", "actor/grad_norm")[4].value));
}

TEST_F(RunImports, TrlWritesTheNamesOfReinforcementLearning) {
    EXPECT_EQ(import(logs() / "trl")[0].counts.skipped, 0);
    EXPECT_EQ(points("trl", "loss").size(), 8u);
    const std::vector<RunPoint> reward = points("trl", "reward"); // of every other step: two updates a batch
    ASSERT_THAT(reward, SizeIs(4));
    EXPECT_EQ(reward[3].step, 7);
    EXPECT_EQ(reward[1], (RunPoint{3, 0.09375}));
    RunReader reader(file);
    const RunId run = reader.runs()[0].id;
    EXPECT_EQ(reader.findSeries(run, "cispo_clip_ratio")->canonical, "train.cispo_cap_frac");
    EXPECT_EQ(reader.findSeries(run, "completions/mean_length")->canonical, "rollout.len_mean");
    EXPECT_EQ(reader.findSeries(run, "kl")->canonical, "train.kl_ref");
    EXPECT_EQ(reader.markAt(run, 7)->tokens, 113);
    EXPECT_EQ(reader.markAt(run, 8)->epoch, 1);
}

TEST_F(RunImports, MsSwiftCountsStepsInAText) {
    EXPECT_EQ(import(logs() / "swift")[0].counts.skipped, 0);
    const std::vector<RunPoint> loss = points("swift", "loss");
    ASSERT_THAT(loss, SizeIs(6));
    EXPECT_EQ(loss.front().step, 2);
    EXPECT_EQ(loss.back(), (RunPoint{12, 0.63698965}));
    EXPECT_EQ(points("swift", "eval_loss")[0].step, 6);
    RunReader reader(file);
    const RunId run = reader.runs()[0].id;
    EXPECT_EQ(reader.findSeries(run, "train_speed(s/it)")->canonical, "perf.step_time");
    EXPECT_FALSE(reader.findSeries(run, "global_step/max_steps"));
    EXPECT_FALSE(reader.findSeries(run, "elapsed_time")); // "0s" is no number
}

TEST_F(RunImports, PrimeRlWritesSeveralRowsAStepAndNotInOrder) {
    const auto runs = import(logs() / "prime");
    EXPECT_EQ(runs[0].counts.skipped, 0);
    EXPECT_GT(runs[0].counts.backwards, 0); // the orchestrator is a step ahead
    EXPECT_EQ(points("prime", "loss/mean").size(), 40u);
    EXPECT_EQ(points("prime", "optim/grad_norm").size(), 39u); // what is not finite is left out
    const std::vector<RunPoint> reward = points("prime", "train/agg/effective/policy/reward/mean");
    ASSERT_THAT(reward, SizeIs(39));
    EXPECT_EQ(reward[0].step, 1);
    RunReader reader(file);
    const RunId run = reader.runs()[0].id;
    for (const auto& [raw, canonical] : {std::pair("train/agg/effective/policy/reward/mean", "rollout.reward_mean"),
                                         {"train/agg/effective/policy/num_output_tokens/mean", "rollout.len_mean"},
                                         {"loss/mean", "train.loss"},
                                         {"optim/grad_norm", "train.grad_norm"},
                                         {"progress/total_tokens", "data.tokens"},
                                         {"progress/tokens", ""}}) // of one step
        EXPECT_EQ(reader.findSeries(run, raw)->canonical, canonical);
    EXPECT_EQ(reader.markAt(run, 3)->tokens, 2 * 4096);
}

TEST_F(RunImports, JsonLinesOfSeveralKinds) {
    write("swift/logging.jsonl",
          R"log({"loss": 0.5, "grad_norm": NaN, "global_step/max_steps": "2/10", "epoch": 0.1}
{"loss": 0.25, "reward": -Infinity, "global_step/max_steps": "4/10", "memory(GiB)": 3.5, "train_speed(s/it)": 1.5}
)log");
    write("prime/metrics.jsonl", "{\"step\": 0, \"time\": 1700000000.5, \"reward/all/mean\": 0.25, \"nested\": "
                                 "{\"a\": 1, \"b\": [1, 2]}}\r\n");
    import(folder / "swift");
    import(folder / "prime");
    EXPECT_THAT(points("swift", "loss"), ElementsAre(RunPoint{2, 0.5}, RunPoint{4, 0.25}));
    EXPECT_TRUE(std::isnan(points("swift", "grad_norm")[0].value));
    EXPECT_THAT(points("swift", "reward"), ElementsAre(RunPoint{4, -INFINITY}));
    EXPECT_THAT(points("prime", "nested/a"), ElementsAre(RunPoint{0, 1}));
    RunReader reader(file);
    const RunId prime = reader.runs()[0].name == "prime" ? reader.runs()[0].id : reader.runs()[1].id;
    EXPECT_EQ(reader.markAt(prime, 0)->wall_us, 1'700'000'000'500'000);
    EXPECT_EQ(reader.series(prime).size(), 2u); // the step and the time are no metrics
}

TEST_F(RunImports, ALogIsFollowedThroughHalfLinesAndDamage) {
    const fs::path path = write("steps.jsonl", "{\"step\":1,\"a\":1}\n{\"step\":2,\"a\":2}\n{\"step\":3,");
    ImportOptions options;
    options.database = file;
    options.follow = true;
    RunImport follow(path, options);
    follow.update();
    EXPECT_THAT(points("steps", "a"), SizeIs(2));
    EXPECT_TRUE(RunReader(file).runs()[0].alive);
    EXPECT_THAT(follow.update(), SizeIs(0));
    append(path, "\"a\":3}\nnoise\n{\"step\":\"x\",\"a\":1}\n{\"step\":4,\"a\":4}\n");
    const auto runs = follow.update();
    EXPECT_EQ(runs[0].counts.skipped, 2);
    EXPECT_THAT(runs[0].remarks, ElementsAre(HasSubstr("line 4")));
    EXPECT_THAT(points("steps", "a"), SizeIs(4));
    follow.finish();
    EXPECT_EQ(RunReader(file).runs()[0].status, RunStatus::Finished);
}

TEST_F(RunImports, AReplacedFileIsToldAndTakesItsOldValuesBack) {
    const fs::path path =
        write("steps.jsonl", "{\"step\":1,\"a\":1}\n{\"step\":2,\"a\":2}\n{\"step\":3,\"a\":3}\n");
    import(path);
    fs::remove(path);
    write("steps.jsonl", "{\"step\":1,\"a\":10}\n");
    const auto runs = import(path);
    EXPECT_EQ(runs[0].counts.started_anew, 1);
    EXPECT_THAT(runs[0].remarks, ElementsAre(HasSubstr("replaced or cut")));
    EXPECT_THAT(points("steps", "a"), ElementsAre(RunPoint{1, 10}));
    // A copy of the same log that grew, as a synchronising program makes it, is no replacement.
    fs::remove(path);
    write("steps.jsonl", "{\"step\":1,\"a\":10}\n{\"step\":2,\"a\":20}\n");
    EXPECT_EQ(import(path)[0].counts.started_anew, 0);
    EXPECT_THAT(points("steps", "a"), ElementsAre(RunPoint{1, 10}, RunPoint{2, 20}));
}

TEST_F(RunImports, StepsThatGoBackReplaceOrRewind) {
    const std::string log =
        "{\"step\":1,\"a\":1}\n{\"step\":2,\"a\":2}\n{\"step\":3,\"a\":3}\n{\"step\":2,\"a\":-2}\n";
    const auto replaced = import(write("x/log.jsonl", log));
    EXPECT_EQ(replaced[0].counts.backwards, 1);
    EXPECT_THAT(points("x", "a"), ElementsAre(RunPoint{1, 1}, RunPoint{2, -2}, RunPoint{3, 3}));
    import(write("y/log.jsonl", log), true);
    EXPECT_THAT(points("y", "a"), ElementsAre(RunPoint{1, 1}, RunPoint{2, -2}));
}

TEST_F(RunImports, AnEndlessLineIsRefusedInBoundedMemory) {
    const fs::path path = folder / "big.json";
    std::ofstream stream(path, std::ios::binary);
    stream << "{\"x\": \"";
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 40; ++i) // more than a record may have
        stream << piece;
    stream.close();
    try {
        import(path);
        FAIL() << "one line of 40 MiB is no log";
    } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::InvalidInput);
        EXPECT_THAT(e.what(), HasSubstr("line 1 is longer than 16 MiB"));
    }
    // In a log it is one lost record.
    append(path, "\"}\n{\"step\":1,\"a\":1}\n");
    EXPECT_EQ(import(path)[0].counts.skipped, 1);
    EXPECT_THAT(points("big", "a"), ElementsAre(RunPoint{1, 1}));
}

TEST_F(RunImports, TablesWideAndLong) {
    write("wide.csv", "step,time,loss,note,\"acc, top 1\"\n1,1700000000,0.5,hello,\n2,1700000001,nan,x,0.75\n3,\n");
    const auto wide = import(folder / "wide.csv");
    EXPECT_EQ(wide[0].counts.skipped, 1);
    EXPECT_THAT(points("wide", "acc, top 1"), ElementsAre(RunPoint{2, 0.75})); // an empty cell is no point
    EXPECT_THAT(points("wide", "loss"), SizeIs(2));

    write("long.csv", "run;metric;step;value\na;loss;1;0.5\nb;loss;1;0.25\na;loss;2;0.125\n");
    import(folder / "long.csv");
    EXPECT_THAT(points("a", "loss"), ElementsAre(RunPoint{1, 0.5}, RunPoint{2, 0.125}));
    EXPECT_THAT(points("b", "loss"), ElementsAre(RunPoint{1, 0.25}));

    write("board.csv", "Wall time,Step,Value\n1700000000.5,10,0.5\n1700000001.5,20,0.25\n");
    import(folder / "board.csv");
    EXPECT_THAT(points("board", "board"), ElementsAre(RunPoint{10, 0.5}, RunPoint{20, 0.25}));

    write("chart.csv",
          "\"Step\",\"run-1 - reward\",\"run-1 - reward__MIN\",\"run-2 - reward\"\n5,\"0.5\",\"0.1\",\n");
    import(folder / "chart.csv");
    EXPECT_THAT(points("run-1", "reward"), ElementsAre(RunPoint{5, 0.5}));

    // A table that goes on later still knows its header.
    append(folder / "wide.csv", "4,1700000003,0.125,,\n");
    import(folder / "wide.csv");
    EXPECT_THAT(points("wide", "loss"), SizeIs(3));
}

TEST_F(RunImports, AnImportThatWasDeletedBeginsAgain) {
    const fs::path path = write("steps.jsonl", "{\"step\":1,\"a\":1}\n");
    const RunId run = import(path)[0].run;
    EXPECT_THAT(import(path), SizeIs(0)); // nothing is new
    RunEditor(file).remove(run);
    import(path);
    EXPECT_THAT(points("steps", "a"), SizeIs(1));
}

TEST_F(RunImports, PathsThatAreNoLogsAreNamed) {
    EXPECT_THROW(import(folder / "nothing"), Error);
    write("words.bin", "just words");
    EXPECT_THROW(import(folder / "words.bin"), Error);
    fs::create_directory(folder / "empty");
    EXPECT_THROW(import(folder / "empty"), Error);
    EXPECT_FALSE(fs::exists(file)); // and no runs file is made for them
}

TEST_F(RunImports, NamesOfManyProgramsMeanTheSame) {
    EXPECT_EQ(meaningOfMetric("train/loss").canonical, "train.loss");
    EXPECT_EQ(meaningOfMetric("critic/score/mean").canonical, "rollout.reward_mean");
    EXPECT_EQ(meaningOfMetric("train/pg_clipfrac").canonical, "train.clip_frac");
    EXPECT_EQ(meaningOfMetric("rollout.reward_mean").canonical, "rollout.reward_mean");
    EXPECT_EQ(meaningOfMetric("val-core/math/acc/mean@8").canonical, "eval.math.acc.mean@8");
    EXPECT_EQ(meaningOfMetric("my_own").canonical, "");
    // Two series of one run may share a meaning; their definitions tell them apart.
    EXPECT_STRNE(meaningOfMetric("group_reward_std").definition, meaningOfMetric("rollout/reward_std").definition);
}

} // namespace
} // namespace fulgurite
