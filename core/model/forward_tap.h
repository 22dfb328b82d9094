// SPDX-License-Identifier: Apache-2.0
// Where a forward pass can be looked at. A pass without a tap pays one untaken branch per point; a tap reads arrays
// where they lie and never changes a token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fulgurite {

// Rows are the tokens of the whole batch, in batch order. H heads, D head_dim, KV key heads, E experts, k top_k.
enum class TapPoint : std::uint8_t {
    Hidden,       // layer 0: the embedding, i + 1: the output of layer i. [rows, hidden]
    Projections,  // as the attention core meets them. Lightning: per head q | k | v after SiLU, [rows, H, 3, D].
                  // Softmax: q | k | v with q and k after RoPE, [rows, H * D + 2 * KV * D]
    HeadOutput,   // of the attention core, before norm and gate. [rows, H, D]
    HeadGate,     // lightning only: the gate before its sigmoid. [rows, H, D]
    HeadGated,    // what the output projection takes in, interventions applied. [rows, H, D]
    Attention,    // the block's output, before it is scaled and added. [rows, hidden]
    AttentionSum, // the stream after the attention block: what the norm before the experts takes in. [rows, hidden]
    RouterLogits, // [rows, E]
    Experts,      // the experts' sum, before it is scaled and added. [rows, hidden]
};

class ForwardTap {
  public:
    virtual ~ForwardTap() = default;
    // Asked once for each point and layer of a pass; what is not wanted is not offered.
    virtual bool wants(TapPoint point, int layer) const = 0;
    // `values` is [rows, width], valid during the call only. On the thread of forward().
    virtual void onValues(TapPoint point, int layer, std::span<const float> values, std::size_t rows) = 0;
    // experts: [rows, top_k] by falling weight as the router chose them; weights: F32 [rows, top_k], as they are
    // used: an intervention shows.
    virtual void onRouting(int layer, std::span<const std::int32_t> experts, std::span<const float> weights,
                           std::size_t rows) = 0;
};

} // namespace fulgurite
