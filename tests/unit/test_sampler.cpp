// SPDX-License-Identifier: Apache-2.0
// The sampler against distributions worked out by hand, a naive full sort in double, and the chi-square bound.
#include "core/base/error.h"
#include "core/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <random>
#include <vector>

namespace fulgurite {
namespace {

const ReportParams kFull{true, kMaxAlternatives};

std::vector<float> logitsOf(const std::vector<double>& probabilities) {
    std::vector<float> logits;
    for (const double p : probabilities) {
        logits.push_back(static_cast<float>(std::log(p)));
    }
    return logits;
}

std::vector<float> randomLogits(std::mt19937& random, std::size_t count, float spread) {
    std::normal_distribution<float> value(0.0f, spread);
    std::vector<float> logits(count);
    std::generate(logits.begin(), logits.end(), [&] { return value(random); });
    return logits;
}

TEST(Distribution, WeightsMatchTheLibraryExponential) {
    std::mt19937 random(1);
    for (const std::size_t count : {1u, 15u, 16u, 17u, 1000u}) {
        for (const float temperature : {0.1f, 1.0f, 7.0f}) {
            const std::vector<float> logits = randomLogits(random, count, 10.0f);
            std::vector<float> weights(count);
            const SoftmaxSums sums = softmaxWeights(logits, temperature, weights);
            double sum = 0;
            double entropy = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const double x = static_cast<double>((logits[i] - sums.max) * (1.0f / temperature));
                const double expected = std::exp(x);
                sum += expected;
                // float32: 2 units in the last place, and 0 below e^-87
                EXPECT_NEAR(static_cast<double>(weights[i]), expected, 2.5e-7 * expected + 2e-38) << x;
            }
            for (std::size_t i = 0; i < count; ++i) {
                const double x = static_cast<double>(logits[i] - sums.max) / static_cast<double>(temperature);
                const double p = std::exp(x) / sum;
                entropy -= p > 0 ? p * std::log(p) : 0;
            }
            EXPECT_TRUE(sums.finite);
            EXPECT_NEAR(sums.sum, sum, 2.5e-7 * sum);
            EXPECT_NEAR(sums.log_sum, std::log(sum), 1e-6);
            EXPECT_NEAR(sums.entropy, entropy, 1e-5);
        }
    }
}

TEST(Distribution, NoticesWhatIsNotANumber) {
    std::vector<float> weights(40);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        for (const std::size_t at : {0u, 5u, 39u}) {
            std::vector<float> logits(40, 1.0f);
            logits[at] = bad;
            EXPECT_FALSE(softmaxWeights(logits, 1.0f, weights).finite);
        }
    }
    std::vector<float> logits(40, 1.0f);
    logits[3] = -std::numeric_limits<float>::infinity();
    EXPECT_TRUE(softmaxWeights(logits, 1.0f, weights).finite);
    EXPECT_EQ(weights[3], 0.0f);
}

TEST(Distribution, BestOfMatchesAFullSort) {
    std::mt19937 random(2);
    for (int round = 0; round < 40; ++round) {
        const std::size_t size = 1 + random() % 3000;
        std::vector<float> values(size);
        for (float& value : values) {
            value = static_cast<float>(random() % 50); // many ties
        }
        std::vector<Entry> sorted;
        for (std::size_t i = 0; i < size; ++i) {
            sorted.push_back({values[i], static_cast<TokenId>(i)});
        }
        std::stable_sort(sorted.begin(), sorted.end(), [](auto a, auto b) { return a.value > b.value; });
        for (const std::size_t count : {std::size_t{1}, std::size_t{20}, size / 8, size / 2, size, size + 5}) {
            const std::vector<Entry> best = bestOf(values, count);
            ASSERT_EQ(best.size(), std::min(count, size));
            for (std::size_t i = 0; i < best.size(); ++i) {
                ASSERT_EQ(best[i].id, sorted[i].id);
            }
        }
        EXPECT_EQ(argmax(values), sorted[0].id);
        const std::size_t probe = random() % size;
        EXPECT_EQ(rankOf(values, sorted[probe].id), static_cast<int>(probe) + 1);
    }
}

