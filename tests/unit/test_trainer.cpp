// SPDX-License-Identifier: Apache-2.0
// A pretraining run of a small model: it learns, it continues with the same bits, and its checkpoints are models.
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/safetensors.h"
#include "core/model/hybrid_model.h"
#include "core/model/weights.h"
#include "core/store/runs/run_reader.h"
#include "core/store/runs/runs_file.h"
#include "core/train/trainer.h"
#include "kernels/bf16_products.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"
#include "tests/unit/test_paths.h"

#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <thread>

namespace fulgurite {
namespace {

using testing::HasSubstr;

class Pretraining : public testing::Test {
  protected:
    Pretraining() {
        writeFileAtomically(folder / "config.json", test::goldenModel('C').config_json);
        TokenIds tokens; // three words in an order without end: easy to learn
        for (int i = 0; i < 900; ++i) {
            tokens.push_back(i % 3 == 0 ? 5 : i % 3 == 1 ? 17 : 40);
        }
        writeFileAtomically(folder / "data.json", nlohmann::json(tokens).dump());
    }

    TrainConfig configOf(const std::string& out, int steps = 8) const {
        const nlohmann::json json{{"out", out},
                                  {"fresh", {{"config", "config.json"}, {"deviation", 0.05}}},
                                  {"data", {"data.json"}},
                                  {"steps", steps},
                                  {"sequence", 24},
                                  {"batch", 2},
                                  {"accumulate", 2},
                                  {"learning_rate", {{"peak", 0.01}, {"warmup", 2}}},
                                  {"checkpoint", {{"every", 3}, {"keep", 2}, {"dtype", "bf16"}}},
                                  {"threads", 2}};
        return TrainConfig::parse(TrainMethod::Pretrain, json.dump(), "run.json", folder.path());
    }

    static std::vector<StepFigures> finish(Trainer& trainer) {
        std::vector<StepFigures> all;
        while (!trainer.done()) {
            all.push_back(trainer.step());
        }
        return all;
    }

    std::vector<std::uint64_t> loggedSteps(const std::string& out) const {
        std::ifstream file(folder / out / "metrics.jsonl");
        std::vector<std::uint64_t> steps;
        for (std::string line; std::getline(file, line);) {
            steps.push_back(nlohmann::json::parse(line).at("step").get<std::uint64_t>());
        }
        return steps;
    }

