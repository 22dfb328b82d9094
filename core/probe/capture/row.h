// SPDX-License-Identifier: Apache-2.0
// What one query position takes from every source position through one head, worked out from the head's recorded
// queries, keys and values in O(position * dim), never as a square.
//
// Lightning (minimax published code, without scaling): weight_j = (q_t . k_j) * exp(-rate * (t - j)), the decay
// from powers in double. Softmax: weight_j = softmax_j(q_t . k_j / sqrt(dim)), sum in double.
#pragma once

#include "core/probe/capture/views.h"

namespace fulgurite::capture {

// The arrays of one head, F32, each [tokens, dim] contiguous and owned by somebody else. q and k as they meet the
// attention core: lightning after SiLU, softmax after the rotation by position. k and v of a softmax head are those
// of its key/value head (keyHead).
struct HeadArrays {
    LayerKind kind = LayerKind::Lightning;
    double rate = 0; // lightning only
    std::size_t tokens = 0;
    std::size_t dim = 0;
    const float* q = nullptr;
    const float* k = nullptr;
    const float* v = nullptr;
};

// Grouped queries: head h of a softmax layer reads key/value head h / (heads / kv_heads); a lightning head its own.
int keyHead(const ModelConfig& config, int layer, int head);

// The row of the query at `position`, which must be below arrays.tokens. `output`: the recorded output of the core
// at that position, [dim], before norm, gate and output projection; nullptr when it was not recorded: then `share`
// refers to the recomputed output, and output and error stay empty.
AttentionRow attentionRow(HeadRef head, const HeadArrays& arrays, std::size_t position, const float* output);

// The weights of that row alone, [position + 1]: half the work.
std::vector<float> attentionWeights(const HeadArrays& arrays, std::size_t position);

// The head's output as weights times values, [dim], summed in double.
std::vector<double> weightedSum(const std::vector<float>& weight, const HeadArrays& arrays);

} // namespace fulgurite::capture
