// SPDX-License-Identifier: Apache-2.0
// The weights of a hybrid model, matrices left in their file mapping and small vectors widened to float32.
// Accepts the published names (per-expert w1, w2, w3) and the fused-expert names of transformers 5.
#pragma once

#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/model_config.h"
#include "kernels/ops.h"

#include <memory>
#include <vector>

namespace fulgurite {

class ReservedAddresses;

// H heads, D head_dim, h hidden_size, F intermediate_size, KV key heads. Matrices are [outputs, inputs].
struct ExpertWeights {
    kernels::WeightMatrix gate; // w1 [F, h]
    kernels::WeightMatrix up;   // w3 [F, h]
    kernels::WeightMatrix down; // w2 [h, F]
};

struct LightningWeights {
    kernels::WeightMatrix qkv;      // [H * 3 * D, h], per head q, k, v
    kernels::WeightMatrix gate;     // [H * D, h]
    kernels::WeightMatrix out;      // [h, H * D]
    std::vector<float> norm;        // [H * D]
    std::vector<float> decay_rates; // [H]
};

struct SoftmaxWeights {
    kernels::WeightMatrix q;   // [H * D, h]
    kernels::WeightMatrix k;   // [KV * D, h]
    kernels::WeightMatrix v;   // [KV * D, h]
    kernels::WeightMatrix out; // [h, H * D]
};

struct LayerWeights {
    LayerKind kind = LayerKind::Lightning;
    std::vector<float> input_norm; // [h]
    std::vector<float> mlp_norm;   // [h]
    LightningWeights lightning;    // when kind is Lightning
    SoftmaxWeights softmax;        // when kind is Softmax
    kernels::WeightMatrix router;  // [experts, h]
    std::vector<ExpertWeights> experts;
};

struct ModelWeights {
    ModelConfig config;
    std::unique_ptr<const Checkpoint> checkpoint;      // keeps the mapping alive
    std::shared_ptr<const ReservedAddresses> reserved; // instead of it: no file has them, see shape_weights.h
    kernels::WeightMatrix embedding;                   // [vocab, h]
    kernels::WeightMatrix head;                        // [vocab, h]
    std::vector<float> final_norm;                     // [h]
    std::vector<float> inv_freq;                       // [rotary_dim / 2]
    float inner_norm_eps = 1e-6f;                      // of the lightning norm: fixed in the published code
    std::vector<LayerWeights> layers;
};

// Whether some expert is stored as integers with scales.
bool hasInt8Experts(const ModelWeights& weights);

// theta^(-2i / rotary_dim), [rotary_dim / 2]: the denominator is the rotated width, not the head's.
std::vector<float> rotaryFrequencies(const ModelConfig& config);

std::unique_ptr<ModelWeights> loadWeights(const std::filesystem::path& folder);

} // namespace fulgurite