    test::TemporaryFolder folder;
};

TEST_F(Pretraining, Learns) {
    Trainer trainer(configOf("run", 40));
    EXPECT_EQ(trainer.begin(), 0U);
    const auto figures = finish(trainer);
    // Fresh weights know nothing of 64 tokens; the data leave nothing to guess.
    EXPECT_NEAR(figures.front().loss, std::log(64.0), 0.3);
    EXPECT_LT(figures.back().loss, 0.1);
    EXPECT_EQ(figures.back().tokens, 40U * 24 * 4);
    EXPECT_NEAR(figures.back().rate, 0.001, 1e-12);
    // top_k of 2 when all experts are used alike; at most top_k * experts / 1.
    EXPECT_GE(figures.back().balance, 1.5);
}

TEST_F(Pretraining, LearnsInBfloat16) {
    if (kernels::cpuBf16Products() == nullptr) {
        GTEST_SKIP() << "this processor has no bfloat16 products";
    }
    TrainConfig config = configOf("exact", 40);
    Trainer exact(config);
    exact.begin();
    const auto expected = finish(exact);
    config = configOf("rounded", 40);
    config.arithmetic = Arithmetic::Bfloat16;
    Trainer rounded(config);
    rounded.begin();
    const auto figures = finish(rounded);
    // The first step starts at the same weights: a rounding of 2^-9 to each input, averaged over thousands.
    EXPECT_NE(figures.front().loss, expected.front().loss);
    EXPECT_NEAR(figures.front().loss, expected.front().loss, 0.01);
    EXPECT_NEAR(figures.front().gradient_norm, expected.front().gradient_norm,
                0.02 * expected.front().gradient_norm);
    EXPECT_LT(figures.back().loss, 0.1);
}

TEST_F(Pretraining, LearnsWithMuon) {
    TrainConfig config = configOf("run", 40);
    config.optimizer.method = OptimizerMethod::Muon;
    Trainer trainer(config);
    trainer.begin();
    EXPECT_LT(finish(trainer).back().loss, 0.1);
}

TEST_F(Pretraining, ContinuesWithTheSameBits) {
    Trainer whole(configOf("whole"));
    whole.begin();
    const auto expected = finish(whole);
    {
        Trainer first(configOf("parts"));
        first.begin();
        for (int i = 0; i < 5; ++i) { // the last checkpoint is that of step 3
            first.step();
        }
    }
    EXPECT_EQ(loggedSteps("parts").size(), 5U);
    TrainConfig other_threads = configOf("parts");
    other_threads.threads = 1;
    Trainer second(other_threads);
    EXPECT_EQ(second.begin(), 3U);
    EXPECT_THAT(loggedSteps("parts"), testing::ElementsAre(1, 2, 3)) << "what is done again is logged again";
    const auto continued = finish(second);
    ASSERT_EQ(continued.size(), 5U);
    for (std::size_t i = 0; i < continued.size(); ++i) {
        EXPECT_EQ(continued[i].loss, expected[i + 3].loss) << i;
        EXPECT_EQ(continued[i].gradient_norm, expected[i + 3].gradient_norm) << i;
    }
    EXPECT_EQ(second.model().weights(), whole.model().weights());
    for (const char* file : {"model.safetensors", "optimizer.safetensors"}) {
        EXPECT_EQ(readTextFile(folder / "parts" / "checkpoints" / "step-00000008" / file),
                  readTextFile(folder / "whole" / "checkpoints" / "step-00000008" / file));
    }
}

TEST_F(Pretraining, CheckpointsAreModelsAndTheOldestGo) {
    Trainer trainer(configOf("run"));
    trainer.begin();
    finish(trainer);
    const auto checkpoints = folder / "run" / "checkpoints";
    EXPECT_FALSE(std::filesystem::exists(checkpoints / "step-00000003"));
    EXPECT_TRUE(std::filesystem::exists(checkpoints / "step-00000006"));
    EXPECT_FALSE(std::filesystem::exists(checkpoints / "writing"));
    const auto model = HybridModel::load(checkpoints / "step-00000008");
    EXPECT_EQ(model->weights().embedding.dtype, DType::BF16);
    EXPECT_EQ(model->weights().layers[0].router.dtype, DType::F32);
    const TrainModel loaded = TrainModel::load(checkpoints / "step-00000008");
    double largest = 0;
    for (std::size_t i = 0; i < loaded.weights().size(); ++i) {
        const double trained = trainer.model().weights()[i];
        largest = std::max(largest, std::abs(loaded.weights()[i] - trained) / std::max(std::abs(trained), 1e-6));
    }
    EXPECT_LE(largest, 0x1p-8) << "rounded to bfloat16 once";
    EXPECT_EQ(nlohmann::json::parse(readTextFile(folder / "run" / "run.json")).at("balance"), 0.01);
}

TEST_F(Pretraining, AnUnfinishedCheckpointIsNone) {
    {
        Trainer trainer(configOf("run"));
        trainer.begin();
        for (int i = 0; i < 3; ++i) {
            trainer.step();
        }
    }
    const auto checkpoints = folder / "run" / "checkpoints";
    std::filesystem::create_directories(checkpoints / "writing");
    writeFileAtomically(checkpoints / "writing" / "model.safetensors", "half");
    Trainer trainer(configOf("run"));
    EXPECT_EQ(trainer.begin(), 3U);
    finish(trainer);
    EXPECT_FALSE(std::filesystem::exists(checkpoints / "writing"));
}

// As on a full disk: no file may grow beyond the limit.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) : before_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &limit_);
        rlimit low = limit_;
        low.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &low);
    }
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &limit_);
        std::signal(SIGXFSZ, before_);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  private:
    void (*before_)(int);
    rlimit limit_{};
};

TEST_F(Pretraining, AFullDiskDuringACheckpointLeavesTheOneBefore) {
    auto trainer = std::make_unique<Trainer>(configOf("run"));
    trainer->begin();
    for (int i = 0; i < 4; ++i) {
        trainer->step();
    }
    const auto checkpoints = folder / "run" / "checkpoints";
    const std::string before = readTextFile(checkpoints / "step-00000003" / "state.json");
    {
        const FileSizeLimit full(1 << 10);
        try {
            trainer->save();
            ADD_FAILURE() << "a checkpoint of more than a KiB was written";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::Io);
            EXPECT_THAT(error.what(), HasSubstr("checkpoints"));
        }
    }
    EXPECT_FALSE(std::filesystem::exists(checkpoints / "step-00000004"));
    EXPECT_EQ(readTextFile(checkpoints / "step-00000003" / "state.json"), before);
    trainer->save(); // with room again
    EXPECT_TRUE(std::filesystem::exists(checkpoints / "step-00000004"));
    trainer.reset();
    Trainer restarted(configOf("run"));
    EXPECT_EQ(restarted.begin(), 4U);
    finish(restarted);
    EXPECT_TRUE(std::filesystem::exists(checkpoints / "step-00000008"));
    EXPECT_FALSE(std::filesystem::exists(checkpoints / "writing"));
}

