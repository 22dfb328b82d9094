// SPDX-License-Identifier: Apache-2.0
#include "core/train/objectives.h"

#include "core/base/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace fulgurite {

namespace {

constexpr double kLargestExponent = 20.0;

double limited(double exponent) {
    return std::clamp(exponent, -kLargestExponent, kLargestExponent);
}

// 1 / N of each answer's tokens.
std::vector<double> shares(Normaliser normaliser, std::span<const AnswerTokens> answers) {
    std::map<std::size_t, std::pair<double, double>> groups; // tokens, answers; of those that have tokens
    double tokens = 0;
    for (const AnswerTokens& answer : answers) {
        if (!answer.log_probs.empty()) {
            auto& [group_tokens, group_answers] = groups[answer.group];
            group_tokens += static_cast<double>(answer.log_probs.size());
            group_answers += 1;
            tokens += static_cast<double>(answer.log_probs.size());
        }
    }
    std::vector<double> result;
    const double group_count = static_cast<double>(groups.size());
    for (const AnswerTokens& answer : answers) {
        if (answer.log_probs.empty()) {
            result.push_back(0);
            continue;
        }
        const auto& [group_tokens, group_answers] = groups[answer.group];
        const double length = static_cast<double>(answer.log_probs.size());
        result.push_back(1.0 / (normaliser == Normaliser::BatchTokens   ? tokens
                                : normaliser == Normaliser::GroupTokens ? group_tokens * group_count
                                                                        : length * group_answers * group_count));
    }
    return result;
}

void check(const AnswerTokens& answer) {
    const std::size_t n = answer.log_probs.size();
    const bool reference_fits = answer.reference_log_probs.empty() || answer.reference_log_probs.size() == n;
    if (answer.old_log_probs.size() != n || !reference_fits) {
        fail(ErrorKind::Internal, "an answer of {} tokens has {} old and {} reference log-probabilities", n,
             answer.old_log_probs.size(), answer.reference_log_probs.size());
    }
}

// What the masked losses maximise: the smaller of the plain and the clipped gain.
double surrogate(const PolicyOptions& options, double advantage, const TokenWeight& token) {
    const double clipped = std::clamp(token.ratio, 1 - options.clip_low, 1 + options.clip_high);
    return std::min(token.ratio * advantage, clipped * advantage);
}

// Sums of a batch, token by token.
class Tally {
  public:
    void add(const TokenWeight& token, double gradient, double loss, double kl) {
        ++figures_.tokens;
        figures_.loss += loss;
        figures_.kl += kl;
        figures_.mean_ratio += token.ratio;
        figures_.capped_fraction += token.capped ? 1 : 0;
        figures_.masked_fraction += token.masked ? 1 : 0;
        figures_.weighted_fraction += gradient != 0 ? 1 : 0;
        smallest_ = std::min(smallest_, token.ratio);
        largest_ = std::max(largest_, token.ratio);
    }
    PolicyFigures figures() const {
        PolicyFigures result = figures_;
        if (result.tokens > 0) {
            const double tokens = static_cast<double>(result.tokens);
            for (double* mean : {&result.kl, &result.mean_ratio, &result.capped_fraction, &result.masked_fraction,
                                 &result.weighted_fraction}) {
                *mean /= tokens;
            }
            result.smallest_ratio = smallest_;
            result.largest_ratio = largest_;
        }
        return result;
    }

  private:
    PolicyFigures figures_;
    double smallest_ = std::numeric_limits<double>::infinity();
    double largest_ = 0;
};

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

PolicyFigures policyGradients(const PolicyOptions& options, std::span<const AnswerTokens> answers,
                              std::span<float> gradients) {
    const std::vector<double> share = shares(options.normaliser, answers);
    Tally tally;
    std::size_t at = 0;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const AnswerTokens& answer = answers[i];
        check(answer);
        if (gradients.size() < at + answer.log_probs.size()) {
            fail(ErrorKind::Internal, "{} gradients are too few for the answers", gradients.size());
        }
        for (std::size_t t = 0; t < answer.log_probs.size(); ++t, ++at) {
            const double log_prob = answer.log_probs[t];
            const TokenWeight token = tokenWeight(options, answer.advantage, log_prob, answer.old_log_probs[t]);
            const double pull = token.masked ? 0.0 : token.weight * answer.advantage;
            double gradient = pull == 0 ? 0.0 : -pull * share[i];
            double loss =
                -share[i] *
                (options.loss == PolicyLoss::Cispo ? pull * log_prob : surrogate(options, answer.advantage, token));
            double kl = 0;
            if (!answer.reference_log_probs.empty()) {
                const double d = limited(answer.reference_log_probs[t] - log_prob);
                kl = std::exp(d) - d - 1;
                gradient += options.kl * (1 - std::exp(d)) * share[i];
                loss += options.kl * kl * share[i];
            }
            gradients[at] = static_cast<float>(gradient);
            tally.add(token, gradient, loss, kl);
        }
    }
    return tally.figures();
}

} // namespace fulgurite
