// SPDX-License-Identifier: Apache-2.0
// The folder of a run of our own trainer as one run: configuration, rows, completions with their tokens.
#include "core/store/runs/import/own_run.h"
#include "core/store/runs/import/run_import.h"
#include "core/store/runs/run_reader.h"
#include "tests/unit/temporary_folder.h"

#include <cmath>
#include <fstream>
#include <gmock/gmock.h>

namespace fulgurite {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::SizeIs;

const std::string kRollout =
    R"({"step":4,"prompt":"1+1=","completion":"2","reward":1.0,"advantage":0.5,"meta":{"prompt_index":3,"answer":1,)"
    R"("ended":"end","texts":["2","<end>"],"tokens":[21,256],"logp_old":[-1.0,-0.5],"logp":[-0.5,-0.5],)"
    R"("entropy":[2.0,0.1],"weight":[1.5,1.0],"capped":[1,0]}})";

class OwnRuns : public testing::Test {
  protected:
    void write(const std::string& name, const std::string& content) {
        fs::create_directories(root);
        std::ofstream(root / name, std::ios::binary) << content;
    }
    std::vector<ImportedRun> import() {
        ImportOptions options;
        options.database = folder / "runs.fulgurite";
        return RunImport(root, options).update();
    }

    TemporaryFolder folder;
    fs::path root = folder / "cispo-a";
};

TEST_F(OwnRuns, BecomeOneRun) {
    write("run.json", R"({"method":"rl","seed":7,"updates":4,"objective":{"loss":"cispo","cap":1.5}})");
    write("metrics.jsonl", "{\"step\":1,\"train.entropy\":1.5}\n{\"step\":4,\"train.entropy\":1.25}\n");
    write("rollouts.jsonl", kRollout + "\nno json\n");
    const std::vector<ImportedRun> imported = import();
    ASSERT_THAT(imported, SizeIs(1));
    EXPECT_EQ(imported[0].format, LogFormat::OwnRun);
    EXPECT_EQ(imported[0].counts.samples, 1);
    EXPECT_EQ(imported[0].counts.skipped, 1);
    RunReader reader(folder / "runs.fulgurite");
    const RunRecord run = reader.run(imported[0].run);
    EXPECT_EQ(run.name, "cispo-a");
    EXPECT_EQ(run.algo, "cispo");
    EXPECT_EQ(run.seed, 7);
    EXPECT_THAT(reader.config(run.id), HasSubstr("\"updates\":4"));
    EXPECT_EQ(reader.series(run.id).size(), 1U);
    const std::vector<RunSample> samples = reader.samples(run.id, 4);
    ASSERT_THAT(samples, SizeIs(1));
    const RunSample sample = reader.sample(run.id, samples[0].id);
    EXPECT_EQ(sample.group, 3);
    EXPECT_EQ(sample.reward, 1.0);
    ASSERT_THAT(sample.tokens, SizeIs(2));
    EXPECT_EQ(sample.tokens[0].bytes, "2");
    EXPECT_FLOAT_EQ(sample.tokens[0].ratio, std::exp(0.5F));
    EXPECT_FLOAT_EQ(sample.tokens[0].weight, 1.5F);
    EXPECT_TRUE(sample.tokens[0].capped);
    EXPECT_FALSE(sample.tokens[1].capped);
    EXPECT_THAT(sample.meta_json, HasSubstr("\"entropy\""));
    EXPECT_THAT(sample.meta_json, testing::Not(HasSubstr("logp_old")));
}

// A trainer that goes on from a checkpoint shortens its files: what they say now is what stands, once.
TEST_F(OwnRuns, AreReadAgainWhenTheyWereShortened) {
    write("run.json", R"({"method":"pretrain","seed":1})");
    write("metrics.jsonl",
          "{\"step\":1,\"train.loss\":3}\n{\"step\":2,\"train.loss\":2}\n{\"step\":4,\"train.loss\":9}\n");
    write("rollouts.jsonl", kRollout + "\n");
    const RunId id = import()[0].run;
    write("metrics.jsonl", "{\"step\":1,\"train.loss\":3}\n{\"step\":2,\"train.loss\":2}\n");
    import();
    RunReader reader(folder / "runs.fulgurite");
    EXPECT_EQ(reader.run(id).algo, "pretrain");
    EXPECT_EQ(reader.findSeries(id, "train.loss")->points, 2);
    EXPECT_THAT(reader.samples(id, 4), SizeIs(1)); // neither lost nor doubled
    EXPECT_THAT(import(), SizeIs(0));              // nothing is new
}

TEST_F(OwnRuns, OtherFoldersAreNoneOfOurs) {
    write("metrics.jsonl", "{\"step\":1,\"loss\":3}\n");
    EXPECT_TRUE(ownRunFiles(root).empty());
    EXPECT_EQ(import()[0].format, LogFormat::JsonLines);
    write("run.json", "[1,2");
    EXPECT_THROW(describeOwnRun(root), Error);
}

} // namespace
} // namespace fulgurite
