// SPDX-License-Identifier: Apache-2.0
// The reinforcement-learning losses: worked examples of the papers' formulas, and finite differences.
#include "core/train/objectives.h"
#include "kernels/backward_ops.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace fulgurite {
namespace {

using testing::Each;

struct Answer {
    std::size_t group = 0;
    double advantage = 0;
    std::span<const float> log_probs, old_log_probs, reference_log_probs;
};

// Of a whole batch; `gradients` has the sum of all answers' tokens.
PolicyFigures allGradients(const PolicyOptions& options, std::span<const Answer> answers,
                           std::span<float> gradients) {
    std::vector<AnswerSize> sizes;
    for (const Answer& answer : answers) {
        sizes.push_back({answer.group, answer.log_probs.size()});
    }
    const std::vector<double> shares = tokenShares(options.normaliser, sizes);
    PolicyGradients sum(options);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const Answer& a = answers[i];
        sum.add({a.advantage, shares[i], a.log_probs, a.old_log_probs, a.reference_log_probs},
                gradients.first(sizes[i].tokens));
        gradients = gradients.subspan(sizes[i].tokens);
    }
    return sum.figures();
}

TEST(Advantages, OfEightAnswersOfWhichTwoAreRight) {
    const std::vector<double> rewards{1, 0, 0, 1, 0, 0, 0, 0};
    // Mean 0.25; deviation 0.4330127 over n, 0.4629100 over n - 1.
    const auto population = groupAdvantages(rewards, {true, false, 0});
    EXPECT_NEAR(population[0], 1.7320508, 1e-7);
    EXPECT_NEAR(population[1], -0.5773503, 1e-7);
    const auto sample = groupAdvantages(rewards, {true, true, 0});
    EXPECT_NEAR(sample[3], 1.6201852, 1e-7);
    EXPECT_NEAR(sample[7], -0.5400617, 1e-7);
    const auto with_epsilon = groupAdvantages(rewards, {true, true, 1e-4});
    EXPECT_NEAR(with_epsilon[0], 1.6198353, 1e-7);
    EXPECT_NEAR(with_epsilon[1], -0.5399451, 1e-7);
    EXPECT_EQ(groupAdvantages(rewards, {false, true, 0})[0], 0.75);
}

TEST(Advantages, OfAGroupWithoutVarianceAreExactlyZero) {
    // 0.1 cannot be represented: the mean of several rounds away from it.
    for (const double reward : {0.1, 1.0, -1.0 / 3.0}) {
        EXPECT_THAT(groupAdvantages(std::vector<double>(7, reward), {true, true, 0}), Each(0.0));
    }
    EXPECT_THAT(groupAdvantages(std::vector<double>{0.7}, {}), Each(0.0));
    EXPECT_TRUE(groupAdvantages({}, {}).empty());
}

TEST(Overlong, PunishmentFallsWithinTheCache) {
    EXPECT_EQ(overlongPunishment(16384, 20480, 4096), 0.0);
    EXPECT_EQ(overlongPunishment(17408, 20480, 4096), -0.25);
    EXPECT_EQ(overlongPunishment(20480, 20480, 4096), -1.0);
    EXPECT_EQ(overlongPunishment(20481, 20480, 4096), -1.0);
    EXPECT_EQ(overlongPunishment(0, 100, 100), 0.0);
    EXPECT_EQ(overlongPunishment(50, 100, 200), -0.5) << "a cache larger than the limit is the limit";
}

TEST(TokenWeights, OfEveryRuleForOneToken) {
    struct Row {
        double advantage, ratio, cispo, grpo, dapo;
    };
    for (const Row& row :
         {Row{1, 0.1, 0.1, 0.1, 0.1}, Row{1, 1.25, 1.25, 0, 1.25}, Row{1, 1.5, 1.5, 0, 0}, Row{1, 40, 5, 0, 0},
          Row{-1, 0.1, 0.1, 0, 0}, Row{-1, 0.9, 0.9, 0.9, 0.9}, Row{-1, 4, 4, 4, 4}, Row{-1, 40, 5, 40, 40}}) {
        const auto weight = [&](const PolicyOptions& options) {
            const TokenWeight token = tokenWeight(options, row.advantage, std::log(row.ratio) - 2, -2);
            return token.masked ? 0.0 : token.weight;
        };
        SCOPED_TRACE(testing::Message() << "advantage " << row.advantage << ", ratio " << row.ratio);
        EXPECT_NEAR(weight(PolicyOptions::cispo(5)), row.cispo, 1e-12 * 40);
        EXPECT_NEAR(weight(PolicyOptions::grpo(0.2)), row.grpo, 1e-12 * 40);
        EXPECT_NEAR(weight(PolicyOptions::dapo(0.2, 0.28)), row.dapo, 1e-12 * 40);
    }
}

