// SPDX-License-Identifier: Apache-2.0
// Reinforcement learning of a small model: it learns a task that supervision taught it to answer at random, goes on
// with the same bits after a stop, and its objectives coincide where the theory says so.
#include "core/base/error.h"
#include "core/train/live_model.h"
#include "tests/unit/rl_fixture.h"

#include <cmath>

namespace fulgurite {
namespace {

using nlohmann::json;
using test::Rl;
using testing::HasSubstr;

TEST_F(Rl, LearnsATask) {
    const auto figures = run("learns", {{"batches", 60}, {"updates", 2}});
    std::string accuracies;
    for (const RlBatchFigures& batch : figures) {
        accuracies += fmt::format(" {:.2f}", batch.rollout.accuracy);
    }
    SCOPED_TRACE(accuracies);
    EXPECT_GT(figures.front().rollout.accuracy, 0.1);
    EXPECT_LT(figures.front().rollout.accuracy, 0.5) << "the start knows the letters, not which one";
    EXPECT_GT(figures.back().rollout.accuracy, 0.9);
    EXPECT_LT(figures.back().updates.back().pass.entropy, figures.front().updates.back().pass.entropy);
}

TEST_F(Rl, ContinuesWithTheSameBits) {
    const json changes{{"batches", 5},
                       {"updates", 4},
                       {"mini_batches", 2},
                       {"micro_batch", 7},
                       {"rollout", {{"rounds", 3}}},
                       {"objective", {{"kl", 0.01}}}};
    std::vector<float> expected;
    run("whole", changes, &expected);
    {
        RlTrainer first(configOf("parts", changes));
        first.begin();
        for (int i = 0; i < 3; ++i) { // the last checkpoint is that of batch 2
            first.step();
        }
    }
    json other_threads = changes;
    other_threads["threads"] = 2;
    RlTrainer second(configOf("parts", other_threads));
    EXPECT_EQ(second.begin(), 2U);
    finish(second);
    EXPECT_EQ(second.model().weights(), expected);
    EXPECT_EQ(linesOf("parts", "metrics.jsonl"), linesOf("whole", "metrics.jsonl"));
    EXPECT_EQ(linesOf("parts", "rollouts.jsonl"), linesOf("whole", "rollouts.jsonl"));
    EXPECT_EQ(linesOf("whole", "metrics.jsonl").size(), 20U) << "a line for each update";
}

// Rules differ in weight and mask alone, and with one update to a batch every ratio is 1.
TEST_F(Rl, WithOneUpdateTheRulesAreOne) {
    const json same{{"objective", {{"normaliser", "batch_tokens"}}}};
    std::vector<float> cispo, other;
    for (const char* loss : {"dapo", "grpo"}) {
        json changes = same;
        changes["objective"]["loss"] = "cispo";
        const auto figures = run(std::string("cispo-1-") + loss, changes, &cispo);
        for (const RlBatchFigures& batch : figures) {
            EXPECT_EQ(batch.updates[0].pass.policy.smallest_ratio, 1.0);
            EXPECT_EQ(batch.updates[0].pass.policy.largest_ratio, 1.0);
        }
        changes["objective"]["loss"] = loss;
        run(std::string(loss) + "-1", changes, &other);
        EXPECT_EQ(cispo, other) << loss;
        changes["updates"] = 6;
        run(std::string(loss) + "-6", changes, &other);
        changes["objective"]["loss"] = "cispo";
        run(std::string("cispo-6-") + loss, changes, &cispo);
        EXPECT_NE(cispo, other) << loss;
    }
    EXPECT_FALSE(linesOf("dapo-1", "metrics.jsonl").back().contains("train.clip_frac")) << "does not apply";
    EXPECT_TRUE(linesOf("dapo-6", "metrics.jsonl").back().contains("train.clip_frac"));
    EXPECT_TRUE(linesOf("cispo-6-dapo", "metrics.jsonl").back().contains("train.cispo_cap_frac"));
}

TEST_F(Rl, GroupsWithoutVarianceMoveNothing) {
    // No answer ends within one token, so none is right.
    const auto figures = run("cut", {{"rollout", {{"max_tokens", 1}}}, {"balance", 0}});
    for (const RlBatchFigures& batch : figures) {
        EXPECT_EQ(batch.rollout.truncated_frac, 1.0);
        EXPECT_EQ(batch.rollout.zero_std_frac, 1.0);
        EXPECT_EQ(batch.updates[0].gradient_norm, 0.0);
    }
}

TEST_F(Rl, DynamicSamplingDrawsGroupsWithoutVarianceAgain) {
    const json small{{"group", 2}, {"prompts", 16}};
    json drawn_again = small;
    drawn_again["rollout"]["rounds"] = 8;
    const auto plain = run("plain", small);
    const auto dynamic = run("dynamic", drawn_again);
    EXPECT_GT(plain[0].rollout.zero_std_frac, 0.2);
    EXPECT_LT(dynamic[0].rollout.zero_std_frac, plain[0].rollout.zero_std_frac);
    EXPECT_GT(dynamic[0].rollout.rounds, 1U);
    EXPECT_LE(dynamic[0].rollout.rounds, 8U);
    EXPECT_GT(dynamic[0].rollout.generated, plain[0].rollout.generated);
}

TEST_F(Rl, PunishesOverlongAnswers) {
    const auto figures =
        run("long", {{"rollout", {{"max_tokens", 1}}}, {"reward", {{"overlong", 1}, {"overlong_weight", 0.5}}}});
    EXPECT_EQ(figures[0].rollout.reward_mean, -0.5);
    EXPECT_EQ(figures[0].rollout.accuracy, 0);
}

// R_len of DAPO over what the stop on repetition of MiniMax-M1 ended: both may be asked for.
TEST(RlFigures, ARepetitionThatWasStoppedIsAsLongAsItIs) {
    constexpr std::size_t kLimit = 256;
    RolloutAnswer answer;
    answer.tokens = TokenIds(20, 7);
    const auto punishment = [&](FinishReason reason) {
        answer.reason = reason;
        return overlongPunishment(answer.lengthToPunish(kLimit), kLimit, 64);
    };
    EXPECT_EQ(punishment(FinishReason::EndOfSentence), 0);
    EXPECT_EQ(punishment(FinishReason::Repetition), 0);
    EXPECT_EQ(punishment(FinishReason::MaxTokens), -1) << "it would have been longer";
    EXPECT_EQ(punishment(FinishReason::ContextFull), -1);
    answer.tokens = TokenIds(224, 7);
    EXPECT_EQ(punishment(FinishReason::Repetition), -0.5);
}

// What the runs file lacks of the answers comes from the folder too, once.
TEST_F(Rl, EngineAndTrainingPassAgree) {
    const auto figures = run("agree", json::object());
    EXPECT_GT(figures[0].rollout.mismatch.pearson, 0.999999);
    EXPECT_LT(figures[0].rollout.mismatch.log_absdiff, 1e-4);
    ASSERT_TRUE(figures[0].rollout.pearson_bf16_head);
    EXPECT_LT(*figures[0].rollout.pearson_bf16_head, figures[0].rollout.mismatch.pearson);
    EXPECT_GT(*figures[0].rollout.pearson_bf16_head, 0.9);
}

// Every answer is drawn anew, so what is compared is the size of the differences, of the same weights.
TEST_F(Rl, WritesAnswersInBfloat16) {
    const auto mismatch = [](const std::string& out, const json& rollout) {
        const auto figures = run(out, {{"rollout", rollout}, {"prompts", 64}, {"batches", 1}});
        EXPECT_EQ(figures[0].updates[0].pass.policy.largest_ratio, 1.0) << "ratios are of the training pass alone";
        EXPECT_EQ(figures[0].rollout.pearson_bf16_head.has_value(), rollout.empty()) << "where it is a question";
        return figures[0].rollout.mismatch;
    };
    const Mismatch exact = mismatch("f32", json::object());
    const Mismatch head = mismatch("f32-head", {{"head", "bf16"}});
    const Mismatch layers = mismatch("bf16", {{"arithmetic", "bf16"}});
    const Mismatch both = mismatch("bf16-head", {{"arithmetic", "bf16"}, {"head", "bf16"}});
    for (const Mismatch& each : {head, layers, both}) {
        EXPECT_LT(each.pearson, exact.pearson);
        EXPECT_GT(each.pearson, 0.9);
        EXPECT_GT(each.log_absdiff, 10 * exact.log_absdiff);
        EXPECT_LT(each.log_absdiff, 0.1);
    }
    EXPECT_NE(layers.log_absdiff, both.log_absdiff);
}

TEST_F(Rl, RoundsWhatItIsToldTo) {
    const TrainModel model = TrainModel::load(*folder_ / "start/checkpoints/step-00000030");
    struct Stream : ForwardTap {
        bool wants(TapPoint point, int) const override { return point == TapPoint::Hidden; }
        void onValues(TapPoint, int, std::span<const float> values, std::size_t) override {
            all.insert(all.end(), values.begin(), values.end());
        }
        void onRouting(int, std::span<const std::int32_t>, std::span<const float>, std::size_t) override {}
        std::vector<float> all;
    };
    const auto isRounded = [](const std::vector<float>& values) {
        return std::all_of(values.begin(), values.end(),
                           [](float value) { return value == bf16ToFloat(floatToBf16(value)); });
    };
    const TokenIds tokens{99, 111, 112, 121, 32, 97, 61};
    kernels::ThreadPool pool(2);
    for (const Arithmetic layers : {Arithmetic::Float32, Arithmetic::Bfloat16}) {
        for (const HeadArithmetic head : {HeadArithmetic::Float32, HeadArithmetic::Bfloat16}) {
            const auto live = modelOver(model, {layers, head});
            SequenceState state = live->newState();
            SequenceChunk chunk{&state, tokens, LogitsWanted::All};
            Workspace workspace;
            std::vector<float> logits;
            Stream stream;
            live->forward({&chunk, 1}, pool, workspace, logits, &stream);
            EXPECT_EQ(isRounded(stream.all), layers == Arithmetic::Bfloat16);
            EXPECT_EQ(isRounded(logits), head == HeadArithmetic::Bfloat16);
        }
    }
}

TEST_F(Rl, LearnsInBfloat16) {
    if (kernels::cpuBf16Products() == nullptr) {
        GTEST_SKIP() << "this processor has no bfloat16 products";
    }
    const auto exact = run("exact", {{"batches", 1}, {"updates", 2}});
    const auto figures = run("rounded", {{"batches", 60}, {"updates", 2}, {"arithmetic", "bf16"}});
    EXPECT_NE(figures[0].updates[0].gradient_norm, exact[0].updates[0].gradient_norm);
    EXPECT_NEAR(figures[0].updates[0].gradient_norm, exact[0].updates[0].gradient_norm,
                0.05 * exact[0].updates[0].gradient_norm);
    EXPECT_EQ(figures[0].updates[0].pass.policy.largest_ratio, 1.0);
    // One in four is right by chance. How far one batch is depends on the order of sums; ten together tell.
    double last_ten = 0;
    for (std::size_t i = figures.size() - 10; i < figures.size(); ++i) {
        last_ten += figures[i].rollout.accuracy / 10;
    }
    EXPECT_GT(last_ten, 0.5);
}

TEST_F(Rl, HoldsOnToTheReference) {
    const auto figures = run("kl", {{"updates", 2}, {"objective", {{"kl", 0.1}}}});
    EXPECT_EQ(figures[0].updates[0].pass.policy.kl, 0.0) << "the run begins at its reference";
    EXPECT_GT(figures[0].updates[1].pass.policy.kl, 0.0);
    EXPECT_TRUE(linesOf("kl", "metrics.jsonl")[1].contains("train.kl_ref"));
}

TEST_F(Rl, EvaluatesTheSameItemsEveryTime) {
    const json changes{
        {"evaluation", {{"items", 16}, {"samples", 3}, {"every", 2}}},
        {"learning_rate", {{"peak", 0}}},
        {"tasks", {{{"task", "strings"}, {"operation", "copy"}, {"min_length", 1}, {"letters", 4}}}}};
    run("evaluated", changes);
    const auto lines = linesOf("evaluated", "metrics.jsonl");
    ASSERT_EQ(lines.size(), 5U);
    EXPECT_EQ(lines[0].at("step"), 0);
    for (const char* name : {"eval.strings.greedy", "eval.strings.mean@3", "eval.strings.pass@3"}) {
        EXPECT_EQ(lines[0].at(name), lines[2].at(name));
        EXPECT_EQ(lines[0].at(name), lines[4].at(name)) << "nothing was learnt";
        EXPECT_FALSE(lines[1].contains(name));
    }
}

TEST_F(Rl, MeasuringChangesNothing) {
    RlTrainer measured(configOf("a"));
    const RlPlan plan = measured.measure();
    EXPECT_GT(plan.rollout_speed, 0);
    EXPECT_GT(plan.total_seconds, plan.batch_seconds);
    EXPECT_GT(plan.memory(), 0);
    EXPECT_FALSE(std::filesystem::exists(*folder_ / "a"));
    measured.begin();
    RlTrainer plain(configOf("b"));
    plain.begin();
    measured.step();
    plain.step();
    EXPECT_EQ(measured.model().weights(), plain.model().weights());
}

TEST_F(Rl, ConfigurationsSayWhatIsWrong) {
    const auto refusal = [](const json& changes) -> std::string {
        try {
            configOf("refused", changes);
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_THAT(refusal({{"objective", {{"losss", "dapo"}}}}), HasSubstr("nearest is \"loss\""));
    EXPECT_THAT(refusal({{"tasks", {{{"task", "adition"}}}}}), HasSubstr("nearest is \"addition\""));
    EXPECT_THAT(refusal({{"tasks", {{{"task", "addition"}, {"max_digit", 3}}}}}), HasSubstr("\"max_digits\""));
    EXPECT_THAT(refusal({{"updates", 3}, {"mini_batches", 2}}), HasSubstr("must divide"));
    EXPECT_THAT(refusal({{"method", "sft"}}), HasSubstr("is for the method \"sft\""));
    const RlConfig config = configOf("o", {{"objective", {{"loss", "grpo"}}}});
    EXPECT_EQ(config.policy.clip_high, 0.2) << "as published";
    EXPECT_EQ(config.policy.normaliser, Normaliser::Answer);
    EXPECT_EQ(configOf("o", {{"objective", {{"loss", "dapo"}}}}).policy.clip_high, 0.28);
    RlConfig again = RlConfig::parse(config.toJson().dump(), "again", "/elsewhere");
    EXPECT_EQ(again.toJson(), config.toJson());
    again.threads = 9;
    EXPECT_EQ(config.differenceThatMatters(again), "");
    again.policy.cap = 7;
    EXPECT_EQ(config.differenceThatMatters(again), "objective");
    const RlConfig rounded = configOf("o", {{"rollout", {{"arithmetic", "bf16"}, {"head", "bf16"}}}});
    EXPECT_EQ(rounded.rollout.arithmetic, (RolloutArithmetic{Arithmetic::Bfloat16, HeadArithmetic::Bfloat16}));
    EXPECT_EQ(RlConfig::parse(rounded.toJson().dump(), "again", "/elsewhere").toJson(), rounded.toJson());
    EXPECT_THAT(refusal({{"rollout", {{"head", "fp16"}}}}), HasSubstr("f32, bf16"));
}

TEST_F(Rl, JudgesWhatFollowsTheThinking) {
    const RlConfig config = configOf("judge");
    const PromptSource source(config.prompts_of, Tokenizer::load(*folder_ / "tokenizer"), "");
    const RlPrompt prompt = source.training(0);
    RolloutAnswer answer;
    answer.text = "<think>maybe " + prompt.item.gold + "?</think>\n" + prompt.item.gold;
    answer.reason = FinishReason::EndOfSentence;
    EXPECT_EQ(source.judge(prompt, answer, {}).reward, 1.0);
    answer.reason = FinishReason::MaxTokens;
    EXPECT_EQ(source.judge(prompt, answer, {}).reward, 0.0) << "it was cut";
    answer.reason = FinishReason::EndOfSentence;
    answer.text = "<think>" + prompt.item.gold + "</think> z";
    EXPECT_EQ(source.judge(prompt, answer, {}).reward, 0.0);
    EXPECT_EQ(source.judge(prompt, answer, {.partial = 0.5, .format = 0.125}).reward, 0.125)
        << "letters, but wrong";
}

TEST(RlFigures, QuantilesLieBetweenNeighbours) {
    std::vector<double> values{4, 1, 3, 2, 5};
    EXPECT_EQ(quantile(values, 0.5), 3);
    EXPECT_EQ(quantile(values, 0), 1);
    EXPECT_EQ(quantile(values, 1), 5);
    EXPECT_DOUBLE_EQ(quantile(values, 0.1), 1.4);
}

TEST(RlFigures, CorrelationOfProbabilities) {
    PolicyAnswer answer;
    answer.written.tokens = {1, 2, 3};
    answer.drawn_log_probs = {std::log(0.2f), std::log(0.4f), std::log(0.9f)};
    answer.old_log_probs = {std::log(0.1f), std::log(0.2f), std::log(0.45f)}; // half of it: in line
    const auto correlate = [&] {
        return mismatchOf({&answer, 1}, &PolicyAnswer::drawn_log_probs, &PolicyAnswer::old_log_probs);
    };
    EXPECT_NEAR(correlate().pearson, 1, 1e-6);
    EXPECT_NEAR(correlate().prob_absdiff, 0.25, 1e-6);
    EXPECT_NEAR(correlate().log_absdiff, std::log(2), 1e-6);
    EXPECT_NEAR(correlate().largest_ratio, 0.5, 1e-6) << "every token became less likely";
    answer.old_log_probs = {std::log(0.9f), std::log(0.4f), std::log(0.2f)};
    EXPECT_NEAR(correlate().largest_ratio, 4.5, 1e-5);
    // x - mean -0.3 -0.1 0.4, y - mean 0.4 -0.1 -0.3: -0.23 / 0.26.
    EXPECT_NEAR(correlate().pearson, -0.23 / 0.26, 1e-6);
}

} // namespace
} // namespace fulgurite
