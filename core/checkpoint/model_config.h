// SPDX-License-Identifier: Apache-2.0
// The shape and constants of a hybrid lightning-attention MoE model, read from a Hugging Face `config.json` in the
// MiniMax-Text-01, MiniMax-M1 or transformers `minimax` spelling. Source: the published configuration classes.
#pragma once

#include "core/base/types.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

enum class LayerKind : std::uint8_t { Lightning, Softmax };

// Residual scale and branch scale of one kind of block: y = alpha * residual + beta * branch.
struct ResidualScale {
    float alpha = 1.0f;
    float beta = 1.0f;
};

struct ModelConfig {
    std::string architecture; // "MiniMaxM1ForCausalLM", "MiniMaxText01ForCausalLM" or "MiniMaxForCausalLM"
    std::vector<LayerKind> layers;
    int hidden_size = 0;
    int intermediate_size = 0; // width F of one expert
    int vocab_size = 0;
    int num_heads = 0;
    int num_kv_heads = 0; // softmax layers only
    int head_dim = 0;
    int rotary_dim = 0; // leading dims of a head that RoPE turns; softmax layers only
    int num_experts = 0;
    int top_k = 0;
    double rope_theta = 0;
    float rms_norm_eps = 1e-5f; // residual-stream norms; the lightning inner norm has its own constant
    bool postnorm = false;      // true: the residual is the normalised tensor
    bool tie_word_embeddings = false;
    ResidualScale lightning_scale;
    ResidualScale softmax_scale;
    ResidualScale mlp_scale;
    std::int64_t max_positions = 0;
    TokenIds eos_token_ids; // may be empty: the tokenizer's then

    int layerCount() const { return static_cast<int>(layers.size()); }
    int lightningLayerCount() const;
    int softmaxLayerCount() const;
    std::int64_t parameterCount() const;

    // Parses the text of a config.json; `name` is its path for messages. Throws Error{InvalidInput | Unsupported}
    // that names the field.
    static ModelConfig parse(std::string_view json_text, const std::string& name);
    // The text of a config.json in the published spelling that parse() reads back as this configuration.
    std::string toJson() const;
    // Reads FOLDER/config.json.
    static ModelConfig load(const std::filesystem::path& folder);
};

// Decay rates s of a lightning layer's heads, [num_heads]: a token's weight falls by exp(-s) per step.
// ALiBi base slopes times 1 - layer / (layers - 1) + 1e-5 by absolute layer index (minimax published code).
std::vector<float> decayRates(const ModelConfig& config, int layer);

} // namespace fulgurite
