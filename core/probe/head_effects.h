// SPDX-License-Identifier: Apache-2.0
// How much of the attention block's output, and of one token's logit, comes from each head.
//
// Both follow from what the head hands to the output projection (after norm and gate), z_h, and its slice W_h of
// that projection:
//
//   share of the block's output:  (W_h z_h . a) / (a . a)  with a = sum over h of W_h z_h; the shares sum to 1
//   direct effect on a logit:     g . W_h z_h              with g = d logit / d block output along the residual
//   path
//
// The direct effect is linearised in one respect: every norm on the way, those between the layers, which the
// residual goes through when `postnorm` is set, and the final one, divides by the root mean square that it had in
// the recorded pass ("frozen"). Along the residual path the model is then linear and the effect is exact; the
// effects of all heads, of all experts' blocks and of the embedding sum to the logit. What a head changes in later
// layers' attention and experts is not part of it: that is what ablation measures.
#pragma once

#include "core/model/hybrid_model.h"
#include "core/probe/query_rows.h"

#include <span>
#include <vector>

namespace fulgurite::probe {

struct HeadEffects {
    std::vector<float> block_share;  // [Q, L, H]
    std::vector<float> logit_effect; // [Q, L, H]: of the row's target
};

// `targets` [Q]: the tokens whose logits the effects are about. `rows` must hold the inside of the layers.
HeadEffects headEffects(const HybridModel& model, const QueryRows& rows, std::span<const TokenId> targets,
                        kernels::Queue& queue);

} // namespace fulgurite::probe
