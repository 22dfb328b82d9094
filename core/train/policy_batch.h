// SPDX-License-Identifier: Apache-2.0
// One batch of rollouts on its way through scoring and updates: answers in groups, what they earned, and the
// log-probabilities of their tokens under the policies involved.
#pragma once

#include "core/train/objectives.h"
#include "core/train/prompt_source.h"
#include "core/train/train_pass.h"

namespace fulgurite {

struct PolicyAnswer {
    std::size_t prompt = 0; // of the batch: its group
    RolloutAnswer written;
    Judgement judgement;
    double reward = 0; // with the overlong punishment
    double advantage = 0;
    // One for each token, at the temperature of sampling.
    std::vector<float> drawn_log_probs;     // by the engine that wrote it
    std::vector<float> bf16_log_probs;      // as old_log_probs with a head in bfloat16; may be empty
    std::vector<float> old_log_probs;       // by the training pass, before the first update
    std::vector<float> reference_log_probs; // empty without a reference
    std::vector<float> log_probs;           // when its last update was computed
    std::vector<float> entropies;           // likewise, nats

    std::size_t tokens() const { return written.tokens.size(); }
};

struct PolicyBatch {
    std::vector<RlPrompt> prompts;
    std::vector<PolicyAnswer> answers; // those of a group together, groups in the order of the prompts

    std::size_t tokens() const; // of the answers
};

// What a pass over a part of the batch found, summed over its tokens.
struct PassFigures {
    std::size_t tokens = 0;
    std::size_t rows = 0;     // prompts included
    double entropy = 0;       // mean
    double balance = 0;       // load-balance loss without its coefficient
    double max_violation = 0; // TrainPass::maxViolation()
    PolicyFigures policy;
};

// Runs answers through a training pass, `micro_batch` of them at a time. The cuts do not depend on what is asked
// for, so that the ratios of a first update are exactly 1.
class PolicyPass {
  public:
    PolicyPass(TrainPass& pass, std::size_t micro_batch, float temperature)
        : pass_(pass), micro_batch_(micro_batch), temperature_(temperature) {}

    using Scores = std::vector<float> PolicyAnswer::*;
    // Log-probabilities of all tokens of the answers into `scores`.
    void score(const PolicyBatch& batch, std::span<PolicyAnswer> answers, Scores scores,
               HeadArithmetic head = HeadArithmetic::Float32);
    // Adds the gradient of the objective over the answers and of the load-balance loss (`balance`: coefficient).
    PassFigures gradient(const PolicyBatch& batch, std::span<PolicyAnswer> answers, const PolicyOptions& options,
                         double balance, std::span<float> gradients);

  private:
    // Runs the forward pass for these answers.
    void forward(const PolicyBatch& batch, std::span<const PolicyAnswer> answers);

    TrainPass& pass_;
    std::size_t micro_batch_;
    float temperature_;
    TokenIds tokens_, targets_;
    std::vector<std::size_t> lengths_;
};

} // namespace fulgurite
