// SPDX-License-Identifier: Apache-2.0
// What to take from a forward pass: quantity x layers x heads x positions x reduction. Plain data, checked once
// against a model's shape.
#pragma once

#include "core/checkpoint/model_config.h"
#include "core/model/forward_tap.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fulgurite::probe {

// Every quantity has one vector for each token and head; the stream counts as one head.
// H heads, KV key heads, D head_dim, h hidden_size, E experts.
enum class Quantity : std::uint8_t {
    Query,        // [H, D]: after SiLU (lightning) or RoPE (softmax), as the attention core meets it
    Key,          // [H, D]; softmax layers: [KV, D]
    Value,        // [H, D]; softmax layers: [KV, D]
    HeadOutput,   // [H, D]: of the attention core, before norm and gate
    Gate,         // [H, D]: after its sigmoid; lightning layers only
    HeadGated,    // [H, D]: what the output projection takes in
    Attention,    // [1, h]: the block's output
    AttentionSum, // [1, h]: the stream after the attention block
    Hidden,       // [1, h]: layer 0 is the embedding, l + 1 the output of layer l
    Experts,      // [1, h]: the experts' sum
    RouterLogits, // [1, E]
};

// Done next to the data, so that only the result is kept.
enum class Reduction : std::uint8_t {
    Full, // the vector
    Norm, // its Euclidean length
    Mean, // of its elements
    Peak, // the element of largest magnitude, sign kept
};

struct ProbeItem {
    Quantity quantity = Quantity::Hidden;
    std::vector<int> layers;
    std::vector<int> heads;             // rising; empty: all. Key and Value of softmax layers: key heads
    std::vector<std::size_t> positions; // rising; empty: all
    Reduction reduction = Reduction::Full;
};

using ProbePlan = std::vector<ProbeItem>;

// What an item yields for each token and layer.
struct ProbeShape {
    std::size_t heads = 0;
    std::size_t width = 0; // 1 unless Full
};
ProbeShape shapeOf(const ProbeItem& item, const ModelConfig& config, int layer);

// Where the quantity is looked at.
TapPoint pointOf(Quantity quantity);

// Throws Error{InvalidInput} that names the layer, head or position that does not exist and its range.
// `tokens`: of the run.
void checkPlan(const ProbePlan& plan, const ModelConfig& config, std::size_t tokens);

// Throw Error{InvalidInput}: "layer 9 does not exist; the model has layers 0 to 7".
void checkLayer(int layer, const ModelConfig& config);
void checkHead(int layer, int head, const ModelConfig& config);
void checkPosition(std::size_t position, std::size_t tokens);

} // namespace fulgurite::probe
