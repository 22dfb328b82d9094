// SPDX-License-Identifier: Apache-2.0
// What the model would say after each layer: the stream there, taken through the model's own final norm and head
// (the "logit lens"). The last layer's entry is the model's output itself; the earlier ones read a stream that the
// final norm and head were not made for.
#pragma once

#include "core/model/hybrid_model.h"
#include "core/probe/query_rows.h"

#include <cstddef>
#include <vector>

namespace fulgurite::probe {

// Q query positions, L layers, k candidates.
struct LensRows {
    std::size_t candidates = 0;     // k
    std::vector<TokenId> ids;       // [Q, L + 1, k] by falling probability
    std::vector<float> logprobs;    // [Q, L + 1, k], natural logarithm
    std::vector<std::int32_t> rank; // [Q, L + 1]: here, of the token that the last layer puts first; 1 is best
    std::vector<float> kl;          // [Q, L + 1]: nats, KL(output of the model || this layer)
    std::vector<TokenId> best;      // [Q]: the token that the model puts first
};

// Reads `rows.hidden`. Needs memory for two [Q, vocab] arrays.
LensRows lensOf(const HybridModel& model, const QueryRows& rows, std::size_t candidates, kernels::Queue& queue);

// LensRows::best alone: one read-out instead of L + 2.
std::vector<TokenId> bestTokens(const HybridModel& model, const QueryRows& rows, kernels::Queue& queue);

// logits F32 [rows, vocab_size] of `rows` rows of the stream, through final norm and head as the model computes
// them.
void readOut(const HybridModel& model, const float* hidden, std::size_t rows, std::vector<float>& logits,
             kernels::Queue& queue);

} // namespace fulgurite::probe