TEST(TokenWeights, OnABoundIsInside) {
    PolicyOptions options = PolicyOptions::dapo(0.5, 1.0);
    EXPECT_FALSE(tokenWeight(options, 1, std::log(2.0), 0).masked);
    EXPECT_TRUE(tokenWeight(options, 1, std::log(2.0) + 1e-9, 0).masked);
    EXPECT_FALSE(tokenWeight(options, -1, std::log(0.5), 0).masked);
    options = PolicyOptions::cispo(4);
    EXPECT_TRUE(tokenWeight(options, 1, std::log(4.1), 0).capped);
    EXPECT_FALSE(tokenWeight(options, 1, std::log(3.9), 0).capped);
    EXPECT_TRUE(std::isfinite(tokenWeight(PolicyOptions::grpo(), -1, 0, -1e30).weight));
}

// Two tokens, vocabulary 4, advantage 1.5, cap 5: every number by hand from the formulas.
TEST(Cispo, WorkedExampleDownToTheLogits) {
    std::vector<float> logits{0.5f, -0.25f, 1, 0, -1, 0.75f, 0.2f, 0.3f};
    const std::vector<std::int32_t> targets{2, 1};
    std::vector<float> log_probs(2), log_sums(2), entropies(2), gradients(2);
    kernels::ThreadPool pool(1);
    kernels::Queue queue(pool);
    const auto& ops = kernels::referenceBackwardOps();
    ops.log_prob({logits.data(), targets.data(), 2, 4, 1.0f, log_probs.data(), log_sums.data(), entropies.data()},
                 queue);
    EXPECT_NEAR(log_probs[0], -0.81576955, 1e-7);
    EXPECT_NEAR(log_probs[1], -0.87060355, 1e-7);
    const std::vector<float> old{-1.2f, -0.9f};
    const Answer answer{0, 1.5, log_probs, old, {}};
    const PolicyFigures figures = allGradients(PolicyOptions::cispo(5), {&answer, 1}, gradients);
    EXPECT_NEAR(figures.loss, 1.57089035, 1e-6);
    EXPECT_NEAR(figures.largest_ratio, 1.46848381, 1e-6);
    EXPECT_NEAR(figures.smallest_ratio, 1.02983279, 1e-6);
    ops.log_prob_grad(
        {logits.data(), targets.data(), 2, 4, 1.0f, log_sums.data(), nullptr, gradients.data(), nullptr}, queue);
    const std::vector<double> expected{0.29546019, 0.13956551,  -0.61423136, 0.17920566,
                                       0.05619715, -0.44898230, 0.18658112,  0.20620403};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(logits[i], expected[i], 2e-7) << i;
    }
}

// Two groups of answers of different lengths with ratios on both sides of every bound.
struct Batch {
    std::vector<std::vector<float>> log_probs, old, reference;
    std::vector<Answer> answers;
    std::size_t tokens = 0;

    explicit Batch(bool with_reference, double spread = 0.8, bool equal_lengths = false) {
        std::mt19937 random(5);
        std::normal_distribution<double> noise(0, spread);
        const std::vector<std::size_t> lengths{3, 1, 6, 2, 5};
        for (const std::size_t wanted : lengths) {
            const std::size_t length = equal_lengths ? 4 : wanted;
            log_probs.emplace_back();
            for (std::size_t t = 0; t < length; ++t) {
                log_probs.back().push_back(
                    static_cast<float>(-1.5 + 0.5 * std::sin(static_cast<double>(t + length))));
            }
            for (auto* other : {&old, &reference}) {
                other->push_back(log_probs.back());
                for (float& value : other->back()) {
                    value += static_cast<float>(spread == 0 ? 0.0 : noise(random));
                }
            }
            tokens += length;
        }
        for (std::size_t i = 0; i < lengths.size(); ++i) {
            const double advantage = i % 2 == 0 ? 1.25 : -0.75;
            answers.push_back({i < 3 ? 0u : 1u, advantage, log_probs[i], old[i],
                               with_reference ? std::span<const float>(reference[i]) : std::span<const float>()});
        }
    }
};

