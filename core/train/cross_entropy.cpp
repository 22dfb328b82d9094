// SPDX-License-Identifier: Apache-2.0
#include "core/train/cross_entropy.h"

#include "core/base/error.h"

#include <algorithm>

namespace fulgurite {

Objective CrossEntropy::objective() {
    return [this](const TargetRows& rows) {
        for (const float log_prob : rows.log_probs) {
            sum_ -= log_prob;
        }
        std::fill(rows.dlog_probs.begin(), rows.dlog_probs.end(), -1.0f / static_cast<float>(count_));
    };
}

double nextTokenGradient(TrainPass& pass, std::span<const TokenId> tokens, std::span<float> gradients) {
    if (tokens.size() < 2) {
        fail(ErrorKind::InvalidInput, "{} tokens predict nothing: at least two are needed", tokens.size());
    }
    TokenIds targets(tokens.begin() + 1, tokens.end());
    targets.push_back(TrainBatch::kNoTarget);
    const std::size_t lengths[] = {tokens.size()};
    pass.forward({tokens, lengths, targets});
    CrossEntropy loss(tokens.size() - 1);
    pass.backward(loss.objective(), {}, gradients);
    return loss.mean();
}

} // namespace fulgurite
