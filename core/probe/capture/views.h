// SPDX-License-Identifier: Apache-2.0
// What the inspection of a run shows, as finished arrays: plain data that an engine computes, a capture holds and a
// window draws. Nothing here needs a model or a kernel.
//
// Letters in shapes: L layers, H heads of a layer, n tokens, P query positions, k experts of a token, E experts.
// Arrays are row-major. Positions count tokens from 0.
#pragma once

#include "core/base/types.h"
#include "core/checkpoint/model_config.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::capture {

// How a figure came about; shown beside it together with its measured error.
enum class Provenance : std::uint8_t {
    Exact,        // recorded while the model ran
    Recomputed,   // worked out again from recorded arrays by the same formula
    Approximated, // pooled, sampled or linearised: the view says how
};

struct HeadRef {
    int layer = 0;
    int head = 0;
    bool operator==(const HeadRef&) const = default;
    auto operator<=>(const HeadRef&) const = default;
};

// Decay of every lightning head (minimax published code: weight falls by exp(-rate) per token).
struct DecayMap {
    std::vector<LayerKind> layers; // [L]
    int heads = 0;
    std::vector<double> rates; // [L, H]; 0 for softmax layers, which do not decay

    bool unbounded(int layer) const { return layers[static_cast<std::size_t>(layer)] == LayerKind::Softmax; }
    double rate(HeadRef head) const {
        return rates[static_cast<std::size_t>(head.layer) * static_cast<std::size_t>(heads) +
                     static_cast<std::size_t>(head.head)];
    }
};

// One token of the captured text.
struct CapturedToken {
    TokenId id = 0;
    std::string text;     // its bytes; may be a fragment of a character
    bool special = false; // a marker of the chat format
    bool sampled = false; // written by the model, not given
    float logprob = 0;    // of this token given those before it; NaN where it was not computed
};

// What one query position took from each source position through one head.
// Lightning: weight_j = (q_t . k_j) * exp(-rate * (t - j)), signed and not normalised: the coefficient of v_j in
// the head's output before norm, gate and output projection. Softmax: the attention probability.
struct AttentionRow {
    HeadRef head;
    LayerKind kind = LayerKind::Lightning;
    std::size_t position = 0;
    std::vector<float> score;  // [position + 1]: q.k; softmax: q.k / sqrt(head_dim)
    std::vector<float> decay;  // [position + 1]; empty for softmax
    std::vector<float> weight; // [position + 1]
    std::vector<float> share;  // [position + 1]: part of |head output|: weight_j * (v_j . o) / (o . o), sums to 1
    std::vector<float> output; // [head_dim]: recorded; empty when the capture does not hold it
    // max_d |sum_j weight_j v_jd - output_d| / max_d |output_d|; NaN when there is no recorded output.
    double error = std::numeric_limits<double>::quiet_NaN();
    Provenance provenance = Provenance::Recomputed;
};

// Rectangle of a token x token map; each cell covers `pool` x `pool` tokens and holds the value of largest
// magnitude under it, sign kept, so that a spike is never lost. Cells wholly beyond the causal edge are NaN.
// Cell (0, 0) begins at (first_row, first_col); the last ones may reach over the rectangle that was asked for and
// then hold what lies inside it.
struct AttentionTile {
    HeadRef head;
    LayerKind kind = LayerKind::Lightning;
    std::size_t first_row = 0; // token of the first query row
    std::size_t first_col = 0;
    std::size_t rows = 0; // cells
    std::size_t cols = 0;
    std::size_t pool = 1;
    std::vector<float> cells; // [rows, cols]
    float max_abs = 0;        // over the cells
    // Every row_step-th query row was computed. 1: all of them; more: a spike in a skipped row does not show, and
    // the provenance is Approximated.
    std::size_t row_step = 1;
    Provenance provenance = Provenance::Recomputed;
};