std::vector<float> gradientsOf(const PolicyOptions& options, const Batch& batch) {
    std::vector<float> gradients(batch.tokens);
    allGradients(options, batch.answers, gradients);
    return gradients;
}

// The loss in double, with the weights of CISPO taken from elsewhere, where they stay constant.
double lossAt(const PolicyOptions& options, const Batch& batch, const std::vector<double>& log_probs,
              const std::vector<double>& frozen) {
    double total_tokens = 0;
    double group_tokens[2] = {};
    double group_answers[2] = {};
    for (const Answer& answer : batch.answers) {
        total_tokens += static_cast<double>(answer.log_probs.size());
        group_tokens[answer.group] += static_cast<double>(answer.log_probs.size());
        group_answers[answer.group] += 1;
    }
    double loss = 0;
    std::size_t at = 0;
    for (const Answer& answer : batch.answers) {
        const double length = static_cast<double>(answer.log_probs.size());
        const double n = options.normaliser == Normaliser::BatchTokens   ? total_tokens
                         : options.normaliser == Normaliser::GroupTokens ? 2 * group_tokens[answer.group]
                                                                         : 2 * group_answers[answer.group] * length;
        for (std::size_t t = 0; t < answer.log_probs.size(); ++t, ++at) {
            const double ratio = std::exp(log_probs[at] - answer.old_log_probs[t]);
            const double clipped = std::min(std::max(ratio, 1 - options.clip_low), 1 + options.clip_high);
            loss -= (options.loss == PolicyLoss::Cispo
                         ? frozen[at] * answer.advantage * log_probs[at]
                         : std::min(ratio * answer.advantage, clipped * answer.advantage)) /
                    n;
            if (!answer.reference_log_probs.empty()) {
                const double d = answer.reference_log_probs[t] - log_probs[at];
                loss += options.kl * (std::exp(d) - d - 1) / n;
            }
        }
    }
    return loss;
}

TEST(PolicyGradients, AreThoseOfFiniteDifferences) {
    for (const bool with_reference : {false, true}) {
        const Batch batch(with_reference);
        for (PolicyOptions options :
             {PolicyOptions::cispo(1.5), PolicyOptions::grpo(0.2, 0.3), PolicyOptions::dapo()}) {
            options.kl = 0.3;
            for (const Normaliser normaliser :
                 {Normaliser::BatchTokens, Normaliser::GroupTokens, Normaliser::Answer}) {
                options.normaliser = normaliser;
                std::vector<double> log_probs, frozen;
                for (const Answer& answer : batch.answers) {
                    for (std::size_t t = 0; t < answer.log_probs.size(); ++t) {
                        log_probs.push_back(answer.log_probs[t]);
                        frozen.push_back(
                            std::min(std::exp(log_probs.back() - answer.old_log_probs[t]), options.cap));
                    }
                }
                std::vector<float> gradients(batch.tokens);
                const PolicyFigures figures = allGradients(options, batch.answers, gradients);
                EXPECT_NEAR(figures.loss, lossAt(options, batch, log_probs, frozen), 1e-9);
                for (std::size_t i = 0; i < log_probs.size(); ++i) {
                    constexpr double kStep = 1e-6; // no ratio lies this near to a bound
                    std::vector<double> moved = log_probs;
                    moved[i] += kStep;
                    const double above = lossAt(options, batch, moved, frozen);
                    moved[i] -= 2 * kStep;
                    const double slope = (above - lossAt(options, batch, moved, frozen)) / (2 * kStep);
                    // Rounding of the loss, 1e-16 / 1e-6, and of the result to float.
                    EXPECT_NEAR(gradients[i], slope, 1e-9 + std::abs(slope) * 0x1p-23)
                        << i << ", loss " << static_cast<int>(options.loss);
                }
            }
        }
    }
}

