// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/tensor_list.h"

namespace fulgurite {

std::vector<TensorSpec> publishedTensors(const ModelConfig& config) {
    const std::int64_t h = config.hidden_size;
    const std::int64_t f = config.intermediate_size;
    const std::int64_t inner = std::int64_t{config.num_heads} * config.head_dim;
    const std::int64_t kv = std::int64_t{config.num_kv_heads} * config.head_dim;
    std::vector<TensorSpec> all{{"model.embed_tokens.weight", {config.vocab_size, h}}};
    for (int layer = 0; layer < config.layerCount(); ++layer) {
        const std::string prefix = "model.layers." + std::to_string(layer) + ".";
        const std::string attention = prefix + "self_attn.";
        const std::string moe = prefix + "block_sparse_moe.";
        all.push_back({prefix + "input_layernorm.weight", {h}, TensorRole::Norm});
        all.push_back({prefix + "post_attention_layernorm.weight", {h}, TensorRole::Norm});
        if (config.layers[static_cast<std::size_t>(layer)] == LayerKind::Lightning) {
            all.push_back({attention + "qkv_proj.weight", {3 * inner, h}});
            all.push_back({attention + "output_gate.weight", {inner, h}});
            all.push_back({attention + "norm.weight", {inner}, TensorRole::Norm});
            all.push_back({attention + "out_proj.weight", {h, inner}});
        } else {
            all.push_back({attention + "q_proj.weight", {inner, h}});
            all.push_back({attention + "k_proj.weight", {kv, h}});
            all.push_back({attention + "v_proj.weight", {kv, h}});
            all.push_back({attention + "o_proj.weight", {h, inner}});
        }
        all.push_back({moe + "gate.weight", {config.num_experts, h}, TensorRole::Router});
        for (int e = 0; e < config.num_experts; ++e) {
            const std::string expert = moe + "experts." + std::to_string(e) + ".";
            all.push_back({expert + "w1.weight", {f, h}, TensorRole::Expert});
            all.push_back({expert + "w2.weight", {h, f}, TensorRole::Expert});
            all.push_back({expert + "w3.weight", {f, h}, TensorRole::Expert});
        }
    }
    all.push_back({"model.norm.weight", {h}, TensorRole::Norm});
    if (!config.tie_word_embeddings) {
        all.push_back({"lm_head.weight", {config.vocab_size, h}});
    }
    return all;
}

} // namespace fulgurite
