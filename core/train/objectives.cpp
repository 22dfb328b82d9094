// SPDX-License-Identifier: Apache-2.0
#include "core/train/objectives.h"

#include "core/base/error.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace fulgurite {

namespace {

constexpr double kLargestExponent = 20.0;

double limited(double exponent) {
    return std::clamp(exponent, -kLargestExponent, kLargestExponent);
}

// What the masked losses maximise: the smaller of the plain and the clipped gain.
double surrogate(const PolicyOptions& options, double advantage, const TokenWeight& token) {
    const double clipped = std::clamp(token.ratio, 1 - options.clip_low, 1 + options.clip_high);
    return std::min(token.ratio * advantage, clipped * advantage);
}

} // namespace

std::vector<double> groupAdvantages(std::span<const double> rewards, const AdvantageOptions& options) {
    std::vector<double> advantages(rewards.size(), 0.0);
    const auto [least, most] = std::minmax_element(rewards.begin(), rewards.end());
    if (rewards.empty() || *least == *most) { // compared, not computed: a mean of equal numbers may round
        return advantages;
    }
    const double n = static_cast<double>(rewards.size());
    double mean = 0;
    for (const double reward : rewards) {
        mean += reward / n;
    }
    double squares = 0;
    for (const double reward : rewards) {
        squares += (reward - mean) * (reward - mean);
    }
    const double deviation = std::sqrt(squares / (options.sample_deviation ? n - 1 : n));
    const double divisor = options.divide_by_deviation ? deviation + options.epsilon : 1.0;
    std::transform(rewards.begin(), rewards.end(), advantages.begin(),
                   [&](double reward) { return (reward - mean) / divisor; });
    return advantages;
}

double overlongPunishment(std::size_t length, std::size_t limit, std::size_t cache) {
    const std::size_t expected = limit - std::min(cache, limit);
    if (length <= expected) {
        return 0;
    }
    if (length > limit) {
        return -1;
    }
    return -static_cast<double>(length - expected) / static_cast<double>(limit - expected);
}

PolicyOptions PolicyOptions::cispo(double cap) {
    PolicyOptions options;
    options.cap = cap;
    return options;
}

PolicyOptions PolicyOptions::grpo(double clip, double kl) {
    PolicyOptions options;
    options.loss = PolicyLoss::Grpo;
    options.normaliser = Normaliser::Answer;
    options.clip_low = clip;
    options.clip_high = clip;
    options.kl = kl;
    return options;
}

PolicyOptions PolicyOptions::dapo(double clip_low, double clip_high) {
    PolicyOptions options;
    options.loss = PolicyLoss::Dapo;
    options.clip_low = clip_low;
    options.clip_high = clip_high;
    return options;
}

TokenWeight tokenWeight(const PolicyOptions& options, double advantage, double log_prob, double old_log_prob) {
    TokenWeight token;
    token.ratio = std::exp(limited(log_prob - old_log_prob));
    token.weight = token.ratio;
    if (options.loss == PolicyLoss::Cispo) {
        token.capped = token.ratio > options.cap || token.ratio < options.floor;
        token.weight = std::clamp(token.ratio, options.floor, options.cap);
    } else {
        token.masked = (advantage > 0 && token.ratio > 1 + options.clip_high) ||
                       (advantage < 0 && token.ratio < 1 - options.clip_low);
    }
    return token;
}

std::vector<double> tokenShares(Normaliser normaliser, std::span<const AnswerSize> answers) {
    struct Group {
        double tokens = 0;
        double answers = 0; // that have tokens
    };
    std::map<std::size_t, Group> groups;
    double tokens = 0;
    for (const AnswerSize& answer : answers) {
        if (answer.tokens > 0) {
            groups[answer.group].tokens += static_cast<double>(answer.tokens);
            groups[answer.group].answers += 1;
            tokens += static_cast<double>(answer.tokens);
        }
    }
    const auto group_count = static_cast<double>(groups.size());
    std::vector<double> shares;
    for (const AnswerSize& answer : answers) {
        if (answer.tokens == 0) {
            shares.push_back(0);
            continue;
        }
        const Group& group = groups[answer.group];
        const double length = static_cast<double>(answer.tokens);
        shares.push_back(1.0 / (normaliser == Normaliser::BatchTokens   ? tokens
                                : normaliser == Normaliser::GroupTokens ? group.tokens * group_count
                                                                        : length * group.answers * group_count));
    }
    return shares;
}

void PolicyGradients::add(const AnswerTokens& answer, std::span<float> gradients) {
    const std::size_t n = answer.log_probs.size();
    const bool reference_fits = answer.reference_log_probs.empty() || answer.reference_log_probs.size() == n;
    if (answer.old_log_probs.size() != n || !reference_fits || gradients.size() != n) {
        fail(ErrorKind::Internal,
             "an answer of {} tokens has {} old and {} reference log-probabilities and {} gradients", n,
             answer.old_log_probs.size(), answer.reference_log_probs.size(), gradients.size());
    }
    for (std::size_t t = 0; t < n; ++t) {
        const double log_prob = answer.log_probs[t];
        const TokenWeight token = tokenWeight(options_, answer.advantage, log_prob, answer.old_log_probs[t]);
        const double pull = token.masked ? 0.0 : token.weight * answer.advantage;
        double gradient = pull == 0 ? 0.0 : -pull * answer.share;
        const double gain =
            options_.loss == PolicyLoss::Cispo ? pull * log_prob : surrogate(options_, answer.advantage, token);
        sums_.loss -= answer.share * gain;
        if (!answer.reference_log_probs.empty()) {
            const double d = limited(answer.reference_log_probs[t] - log_prob);
            const double kl = std::exp(d) - d - 1;
            gradient += options_.kl * (1 - std::exp(d)) * answer.share;
            sums_.loss += options_.kl * kl * answer.share;
            sums_.kl += kl;
        }
        gradients[t] = static_cast<float>(gradient);
        count(token, gradient);
    }
}

void PolicyGradients::count(const TokenWeight& token, double gradient) {
    sums_.smallest_ratio = sums_.tokens == 0 ? token.ratio : std::min(sums_.smallest_ratio, token.ratio);
    sums_.largest_ratio = std::max(sums_.largest_ratio, token.ratio);
    ++sums_.tokens;
    sums_.mean_ratio += token.ratio;
    sums_.capped_fraction += token.capped ? 1 : 0;
    sums_.masked_fraction += token.masked ? 1 : 0;
    sums_.weighted_fraction += gradient != 0 ? 1 : 0;
}

PolicyFigures PolicyGradients::figures() const {
    PolicyFigures result = sums_;
    if (result.tokens > 0) {
        for (double* mean : {&result.kl, &result.mean_ratio, &result.capped_fraction, &result.masked_fraction,
                             &result.weighted_fraction}) {
            *mean /= static_cast<double>(result.tokens);
        }
    }
    return result;
}

} // namespace fulgurite