// Through step(), as a run meets it; with the disk full the runs file takes nothing either.
TEST_F(Pretraining, AFullDiskIsToldWithTheLastGoodCheckpointAndHasItsRoomBack) {
    Trainer trainer(configOf("run"));
    trainer.begin();
    for (int i = 0; i < 5; ++i) {
        trainer.step();
    }
    const FileSizeLimit full(1 << 13);
    try {
        trainer.step(); // the checkpoint of step 6
        ADD_FAILURE() << "a checkpoint of more than 8 KiB was written";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Io);
        EXPECT_THAT(error.what(), HasSubstr("model.safetensors"));
        EXPECT_THAT(error.what(), HasSubstr("The last good checkpoint is"));
        EXPECT_THAT(error.what(), HasSubstr("step-00000003"));
    }
    EXPECT_FALSE(std::filesystem::exists(folder / "run" / "checkpoints" / "writing"));
}

TEST_F(Pretraining, ASecondTrainerIsRefusedAndDestroysNothing) {
    for (const bool shown : {true, false}) {
        TrainConfig config = configOf(shown ? "shown" : "alone");
        if (!shown) {
            config.place.database.clear();
        }
        Trainer first(config);
        first.begin();
        for (int i = 0; i < 5; ++i) { // the last checkpoint is that of step 3
            first.step();
        }
        Trainer second(config);
        try {
            second.begin();
            ADD_FAILURE() << "two trainers in one folder";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::Unavailable);
            EXPECT_THAT(error.what(), HasSubstr("another trainer is at work in this folder"));
        }
        EXPECT_THAT(loggedSteps(config.out.filename()), testing::ElementsAre(1, 2, 3, 4, 5));
        finish(first);
        EXPECT_THAT(loggedSteps(config.out.filename()), testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
    }
}