TEST(Sampler, ReportsTheDistributionBefore) {
    Sampler sampler({.temperature = 0}, 4);
    const TokenRecord record = sampler.sample(logitsOf({0.1, 0.4, 0.2, 0.3}), 0, kFull);
    EXPECT_EQ(record.id, 1);
    EXPECT_NEAR(record.logprob, std::log(0.4), 1e-6);
    EXPECT_EQ(record.logprob_after, 0.0f);
    EXPECT_EQ(record.rank, 1);
    EXPECT_NEAR(record.entropy,
                -(0.1 * std::log(0.1) + 0.4 * std::log(0.4) + 0.2 * std::log(0.2) + 0.3 * std::log(0.3)), 1e-6);
    EXPECT_EQ(record.kept, 1);
    ASSERT_EQ(record.before.size(), 4u);
    EXPECT_EQ(record.before[0].id, 1);
    EXPECT_EQ(record.before[3].id, 0);
    EXPECT_NEAR(record.before[1].logprob, std::log(0.3), 1e-6);
    ASSERT_EQ(record.after.size(), 1u);
    EXPECT_EQ(record.after[0].logprob, 0.0f);
}

TEST(Sampler, GreedyTiesGoToTheLowerId) {
    Sampler sampler({.temperature = 0}, 4);
    EXPECT_EQ(sampler.sample(std::vector<float>{0, 2, 1, 2}, 0, {}).id, 1);
}

TEST(Sampler, PaddingRowsAreNeverDrawn) {
    Sampler greedy({.temperature = 0}, 3);
    EXPECT_EQ(greedy.sample(std::vector<float>{0, 1, 0, 50}, 0, kFull).id, 1);
    Sampler drawn({.temperature = 1}, 3);
    for (std::uint64_t position = 0; position < 200; ++position) {
        const TokenRecord record = drawn.sample(std::vector<float>{0, 1, 0, 50}, position, kFull);
        EXPECT_LT(record.id, 3);
        EXPECT_EQ(record.after.size(), 3u);
        EXPECT_EQ(record.before[0].id, 3); // the raw distribution is reported as it is
    }
}

TEST(Sampler, CutsKeepTheHeadOfTheRanking) {
    const std::vector<float> logits = logitsOf({0.05, 0.5, 0.25, 0.15, 0.05});
    const auto keptBy = [&](SamplerParams params) { return Sampler(params, 5).sample(logits, 0, kFull); };
    EXPECT_EQ(keptBy({}).kept, 5);
    EXPECT_EQ(keptBy({.top_k = 2}).kept, 2);
    EXPECT_NEAR(keptBy({.top_k = 2}).kept_mass, 0.75, 1e-6);
    EXPECT_NEAR(keptBy({.top_k = 2}).after[0].logprob, std::log(0.5 / 0.75), 1e-6);
    EXPECT_EQ(keptBy({.top_p = 0.74f}).kept, 2);
    EXPECT_EQ(keptBy({.top_p = 0.76f}).kept, 3);
    EXPECT_EQ(keptBy({.top_p = 0.0f}).kept, 1);
    EXPECT_EQ(keptBy({.min_p = 0.29f}).kept, 3);
    EXPECT_EQ(keptBy({.min_p = 0.31f}).kept, 2);
    EXPECT_EQ(keptBy({.min_p = 1.0f}).kept, 1);
    // top-p works on what top-k left: 0.5 / 0.75 is two thirds
    EXPECT_EQ(keptBy({.top_k = 2, .top_p = 0.6f}).kept, 1);
    EXPECT_EQ(keptBy({.top_k = 2, .top_p = 0.7f}).kept, 2);
    // temperature comes first: at 2 the weights are square roots
    const double sum = std::sqrt(0.5) + std::sqrt(0.25) + std::sqrt(0.15) + 2 * std::sqrt(0.05);
    EXPECT_NEAR(keptBy({.temperature = 2, .top_k = 1}).kept_mass, std::sqrt(0.5) / sum, 1e-6);
    EXPECT_NEAR(keptBy({.temperature = 2, .top_k = 1}).logprob, std::log(0.5), 1e-6);
}