TEST(PolicyGradients, WithoutAnUpdateBetweenAllRulesAreOne) {
    const Batch batch(false, 0.0);
    EXPECT_EQ(gradientsOf(PolicyOptions::cispo(), batch), gradientsOf(PolicyOptions::dapo(), batch));
    PolicyOptions grpo = PolicyOptions::grpo();
    EXPECT_NE(gradientsOf(grpo, batch), gradientsOf(PolicyOptions::dapo(), batch))
        << "it weighs answers, not tokens";
    grpo.normaliser = Normaliser::BatchTokens;
    EXPECT_EQ(gradientsOf(grpo, batch), gradientsOf(PolicyOptions::dapo(), batch));
}

TEST(PolicyGradients, OfEquallyLongAnswersGrpoIsTokenLevelWithinAGroupSize) {
    Batch batch(false, 0.0, true);
    batch.answers.pop_back(); // groups of three and one answers: only the second weighs its tokens more
    const auto by_answer = gradientsOf(PolicyOptions::grpo(), batch);
    PolicyOptions by_group = PolicyOptions::grpo();
    by_group.normaliser = Normaliser::GroupTokens;
    const auto group_level = gradientsOf(by_group, batch);
    for (std::size_t i = 0; i < by_answer.size(); ++i) {
        EXPECT_FLOAT_EQ(by_answer[i], group_level[i]);
    }
}

TEST(PolicyGradients, OfAZeroAdvantageAreExactlyZero) {
    Batch batch(false, 3.0);
    for (Answer& answer : batch.answers) {
        answer.advantage = 0;
    }
    for (const PolicyOptions& options : {PolicyOptions::cispo(), PolicyOptions::grpo(), PolicyOptions::dapo()}) {
        EXPECT_THAT(gradientsOf(options, batch), Each(0.0f));
    }
}

TEST(PolicyGradients, CountWhatWasCappedAndMasked) {
    const std::vector<float> now{-1, -1, -1, -1};
    const std::vector<float> old{-1, -4, -1.1f, 2};
    const Answer answer{0, 1, now, old, {}};
    std::vector<float> gradients(4);
    PolicyFigures figures = allGradients(PolicyOptions::cispo(5), {&answer, 1}, gradients);
    EXPECT_EQ(figures.tokens, 4u);
    EXPECT_EQ(figures.capped_fraction, 0.25); // e^3
    EXPECT_EQ(figures.masked_fraction, 0.0);
    EXPECT_EQ(figures.weighted_fraction, 1.0);
    EXPECT_FLOAT_EQ(gradients[1], -5.0f / 4);
    figures = allGradients(PolicyOptions::dapo(0.2, 0.05), {&answer, 1}, gradients);
    EXPECT_EQ(figures.masked_fraction, 0.5); // e^3 and e^0.1
    EXPECT_EQ(gradients[1], 0.0f);
}

TEST(PolicyGradients, InPartsAreThoseOfTheWhole) {
    const Batch batch(true);
    const Answer& answer = batch.answers[2];
    std::vector<float> whole(6), parts(6);
    PolicyGradients together(PolicyOptions::cispo(1.5)), apart(PolicyOptions::cispo(1.5));
    together.add({answer.advantage, 0.1, answer.log_probs, answer.old_log_probs, answer.reference_log_probs},
                 whole);
    for (const auto& [first, count] : {std::pair{0, 2}, std::pair{2, 4}}) {
        const auto at = static_cast<std::size_t>(first);
        const auto n = static_cast<std::size_t>(count);
        apart.add({answer.advantage, 0.1, answer.log_probs.subspan(at, n), answer.old_log_probs.subspan(at, n),
                   answer.reference_log_probs.subspan(at, n)},
                  std::span(parts).subspan(at, n));
    }
    EXPECT_EQ(parts, whole);
    EXPECT_EQ(apart.figures().loss, together.figures().loss);
    EXPECT_EQ(apart.figures().smallest_ratio, together.figures().smallest_ratio);
}

TEST(PolicyGradients, OfAnswersWithoutTokensCountForNothing) {
    Batch batch(false);
    const auto expected = gradientsOf(PolicyOptions::grpo(), batch);
    batch.answers.insert(batch.answers.begin() + 1, Answer{7, 2.0, {}, {}, {}});
    EXPECT_EQ(gradientsOf(PolicyOptions::grpo(), batch), expected);
}

} // namespace
} // namespace fulgurite
