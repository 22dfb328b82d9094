// SPDX-License-Identifier: Apache-2.0
// Tokens judged by a model as it is and under an intervention, against whole forward passes of both.
#include "core/base/error.h"
#include "core/checkpoint/int8_checkpoint.h"
#include "core/probe/comparison.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fulgurite::test {
namespace {

using testing::Each;
using testing::HasSubstr;

// Two orders of summation, relative to the largest logit (test_model_agreement.cpp); a log-probability is the
// difference of two such numbers.
constexpr double kRelative = 2e-6;

class Comparing : public testing::TestWithParam<char> {
  protected:
    Comparing() : golden(goldenModel(GetParam())) {
        writeCheckpoint(golden, folder.path());
        model = HybridModel::load(folder.path());
    }
    capture::TokenComparison run(const Intervention& intervention, std::size_t first, std::size_t budget) {
        probe::ComparisonRun comparison(model, golden.prompt, intervention, first);
        kernels::ThreadPool pool(2);
        while (!comparison.finished()) {
            const std::size_t before = comparison.done();
            comparison.step(pool, budget);
            EXPECT_GT(comparison.done(), before);
            EXPECT_LE(comparison.done(), before + budget);
        }
        return comparison.take();
    }
    Intervention someHeads(std::size_t from) const {
        Intervention intervention;
        intervention.heads = {{0, 0, 0.0f}, {golden.config.layerCount() - 1, 0, 0.0f}};
        intervention.from = from;
        return intervention;
    }

    TemporaryFolder folder;
    GoldenModel golden;
    std::shared_ptr<const HybridModel> model;
};

std::vector<double> logSoftmax(std::span<const float> logits) {
    double sum = 0;
    for (const float logit : logits) {
        sum += std::exp(static_cast<double>(logit));
    }
    std::vector<double> result;
    for (const float logit : logits) {
        result.push_back(logit - std::log(sum));
    }
    return result;
}

TEST_P(Comparing, AgreesWithWholePassesOfBothModels) {
    const std::size_t n = golden.prompt.size();
    const std::size_t vocab = static_cast<std::size_t>(golden.config.vocab_size);
    for (const auto& [from, first] :
         {std::pair<std::size_t, std::size_t>{0, 1}, {n / 2, 1}, {0, n / 2}, {n / 3, n - 2}}) {
        const Intervention intervention = someHeads(from);
        const auto plain = runModel(*model, golden.prompt, n).logits;
        const auto changed = runModel(*model, golden.prompt, n, 2, &intervention).logits;
        const double tolerance = kRelative * std::max(largestMagnitude(plain), largestMagnitude(changed));
        for (const std::size_t budget : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
            const auto result = run(intervention, first, budget);
            ASSERT_EQ(result.size(), n - first);
            EXPECT_EQ(result.first, first);
            for (std::size_t i = 0; i < result.size(); ++i) {
                const std::size_t row = first + i - 1;
                const auto p = logSoftmax(std::span(plain).subspan(row * vocab, vocab));
                const auto q = logSoftmax(std::span(changed).subspan(row * vocab, vocab));
                const auto token = static_cast<std::size_t>(golden.prompt[first + i]);
                double kl = 0;
                for (std::size_t t = 0; t < vocab; ++t) {
                    kl += std::exp(p[t]) * (p[t] - q[t]);
                }
                EXPECT_NEAR(result.logprob[i], p[token], tolerance);
                EXPECT_NEAR(result.changed[i], q[token], tolerance);
                EXPECT_NEAR(result.kl[i], kl, 2 * tolerance);
            }
        }
    }
}

TEST_P(Comparing, NothingTakenOutIsNoDifferenceAtAll) {
    const auto result = run({}, 1, 16);
    EXPECT_EQ(result.logprob, result.changed);
    EXPECT_THAT(result.kl, Each(0.0f));
    EXPECT_EQ(result.best, result.best_changed);
}

TEST_P(Comparing, SomethingTakenOutIsSeen) {
    const auto result = run(someHeads(0), 1, 64);
    EXPECT_GT(*std::max_element(result.kl.begin(), result.kl.end()), 1e-6f);
    EXPECT_THAT(result.kl, Each(testing::Ge(0.0f)));
}

// Another checkpoint takes the place of the model under the intervention: here the same with int8 experts.
TEST_P(Comparing, AnotherCheckpointIsJudgedOnTheSameText) {
    std::filesystem::create_directory(folder / "int8");
    writeInt8Checkpoint(Checkpoint(folder.path()), folder / "int8", {});
    const auto int8 = HybridModel::load(folder / "int8");
    const auto compare = [&](std::shared_ptr<const HybridModel> other) {
        probe::ComparisonRun comparison(model, golden.prompt, {}, 3, std::move(other));
        kernels::ThreadPool pool(2);
        while (!comparison.finished()) {
            comparison.step(pool, 7);
        }
        return comparison.take();
    };
    EXPECT_THAT(compare(HybridModel::load(folder.path())).kl, Each(0.0f));
    const auto result = compare(int8);
    const auto whole = runModel(*int8, golden.prompt, 256).logits;
    const auto vocab = static_cast<std::size_t>(golden.config.vocab_size);
    ASSERT_EQ(result.size(), golden.prompt.size() - 3);
    for (std::size_t i = 0; i < result.size(); ++i) {
        const auto row = std::span(whole).subspan((i + 2) * vocab, vocab);
        const auto token = static_cast<std::size_t>(golden.prompt[i + 3]);
        EXPECT_NEAR(result.changed[i], logSoftmax(row)[token], 1e-5) << i;
        EXPECT_LT(result.kl[i], 1e-3f);
    }
    EXPECT_GT(*std::max_element(result.kl.begin(), result.kl.end()), 0.0f);
}

INSTANTIATE_TEST_SUITE_P(Models, Comparing, testing::Values('A', 'B', 'C'));

TEST(ComparisonRun, SaysWhatIsWrong) {
    TemporaryFolder folder;
    const GoldenModel golden = goldenModel('A');
    writeCheckpoint(golden, folder.path());
    const auto model = HybridModel::load(folder.path());
    const auto refusal = [&](TokenIds tokens, const Intervention& intervention, std::size_t first) -> std::string {
        try {
            probe::ComparisonRun run(model, std::move(tokens), intervention, first);
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_THAT(refusal({1, 2, 3}, {}, 0), HasSubstr("nothing to compare from token 0 on: of 3 tokens, 1 to 2"));
    EXPECT_THAT(refusal({1, 2, 3}, {}, 3), HasSubstr("nothing to compare"));
    EXPECT_THAT(refusal({}, {}, 1), HasSubstr("nothing to compare"));
    EXPECT_THAT(refusal({1, golden.config.vocab_size}, {}, 1), HasSubstr("outside the model's vocabulary"));
    Intervention bad;
    bad.heads = {{0, 99, 0.0f}};
    EXPECT_THAT(refusal({1, 2}, bad, 1), HasSubstr("no head 99"));
    EXPECT_EQ(refusal({1, 2}, {}, 1), "accepted");
}

} // namespace
} // namespace fulgurite::test