TEST(Sampler, BiasAndPenalties) {
    const std::vector<float> logits{2.0f, 1.0f, -1.0f, 0.5f};
    Sampler biased({.temperature = 0, .logit_bias = {{3, 5.0f}, {0, -100.0f}}}, 4);
    const TokenRecord record = biased.sample(logits, 0, kFull);
    EXPECT_EQ(record.id, 3);
    EXPECT_EQ(record.rank, 3); // before the samplers

    Sampler repetition({.temperature = 1, .repetition_penalty = 2.0f}, 4);
    repetition.observePrompt(std::vector<TokenId>{0, 2, 0});
    const TokenRecord penalised = repetition.sample(logits, 0, kFull);
    std::map<TokenId, double> expected{{0, 1.0}, {1, 1.0}, {2, -2.0}, {3, 0.5}};
    double sum = 0;
    for (const auto& [id, logit] : expected) {
        sum += std::exp(logit);
    }
    for (const Alternative& after : penalised.after) {
        EXPECT_NEAR(after.logprob, expected[after.id] - std::log(sum), 1e-6);
    }

    Sampler counted({.temperature = 0, .presence_penalty = 0.25f, .frequency_penalty = 0.5f}, 4);
    counted.observePrompt(std::vector<TokenId>{0, 0, 0}); // these two count generated tokens alone
    TokenIds drawn;
    for (std::uint64_t position = 0; position < 4; ++position) {
        drawn.push_back(counted.sample(logits, position, kFull).id);
    }
    // 2 1 . .5 -> 0; 1.25 -> 0; 0.75 -> 1; then 0.75, 0.25, -1, 0.5 -> 0
    EXPECT_EQ(drawn, (TokenIds{0, 0, 1, 0}));
}

TEST(Sampler, ForcedTokensAreMarkedAndSeen) {
    Sampler sampler({.temperature = 0, .frequency_penalty = 10.0f}, 4);
    const std::vector<float> logits = logitsOf({0.1, 0.2, 0.3, 0.4});
    const TokenRecord forced = sampler.force(3, logits, kFull);
    EXPECT_TRUE(forced.forced);
    EXPECT_EQ(forced.id, 3);
    EXPECT_EQ(forced.rank, 1);
    EXPECT_NEAR(forced.logprob, std::log(0.4), 1e-6);
    EXPECT_EQ(sampler.sample(logits, 1, kFull).id, 2);
}

struct Naive {
    TokenId id = 0;
    int kept = 0;
    double mass = 0;
    double logprob = 0;
};

// The documented order, spelled out with a full sort in double.
Naive naiveSample(const std::vector<float>& logits, const SamplerParams& params, std::uint64_t position) {
    std::vector<std::pair<double, TokenId>> order;
    const double max = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
    double total = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const double x = (static_cast<double>(logits[i]) - max) / static_cast<double>(params.temperature);
        order.emplace_back(std::exp(x), static_cast<TokenId>(i));
        total += order.back().first;
    }
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    if (params.top_k > 0 && static_cast<std::size_t>(params.top_k) < order.size()) {
        order.resize(static_cast<std::size_t>(params.top_k));
    }
    double mass = 0;
    for (const auto& [weight, id] : order) {
        mass += weight;
    }
    if (params.top_p < 1.0f) {
        double left = static_cast<double>(params.top_p) * mass;
        std::size_t kept = 0;
        do {
            left -= order[kept++].first;
        } while (left > 0 && kept < order.size());
        order.resize(kept);
    }
    std::erase_if(order, [&](const auto& entry) { return entry.first < static_cast<double>(params.min_p); });
    mass = 0;
    for (const auto& [weight, id] : order) {
        mass += weight;
    }
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    double left = uniformAt(params.seed, position) * mass;
    std::size_t chosen = 0;
    while (chosen + 1 < order.size() && left >= order[chosen].first) {
        left -= order[chosen++].first;
    }
    return {order[chosen].second, static_cast<int>(order.size()), mass / total,
            std::log(order[chosen].first / mass)};
}