TEST_F(Pretraining, ARunsFileWithAnotherWriterLeavesTheLogsAsTheyAre) {
    const TrainConfig config = configOf("run");
    {
        Trainer first(config);
        first.begin();
        for (int i = 0; i < 5; ++i) {
            first.step();
        }
    }
    const auto other = RunWriter::resume(config.place.database, RunReader(config.place.database).runs().at(0).id);
    EXPECT_THROW(Trainer(config).begin(), Error);
    EXPECT_THAT(loggedSteps("run"), testing::ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(Pretraining, AFinishedRunStaysFinishedWhenItIsStartedAgain) {
    const TrainConfig config = configOf("run");
    {
        Trainer trainer(config);
        trainer.begin();
        finish(trainer);
    }
    RunReader reader(config.place.database);
    const RunRecord before = reader.runs().at(0);
    EXPECT_EQ(before.status, RunStatus::Finished);
    const std::string log = readTextFile(folder / "run" / "metrics.jsonl");
    {
        Trainer again(config);
        EXPECT_EQ(again.begin(), 8U);
        EXPECT_TRUE(again.done());
    }
    const RunRecord after = reader.run(before.id);
    EXPECT_EQ(after.status, RunStatus::Finished);
    EXPECT_EQ(after.ended_us, before.ended_us);
    EXPECT_EQ(readTextFile(folder / "run" / "metrics.jsonl"), log);
}

// A kill may fall between a checkpoint and the rows that the runs file had not got yet, or the end of the run.
TEST_F(Pretraining, WhatTheRunsFileLacksComesFromTheLogs) {
    const TrainConfig config = configOf("run");
    const auto lossesIn = [&] {
        RunReader reader(config.place.database);
        const auto series = reader.findSeries(reader.runs().at(0).id, "train.loss");
        std::vector<std::pair<std::int64_t, double>> losses;
        for (const RunPoint& point : reader.points(series.value().id, 0, 100, 100)) {
            losses.emplace_back(point.step, point.value);
        }
        return losses;
    };
    const auto cutAt = [&](std::int64_t step) {
        const auto writer =
            RunWriter::resume(config.place.database, RunReader(config.place.database).runs().at(0).id);
        writer->rewind(step);
        writer->flush();
    };
    {
        Trainer first(config);
        first.begin();
        for (int i = 0; i < 5; ++i) {
            first.step();
        }
    }
    const auto whole = lossesIn();
    ASSERT_EQ(whole.size(), 5U);
    cutAt(2);
    {
        Trainer second(config);
        EXPECT_EQ(second.begin(), 3U);
        finish(second);
    }
    const auto finished = lossesIn();
    ASSERT_EQ(finished.size(), 8U);
    EXPECT_TRUE(std::equal(whole.begin(), whole.end(), finished.begin())) << "the same steps, the same bits";
    cutAt(7);
    EXPECT_EQ(RunReader(config.place.database).runs().at(0).status, RunStatus::Running);
    EXPECT_EQ(Trainer(config).begin(), 8U);
    EXPECT_EQ(lossesIn(), finished);
    EXPECT_EQ(RunReader(config.place.database).runs().at(0).status, RunStatus::Finished);
}

TEST_F(Pretraining, ARunsFileThatIsBusyDoesNotMakeAFinishedRunFail) {
    const TrainConfig config = configOf("run");
    Trainer trainer(config);
    trainer.begin();
    for (int i = 0; i < 7; ++i) {
        trainer.step();
    }
    const auto other = openRunsFile(config.place.database);
    other->run("BEGIN IMMEDIATE"); // as while a long run is being deleted
    std::thread busy([&] {
        std::this_thread::sleep_for(
            std::chrono::seconds(12)); // longer than one wait, at the checkpoint and the end
        other->run("ROLLBACK");
    });
    EXPECT_NO_THROW(trainer.step());
    busy.join();
    EXPECT_EQ(trainer.trouble(), "");
    EXPECT_EQ(RunReader(config.place.database).runs().at(0).status, RunStatus::Finished);
}

TEST_F(Pretraining, TheStepThatBrokeIsInTheRun) {
    TrainConfig config = configOf("run");
    config.rate.peak = 1e25; // weights whose squares are no float
    config.rate.warmup = 0;
    Trainer trainer(config);
    trainer.begin();
    trainer.step();
    EXPECT_THROW(trainer.step(), Error);
    EXPECT_THAT(loggedSteps("run"), testing::ElementsAre(1, 2));
    RunReader reader(config.place.database);
    const RunRecord run = reader.runs().at(0);
    EXPECT_EQ(run.status, RunStatus::Failed);
    const auto norm = reader.findSeries(run.id, "train.grad_norm");
    ASSERT_TRUE(norm);
    const auto points = reader.points(norm->id, 0, 100, 100);
    ASSERT_EQ(points.size(), 2U);
    EXPECT_TRUE(std::isnan(points[1].value));
}

TEST_F(Pretraining, RefusesToGoOnWithSomethingElse) {
    {
        Trainer trainer(configOf("run"));
        trainer.begin();
        trainer.save();
    }
    const auto refusal = [&](const TrainConfig& config) -> std::string {
        try {
            Trainer(config).begin();
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    TrainConfig config = configOf("run");
    config.balance = 0.5;
    EXPECT_THAT(refusal(config), HasSubstr("another \"balance\""));
    writeFileAtomically(folder / "data.json", nlohmann::json(TokenIds(900, 5)).dump());
    EXPECT_THAT(refusal(configOf("run")), HasSubstr("the data have changed"));
}

TEST_F(Pretraining, MeasuringChangesNothing) {
    Trainer measured(configOf("a"));
    EXPECT_GT(measured.measure(1), 0.0);
    EXPECT_GT(measured.memory().activations, 0.0);
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
    measured.begin();
    Trainer plain(configOf("b"));
    plain.begin();
    EXPECT_EQ(measured.step().loss, plain.step().loss);
    EXPECT_EQ(measured.model().weights(), plain.model().weights());
}

// The included model learns an answer that it does not give by itself.
TEST(SupervisedTuning, TeachesTheIncludedModelAnAnswer) {
    const test::TemporaryFolder folder;
    const auto line = [](const std::string& question, const std::string& answer) {
        return nlohmann::json{
                   {"messages",
                    {{{"role", "user"}, {"content", question}}, {{"role", "assistant"}, {"content", answer}}}}}
                   .dump() +
               "\n";
    };
    writeFileAtomically(folder / "talk.jsonl", line("What is the word?", "Fulgurite.") +
                                                   line("Say the word.", "Fulgurite.") +
                                                   line("The word, please.", "Fulgurite."));
    const nlohmann::json json{{"out", "run"},
                              {"model", (test::sourceDir() / "resources/models/ember").string()},
                              {"data", {"talk.jsonl"}},
                              {"steps", 12},
                              {"batch", 3},
                              {"learning_rate", {{"peak", 0.001}, {"shape", "constant"}}}};
    Trainer trainer(TrainConfig::parse(TrainMethod::Sft, json.dump(), "run.json", folder.path()));
    trainer.begin();
    EXPECT_EQ(trainer.data().count(), 3U);
    std::vector<StepFigures> figures;
    while (!trainer.done()) {
        figures.push_back(trainer.step());
    }
    EXPECT_GT(figures.front().loss, 1.0);
    EXPECT_LT(figures.back().loss, 0.1);
    EXPECT_EQ(figures.back().tokens, 12 * trainer.data().tokens());
    const auto newest = RunFolder(folder / "run").newest();
    ASSERT_TRUE(newest);
    EXPECT_TRUE(std::filesystem::exists(*newest / "tokenizer.json"));
    EXPECT_EQ(RunFolder::progressOf(*newest).tokens, 12 * trainer.data().tokens());
    EXPECT_THROW(TrainConfig::parse(TrainMethod::Pretrain, RunFolder::progressOf(*newest).config.dump(), "run.json",
                                    folder.path()),
                 Error);
}

} // namespace
} // namespace fulgurite
