// SPDX-License-Identifier: Apache-2.0
// What an intervention does to given tokens: both models read the same text, and each token is judged by both. So
// the figures speak of the intervention alone, not of where a changed answer has drifted to.
#pragma once

#include "core/base/types.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace fulgurite::capture {

// Entry i is about token first + i, given the tokens before it. Natural logarithms.
struct TokenComparison {
    std::size_t first = 1;
    std::vector<float> logprob; // under the model as it is
    std::vector<float> changed; // under the intervention
    std::vector<float> kl;      // of the next-token distributions: KL(as it is || under the intervention), >= 0
    std::vector<TokenId> best;  // the most likely token as it is
    std::vector<TokenId> best_changed; // and under the intervention
    // Their bytes; empty where the model has no tokenizer.
    std::vector<std::string> best_text;
    std::vector<std::string> best_changed_text;

    std::size_t size() const { return logprob.size(); }
};

} // namespace fulgurite::capture