TEST(Sampler, AgreesWithAFullSort) {
    std::mt19937 random(3);
    std::uniform_real_distribution<float> unit(0.01f, 0.99f);
    for (int round = 0; round < 600; ++round) {
        const std::vector<float> logits = randomLogits(random, 1 + random() % 2000, 0.2f + 8 * unit(random));
        SamplerParams params;
        params.temperature = 0.2f + 2 * unit(random);
        params.top_k = random() % 2 == 0 ? 0 : static_cast<int>(1 + random() % 300);
        params.top_p = random() % 2 == 0 ? 1.0f : unit(random);
        params.min_p = random() % 2 == 0 ? 0.0f : 0.2f * unit(random);
        params.seed = random();
        const auto position = static_cast<std::uint64_t>(round);
        const Naive expected = naiveSample(logits, params, position);
        const TokenRecord record = Sampler(params, logits.size()).sample(logits, position, kFull);
        ASSERT_EQ(record.kept, expected.kept) << round;
        ASSERT_NEAR(record.kept_mass, expected.mass, 1e-6);
        ASSERT_EQ(record.id, expected.id) << round;
        ASSERT_NEAR(record.logprob_after, expected.logprob, 1e-5);
        ASSERT_EQ(record.after.size(), std::min<std::size_t>(20, static_cast<std::size_t>(record.kept)));
        ASSERT_TRUE(std::is_sorted(record.after.begin(), record.after.end(),
                                   [](const auto& a, const auto& b) { return a.logprob > b.logprob; }));
    }
}

TEST(Sampler, ALargeFlatVocabularyIsCutExactly) {
    const std::vector<float> logits(200064, 0.0f);
    const TokenRecord record = Sampler({.top_p = 0.5f}, 200036).sample(logits, 0, kFull);
    EXPECT_EQ(record.kept, 100018);
    EXPECT_LT(record.id, 100018); // equal weights rank by id
    EXPECT_NEAR(record.entropy, std::log(200064.0), 1e-5);
}

// The largest vocabulary that a configuration may have is 2^24: masses must not overflow.
TEST(Distribution, AnyVocabularyIsCutExactly) {
    for (const std::size_t count : {std::size_t{1} << 19, std::size_t{1} << 21, std::size_t{1} << 24}) {
        std::vector<Entry> entries(count);
        for (std::size_t i = 0; i < count; ++i) {
            entries[i] = {1.0f, static_cast<TokenId>(i)};
        }
        keepMass(entries, 0.75 * static_cast<double>(count));
        ASSERT_EQ(entries.size(), count / 4 * 3);
        EXPECT_TRUE(std::all_of(entries.begin(), entries.end(), [&](const Entry& entry) {
            return static_cast<std::size_t>(entry.id) < count / 4 * 3; // equal weights rank by id
        }));
    }
}

TEST(Sampler, TheSmallestTemperaturesChooseTheBest) {
    const std::vector<float> logits{1.0f, 3.0f, -2.0f, 2.9999998f, -std::numeric_limits<float>::infinity()};
    for (const float temperature : {1e-3f, 1e-30f, 1.2e-38f, 2.9e-39f, 1e-40f, 1e-45f}) {
        for (const float top_p : {1.0f, 0.9f}) {
            const TokenRecord record =
                Sampler({.temperature = temperature, .top_p = top_p}, logits.size()).sample(logits, 0, kFull);
            EXPECT_TRUE(temperature < 1e-3f ? record.id == 1 : record.id == 1 || record.id == 3) << temperature;
            EXPECT_TRUE(std::isfinite(record.logprob)) << temperature;
            EXPECT_TRUE(std::isfinite(record.logprob_after)) << temperature;
        }
        std::vector<kernels::LogitChange> changes;
        EXPECT_TRUE(
            std::isfinite(Sampler({.temperature = temperature}, logits.size()).wish(0, kFull, changes).scale))
            << temperature;
    }
}

// With k categories the statistic has mean k - 1 and variance 2 (k - 1); five standard deviations above the mean is
// passed by chance less than once in 10^4 seeds, and the seed is fixed.
TEST(Sampler, DrawsFollowTheDistribution) {
    const std::vector<double> probabilities{0.4, 0.02, 0.2, 0.08, 0.01, 0.09, 0.15, 0.05};
    const std::vector<float> logits = logitsOf(probabilities);
    constexpr int kDraws = 40000;
    for (const bool cut : {false, true}) {
        SamplerParams params;
        params.seed = 12345;
        params.top_k = cut ? 4 : 0;
        Sampler sampler(params, logits.size());
        std::vector<int> hits(probabilities.size());
        for (std::uint64_t position = 0; position < kDraws; ++position) {
            ++hits[static_cast<std::size_t>(sampler.sample(logits, position, {false, 0}).id)];
        }
        std::vector<double> expected = probabilities;
        double mass = 1;
        if (cut) {
            expected = {0.4, 0, 0.2, 0, 0, 0.09, 0.15, 0};
            mass = 0.84;
        }
        double statistic = 0;
        double categories = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const double mean = expected[i] / mass * kDraws;
            if (mean == 0) {
                EXPECT_EQ(hits[i], 0);
                continue;
            }
            statistic += (hits[i] - mean) * (hits[i] - mean) / mean;
            ++categories;
        }
        EXPECT_LT(statistic, categories - 1 + 5 * std::sqrt(2 * (categories - 1)));
    }
}

