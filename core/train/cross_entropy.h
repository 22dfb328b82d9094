// SPDX-License-Identifier: Apache-2.0
// Mean next-token cross-entropy: the loss of pretraining and supervised tuning.
#pragma once

#include "core/train/train_pass.h"

namespace fulgurite {

// Over `count` targets, which may come in several batches. Refers to itself: keep it as long as its objective.
class CrossEntropy {
  public:
    explicit CrossEntropy(std::size_t count) : count_(count) {}
    CrossEntropy(const CrossEntropy&) = delete;
    CrossEntropy& operator=(const CrossEntropy&) = delete;

    // Sets every dlog_prob to -1 / count and sums up the loss.
    Objective objective();
    // Of what has been seen, over `count`. Nats.
    double mean() const { return sum_ / static_cast<double>(count_); }

  private:
    std::size_t count_;
    double sum_ = 0;
};

// Adds the gradient of the mean cross-entropy of tokens[1...] given what comes before each; returns the loss.
// Throws Error{InvalidInput} for fewer than two tokens.
double nextTokenGradient(TrainPass& pass, std::span<const TokenId> tokens, std::span<float> gradients);

} // namespace fulgurite
