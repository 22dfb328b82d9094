// SPDX-License-Identifier: Apache-2.0
// What a run of reinforcement learning leaves behind: lines, answers with their tokens, rows of a runs file.
#include "core/base/error.h"
#include "core/store/runs/run_reader.h"
#include "tests/unit/rl_fixture.h"

#include <cmath>

namespace fulgurite {
namespace {

using nlohmann::json;
using test::Rl;
using testing::HasSubstr;

TEST_F(Rl, TheUpdateThatBrokeIsInTheRunWithItsAnswers) {
    RlConfig config = configOf("broken", {{"batches", 4}, {"updates", 3}});
    config.rate.peak = 1e25; // weights whose squares are no float
    {
        RlTrainer trainer(config);
        trainer.begin();
        EXPECT_THROW(trainer.step(), Error);
    }
    const auto lines = linesOf("broken", "metrics.jsonl");
    ASSERT_EQ(lines.size(), 2U) << "the update that made the weights, and the one that met them";
    EXPECT_TRUE(lines[0].at("train.grad_norm").is_number());
    EXPECT_TRUE(lines[1].at("train.grad_norm").is_null());
    EXPECT_TRUE(lines[1].at("rollout.reward_mean").is_number());
    EXPECT_FALSE(linesOf("broken", "rollouts.jsonl").empty());
    RunReader reader(*folder_ / "broken" / "runs.fulgurite");
    const RunRecord run = reader.runs().at(0);
    EXPECT_EQ(run.status, RunStatus::Failed);
    EXPECT_TRUE(std::isnan(reader.points(reader.findSeries(run.id, "train.grad_norm")->id, 0, 9, 9).at(1).value));
    EXPECT_EQ(reader.sampleSteps(run.id).size(), 1U);
}

TEST_F(Rl, AnswersThatTheRunsFileLacksComeFromTheLogs) {
    const json changes{{"batches", 3}, {"rollouts", {{"groups", 1}, {"every", 1}}}};
    {
        RlTrainer first(configOf("lacking", changes));
        first.begin();
        first.step();
        first.step(); // and a checkpoint
    }
    const auto file = *folder_ / "lacking" / "runs.fulgurite";
    {
        const auto writer = RunWriter::resume(file, RunReader(file).runs().at(0).id);
        writer->rewind(2);
        writer->flush();
    }
    RlTrainer second(configOf("lacking", changes));
    EXPECT_EQ(second.begin(), 2U);
    finish(second);
    RunReader reader(file);
    EXPECT_THAT(reader.sampleSteps(reader.runs().at(0).id),
                testing::ElementsAre(testing::Pair(1, 8), testing::Pair(2, 8), testing::Pair(3, 8)));
}

TEST_F(Rl, TokensAreCountedOnceHoweverOftenTheyAreLearnedFrom) {
    const auto once = run("tokens-1", {{"batches", 1}});
    const auto often = run("tokens-6", {{"batches", 1}, {"updates", 6}, {"mini_batches", 2}});
    EXPECT_EQ(often[0].tokens, once[0].tokens) << "the same answers of the same weights";
}

TEST_F(Rl, KeepsRolloutsWithTheirTokens) {
    run("kept", {{"updates", 2}, {"objective", {{"cap", 1.001}}}, {"rollouts", {{"groups", 2}}}});
    const auto kept = linesOf("kept", "rollouts.jsonl");
    ASSERT_EQ(kept.size(), 16U) << "two groups of the first batch";
    for (const json& rollout : kept) {
        const json& meta = rollout.at("meta");
        const std::size_t tokens = meta.at("tokens").size();
        EXPECT_GT(tokens, 0U);
        for (const char* of_token : {"texts", "logp", "logp_old", "weight", "capped", "entropy"}) {
            EXPECT_EQ(meta.at(of_token).size(), tokens) << of_token;
        }
        for (std::size_t t = 0; t < tokens; ++t) {
            const double ratio = std::exp(meta.at("logp")[t].get<double>() - meta.at("logp_old")[t].get<double>());
            EXPECT_NEAR(meta.at("weight")[t].get<double>(), std::min(ratio, 1.001), 1e-6);
        }
        EXPECT_EQ(meta.at("correct").get<bool>(), rollout.at("reward").get<double>() == 1.0);
        EXPECT_THAT(rollout.at("prompt").get<std::string>(), testing::MatchesRegex("copy [a-d]="));
    }
}

TEST_F(Rl, WritesItsRunIntoARunsFile) {
    const json changes{{"batches", 3}, {"updates", 2}, {"name", "three batches"}, {"rollouts", {{"groups", 1}}}};
    {
        RlTrainer first(configOf("shown", changes));
        first.begin();
        for (int i = 0; i < 2; ++i) {
            first.step();
        }
        first.save();
    }
    RunReader reader(*folder_ / "shown" / "runs.fulgurite");
    ASSERT_EQ(reader.runs().size(), 1U);
    EXPECT_EQ(reader.runs()[0].status, RunStatus::Running);
    EXPECT_FALSE(reader.runs()[0].alive) << "it was cut";
    RlTrainer second(configOf("shown", changes));
    EXPECT_EQ(second.begin(), 2U);
    finish(second);
    ASSERT_EQ(reader.runs().size(), 1U) << "the same run";
    const RunRecord run = reader.runs()[0];
    EXPECT_EQ(run.name, "three batches");
    EXPECT_EQ(run.algo, "cispo");
    EXPECT_EQ(run.source, "fulgurite");
    EXPECT_EQ(run.status, RunStatus::Finished);
    EXPECT_EQ(run.last_step, 6);
    EXPECT_EQ(json::parse(reader.config(run.id)).at("updates"), 2);
    for (const json& line : linesOf("shown", "metrics.jsonl")) {
        const auto step = line.at("step").get<std::int64_t>();
        for (const char* name : {"train.grad_norm", "train.ratio_p99", "rollout.reward_mean"}) {
            const auto series = reader.findSeries(run.id, name);
            ASSERT_TRUE(series) << name;
            const auto points = reader.points(series->id, step, step, 10);
            ASSERT_EQ(points.size(), line.contains(name) ? 1U : 0U) << name << " at " << step;
            if (!points.empty()) {
                EXPECT_EQ(points[0].value, line.at(name).get<double>());
            }
        }
    }
    ASSERT_EQ(reader.sampleSteps(run.id).size(), 1U) << "of the first batch";
    const auto samples = reader.samples(run.id, 2);
    ASSERT_EQ(samples.size(), 8U);
    const json shown = linesOf("shown", "rollouts.jsonl").at(0);
    const RunSample sample = reader.sample(run.id, samples[0].id);
    EXPECT_EQ(sample.completion, shown.at("completion").get<std::string>());
    EXPECT_EQ(sample.tokens.size(), shown.at("meta").at("tokens").size());
    EXPECT_EQ(sample.tokens[0].id, shown.at("meta").at("tokens")[0]);
}

TEST_F(Rl, StopsWhenNumbersAreNoLongerFinite) {
    RlTrainer trainer(configOf("diverges", {{"batches", 40}, {"learning_rate", {{"peak", 1e9}}}}));
    trainer.begin();
    try {
        finish(trainer);
        FAIL() << "a rate of 1e9 was survived";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(),
                    testing::AnyOf(HasSubstr("last good checkpoint"), HasSubstr("no checkpoint yet")));
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder_ / "diverges")) {
        EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr("step-"))) << "what is broken was not kept";
    }
}

} // namespace
} // namespace fulgurite