TEST(Sampler, UniformNumbersFillTheInterval) {
    constexpr int kBins = 64;
    constexpr int kDraws = 64000;
    for (const std::uint64_t seed : {0u, 1u, 2u, 77u}) {
        std::vector<int> hits(kBins);
        double pairs = 0;
        double last = uniformAt(seed, 0);
        for (std::uint64_t i = 0; i < kDraws; ++i) {
            const double value = uniformAt(seed, i);
            ASSERT_GE(value, 0.0);
            ASSERT_LT(value, 1.0);
            ++hits[static_cast<std::size_t>(value * kBins)];
            pairs += (value - 0.5) * (last - 0.5);
            last = value;
        }
        double statistic = 0;
        for (const int hit : hits) {
            statistic += (hit - 1000.0) * (hit - 1000.0) / 1000.0;
        }
        EXPECT_LT(statistic, 63 + 5 * std::sqrt(126.0));
        EXPECT_LT(std::abs(pairs / kDraws * 12), 5 / std::sqrt(double{kDraws})); // no serial correlation
    }
    EXPECT_NE(uniformAt(0, 1), uniformAt(1, 0));
}

TEST(Sampler, SeedAndPositionAloneDecide) {
    std::mt19937 random(4);
    const std::vector<float> logits = randomLogits(random, 500, 1.0f);
    Sampler first({.seed = 9}, 500);
    Sampler second({.seed = 9}, 500);
    Sampler other({.seed = 10}, 500);
    std::vector<TokenId> forward;
    int same = 0;
    for (std::uint64_t position = 0; position < 50; ++position) {
        forward.push_back(first.sample(logits, position, kFull).id);
        same += other.sample(logits, position, {false, 0}).id == forward.back() ? 1 : 0;
    }
    for (std::uint64_t position = 50; position-- > 0;) {
        EXPECT_EQ(second.sample(logits, position, {false, 0}).id, forward[position]);
    }
    EXPECT_LT(same, 10);
}

TEST(Sampler, RefusesWhatMakesNoSense) {
    const auto refused = [](const SamplerParams& params, const std::string& word) {
        try {
            validate(params, 100);
            ADD_FAILURE() << word;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
            EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
        }
    };
    validate({}, 100);
    refused({.temperature = -1}, "temperature");
    refused({.temperature = std::numeric_limits<float>::quiet_NaN()}, "temperature");
    refused({.top_k = -1}, "top_k");
    refused({.top_p = 1.5f}, "top_p");
    refused({.min_p = -0.1f}, "min_p");
    refused({.repetition_penalty = 0}, "repetition_penalty");
    refused({.logit_bias = {{100, 1.0f}}}, "100");
    const std::vector<float> bad(8, std::numeric_limits<float>::quiet_NaN());
    EXPECT_THROW(Sampler({.temperature = 0}, 8).sample(bad, 0, {false, 0}), Error);
    // One damaged row of the head is enough, wherever it stands.
    for (const std::size_t at : {0U, 3U, 40U, 99U}) {
        std::vector<float> one(100, 1.0f);
        one[at] = std::numeric_limits<float>::quiet_NaN();
        EXPECT_THROW(Sampler({.temperature = 0}, 100).sample(one, 0, {false, 0}), Error) << at;
        EXPECT_THROW(Sampler({}, 100).sample(one, 0, {false, 0}), Error) << at;
    }
    EXPECT_THROW(Sampler({}, 8).sample(bad, 0, kFull), Error);
}

} // namespace
} // namespace fulgurite
