// SPDX-License-Identifier: Apache-2.0
// Losses of reinforcement learning as pure functions: from log-probabilities and rewards to one number per token,
// the gradient of the loss with respect to the token's log-probability, and figures about it.
//
// With ratio r = exp(lp - lp_old), weight w, advantage A and mask M the gradient of a token is -w A M / N. CISPO
// holds w constant, L = -(1 / N) sum of w A lp; GRPO and DAPO differentiate through it, L = -(1 / N) sum of min(r
// A, clip(r) A). Sources: MiniMax-M1 report, equations 3 to 7 (CISPO, unified form); DAPO paper (clip-higher, token
// level, soft overlong punishment); DeepSeekMath (GRPO, k3 estimator).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fulgurite {

// Of one group of answers to one prompt. A = (R - mean) / (deviation + epsilon).
struct AdvantageOptions {
    bool divide_by_deviation = true;
    bool sample_deviation = true; // n - 1 in the denominator, else n
    double epsilon = 1e-6;
};
// A group whose rewards are all equal gives exactly zero, as does a group of one.
std::vector<double> groupAdvantages(std::span<const double> rewards, const AdvantageOptions& options);

// DAPO's soft overlong punishment: 0 up to limit - cache tokens, then falling linearly to -1 at the limit, -1
// beyond it.
double overlongPunishment(std::size_t length, std::size_t limit, std::size_t cache);

enum class PolicyLoss : std::uint8_t { Cispo, Grpo, Dapo };

// What the sum over tokens is divided by.
enum class Normaliser : std::uint8_t {
    BatchTokens, // all tokens with a loss in the batch
    GroupTokens, // the tokens of a group, then the mean over groups
    Answer,      // the tokens of an answer, then the mean over the group, then over groups (GRPO as published)
};

struct PolicyOptions {
    PolicyLoss loss = PolicyLoss::Cispo;
    Normaliser normaliser = Normaliser::BatchTokens;
    // CISPO: the weight is clamp(r, floor, cap), in absolute terms: cap = 1 + eps_high. Nothing is masked.
    double cap = 5.0;
    double floor = 0.0;
    // GRPO and DAPO: masked where A > 0 and r > 1 + clip_high, or A < 0 and r < 1 - clip_low; exactly on a bound
    // counts as inside.
    double clip_low = 0.2;
    double clip_high = 0.28;
    double kl = 0; // coefficient of the k3 estimate of the divergence from a reference policy

    static PolicyOptions cispo(double cap = 5.0);
    static PolicyOptions grpo(double clip = 0.2, double kl = 0);
    static PolicyOptions dapo(double clip_low = 0.2, double clip_high = 0.28);
};

// One token: ratio, weight and what the mask did.
struct TokenWeight {
    double ratio = 1;
    double weight = 1;   // clamp(r) or r
    bool capped = false; // CISPO: the ratio lay outside [floor, cap]
    bool masked = false; // GRPO, DAPO
};
// The exponent is limited to +-20, so that a broken log-probability cannot become infinite.
TokenWeight tokenWeight(const PolicyOptions& options, double advantage, double log_prob, double old_log_prob);

struct PolicyFigures {
    double loss = 0; // the value of L; not a quantity that falls with progress
    double kl = 0;   // mean k3 against the reference, when there is one
    double mean_ratio = 0;
    double smallest_ratio = 0;
    double largest_ratio = 0;
    double capped_fraction = 0; // of tokens
    double masked_fraction = 0;
    double weighted_fraction = 0; // tokens with a gradient other than zero
    std::size_t tokens = 0;
};

// What the normaliser needs to know of an answer; answers of one group stand together.
struct AnswerSize {
    std::size_t group = 0;
    std::size_t tokens = 0; // with a loss
};
// 1 / N of the tokens of each answer. Answers without tokens count for nothing.
std::vector<double> tokenShares(Normaliser normaliser, std::span<const AnswerSize> answers);

// Tokens of one answer, or of a part of it.
struct AnswerTokens {
    double advantage = 0;
    double share = 0;                           // of tokenShares()
    std::span<const float> log_probs;           // under the current policy
    std::span<const float> old_log_probs;       // under the policy that wrote the answer
    std::span<const float> reference_log_probs; // empty without a reference
};

// The gradients of a batch, which may come in parts, and the figures of all that came.
class PolicyGradients {
  public:
    explicit PolicyGradients(const PolicyOptions& options) : options_(options) {}

    // Writes dL/dlp of every token into `gradients`.
    void add(const AnswerTokens& answer, std::span<float> gradients);
    PolicyFigures figures() const;

  private:
    void count(const TokenWeight& token, double gradient);

    PolicyOptions options_;
    PolicyFigures sums_; // its means still sums
};

} // namespace fulgurite