// Figures of one head at one query position. NaN: not captured, or not defined for this kind of head.
struct HeadFigures {
    HeadRef head;
    LayerKind kind = LayerKind::Lightning;
    float half_life = 0;   // tokens; infinity for softmax
    float output_norm = 0; // |o| before norm and gate
    float gate_mean = 0;   // mean of the sigmoid gate over the head's channels; lightning only
    float block_share =
        0; // part of the attention block's output: (W_o slice . o) . a / (a . a); sums to 1 over heads
    float logit_effect = 0; // direct effect on the chosen token's logit, norms frozen (see docs/user/inspecting.md)
    float entropy = 0;      // nats, of |weight| normalised over the sources
    float effective_span = 0;  // exp(entropy), tokens
    float mean_distance = 0;   // tokens, under the same distribution
    float mrag_importance = 0; // Multi-Head RAG a_i * b_i over the query positions (arXiv 2406.05085)
    float previous_token = 0;  // share of |weight| on the token before
    float induction = 0;       // share of |weight| on tokens that follow an earlier occurrence of this token
    float planted_fact = 0;    // share of |weight| on the marked span; NaN when none is marked
};

struct HeadTable {
    std::size_t position = 0;
    TokenId target = 0;             // whose logit the effects are about
    std::vector<HeadFigures> heads; // by layer, then head
};

// Routing of a range of tokens through every layer.
struct RoutingSlice {
    std::size_t first = 0; // token
    std::size_t count = 0;
    int layers = 0;
    int top_k = 0;
    std::vector<std::int16_t> experts; // [count, L, k] by falling weight
    std::vector<float> weights;        // [count, L, k]
    std::vector<float> margin;         // [count, L]: probability of the last chosen less that of the first refused
};

// Load over the whole capture.
struct RoutingSummary {
    int layers = 0;
    int experts = 0;
    int top_k = 0;
    std::size_t tokens = 0;
    std::vector<std::uint64_t> load;  // [L, E] times chosen
    std::vector<double> weight;       // [L, E] sum of weights
    std::vector<double> entropy_bits; // [L] of the load; log2(E) is perfectly even
};

// What the model would say after each layer, through the final norm and head ("logit lens").
struct LensCandidate {
    TokenId id = 0;
    float logprob = 0;
    std::string text; // its bytes, so that a lens is read without a tokenizer; may be a fragment of a character
};
struct LensLayer {
    int layer = 0;                         // 0: the embedding, l + 1: the output of layer l
    std::vector<LensCandidate> candidates; // by falling probability
    int final_rank = 0;                    // rank here of the token that the last layer puts first; 1 is best
    float kl = 0;                          // nats: KL(output of the model || this layer)
};
struct LensView {
    std::size_t position = 0;
    std::vector<LensLayer> layers; // [L + 1]
};

// Cost of one token at a context length; closed form and, where measured, seconds.
struct CostPoint {
    std::size_t context = 0;
    double hybrid_flops = 0;
    double hybrid_bytes = 0;
    double softmax_flops = 0; // the same model with every layer a softmax layer
    double softmax_bytes = 0;
    double seconds = std::numeric_limits<double>::quiet_NaN(); // measured decode step; NaN: computed only
};

// What a capture holds, without its arrays.
struct CaptureInfo {
    int version = 1;
    std::string created;    // ISO 8601, UTC
    std::string engine;     // version
    std::string model;      // served name
    std::string model_hash; // of config and weight headers
    std::string tokens_hash;
    std::string settings; // JSON: plan, sampler, interventions
    ModelConfig config;
    std::size_t tokens = 0;
    std::vector<std::size_t> positions; // [P] query positions with head figures and lens, rising
    std::vector<int> attention_layers;  // layers whose q, k, v are held: rows and maps at any position
    // Of the attention layers, those of which only some heads are held, rising; one that is not named here is held
    // whole. held_heads.h answers what is there.
    std::map<int, std::vector<int>> attention_heads;
    bool routing = false;
    bool heads = false;
    bool lens = false;
    std::optional<std::pair<std::size_t, std::size_t>> fact; // marked span [first, last)
    std::uint64_t bytes = 0;                                 // of the file
};

} // namespace fulgurite::capture
