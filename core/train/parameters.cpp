// SPDX-License-Identifier: Apache-2.0
#include "core/train/parameters.h"

namespace fulgurite {

namespace {

// Parameters begin at multiples of a cache line.
constexpr std::size_t kAlignment = 16;

} // namespace

ParameterLayout::ParameterLayout(const ModelConfig& config, const Checkpoint* checkpoint)
    : checkpoint_(checkpoint) {
    const std::int64_t h = config.hidden_size;
    slots_.embedding = add("model.embed_tokens.weight", {config.vocab_size, h});
    for (int layer = 0; layer < config.layerCount(); ++layer) {
        slots_.layers.push_back(addLayer(config, layer));
    }
    slots_.final_norm = add("model.norm.weight", {h}, TensorRole::Norm);
    slots_.head = config.tie_word_embeddings ? slots_.embedding : add("lm_head.weight", {config.vocab_size, h});
    checkpoint_ = nullptr;
}

bool ParameterLayout::isThere(const std::string& name) const {
    return checkpoint_ != nullptr && checkpoint_->tensors().contains(name);
}

std::size_t ParameterLayout::add(std::string name, const Shape& shape, TensorRole role) {
    Parameter parameter{std::move(name), shape, role,
                        DType::F32,      size_, static_cast<std::size_t>(elementCount(shape))};
    if (isThere(parameter.name)) {
        parameter.stored = checkpoint_->tensors().find(parameter.name)->second.dtype;
    }
    size_ += (parameter.count + kAlignment - 1) / kAlignment * kAlignment;
    parameters_.push_back(std::move(parameter));
    return parameters_.back().offset;
}

LayerSlots ParameterLayout::addLayer(const ModelConfig& config, int index) {
    const std::int64_t h = config.hidden_size;
    const std::int64_t inner = std::int64_t{config.num_heads} * config.head_dim;
    const std::int64_t kv = std::int64_t{config.num_kv_heads} * config.head_dim;
    const std::string prefix = "model.layers." + std::to_string(index) + ".";
    const std::string attention = prefix + "self_attn.";
    LayerSlots layer;
    layer.kind = config.layers[static_cast<std::size_t>(index)];
    layer.input_norm = add(prefix + "input_layernorm.weight", {h}, TensorRole::Norm);
    layer.mlp_norm = add(prefix + "post_attention_layernorm.weight", {h}, TensorRole::Norm);
    if (layer.kind == LayerKind::Lightning) {
        layer.qkv = add(attention + "qkv_proj.weight", {3 * inner, h});
        layer.gate = add(attention + "output_gate.weight", {inner, h});
        layer.inner_norm = add(attention + "norm.weight", {inner}, TensorRole::Norm);
        layer.out = add(attention + "out_proj.weight", {h, inner});
    } else {
        layer.q = add(attention + "q_proj.weight", {inner, h});
        layer.k = add(attention + "k_proj.weight", {kv, h});
        layer.v = add(attention + "v_proj.weight", {kv, h});
        layer.out = add(attention + "o_proj.weight", {h, inner});
    }
    const std::string router =
        isThere(prefix + "mlp.gate.weight") ? "mlp.gate.weight" : "block_sparse_moe.gate.weight";
    layer.router = add(prefix + router, {config.num_experts, h}, TensorRole::Router);
    addExperts(config, prefix, layer);
    return layer;
}

void ParameterLayout::addExperts(const ModelConfig& config, const std::string& prefix, LayerSlots& layer) {
    const std::int64_t h = config.hidden_size;
    const std::int64_t f = config.intermediate_size;
    const std::size_t matrix = static_cast<std::size_t>(h * f);
    for (const char* folder : {"mlp.experts.", "block_sparse_moe.experts."}) {
        const std::string moe = prefix + folder;
        if (!isThere(moe + "gate_up_proj")) {
            continue;
        }
        const std::size_t gate_up = add(moe + "gate_up_proj", {config.num_experts, 2 * f, h});
        const std::size_t down = add(moe + "down_proj", {config.num_experts, h, f});
        for (std::size_t e = 0; e < static_cast<std::size_t>(config.num_experts); ++e) {
            layer.experts.push_back({gate_up + 2 * e * matrix, gate_up + (2 * e + 1) * matrix, down + e * matrix});
        }
        return;
    }
    for (int e = 0; e < config.num_experts; ++e) {
        const std::string tail = "experts." + std::to_string(e) + ".";
        const std::string expert =
            prefix + (isThere(prefix + "mlp." + tail + "w1.weight") ? "mlp." : "block_sparse_moe.") + tail;
        const std::size_t gate = add(expert + "w1.weight", {f, h});
        const std::size_t down = add(expert + "w2.weight", {h, f});
        const std::size_t up = add(expert + "w3.weight", {f, h});
        layer.experts.push_back({gate, up, down});
    }
}

} // namespace fulgurite
