// SPDX-License-Identifier: Apache-2.0
// A configuration as text again, for files that carry the model's shape with them.
#include "core/checkpoint/model_config.h"

#include <nlohmann/json.hpp>

namespace fulgurite {

std::string ModelConfig::toJson() const {
    nlohmann::ordered_json json;
    json["architectures"] = {architecture};
    nlohmann::ordered_json kinds = nlohmann::ordered_json::array();
    for (const LayerKind kind : layers) {
        kinds.push_back(kind == LayerKind::Lightning ? 0 : 1);
    }
    json["attn_type_list"] = std::move(kinds);
    json["num_hidden_layers"] = layerCount();
    json["hidden_size"] = hidden_size;
    json["intermediate_size"] = intermediate_size;
    json["vocab_size"] = vocab_size;
    json["num_attention_heads"] = num_heads;
    json["num_key_value_heads"] = num_kv_heads;
    json["head_dim"] = head_dim;
    json["rotary_dim"] = rotary_dim;
    json["num_local_experts"] = num_experts;
    json["num_experts_per_tok"] = top_k;
    json["rope_theta"] = rope_theta;
    json["rms_norm_eps"] = rms_norm_eps;
    json["postnorm"] = postnorm;
    json["tie_word_embeddings"] = tie_word_embeddings;
    json["layernorm_linear_attention_alpha"] = lightning_scale.alpha;
    json["layernorm_linear_attention_beta"] = lightning_scale.beta;
    json["layernorm_full_attention_alpha"] = softmax_scale.alpha;
    json["layernorm_full_attention_beta"] = softmax_scale.beta;
    json["layernorm_mlp_alpha"] = mlp_scale.alpha;
    json["layernorm_mlp_beta"] = mlp_scale.beta;
    json["max_position_embeddings"] = max_positions;
    json["eos_token_id"] = eos_token_ids;
    return json.dump();
}

} // namespace fulgurite
