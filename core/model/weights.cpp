// SPDX-License-Identifier: Apache-2.0
#include "core/model/weights.h"

#include "core/base/error.h"
#include "core/model/weight_views.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

// Rows [first, first + rows) of slice `index` of a [slices, all_rows, cols] tensor.
kernels::WeightMatrix sliceOf(const TensorView& view, std::int64_t index, std::int64_t first, std::int64_t rows) {
    if (view.data == nullptr) {
        return {};
    }
    const std::int64_t offset = (index * view.shape[1] + first) * view.shape[2];
    return {view.data + static_cast<std::size_t>(offset) * sizeOf(view.dtype), view.dtype,
            static_cast<std::size_t>(rows), static_cast<std::size_t>(view.shape[2])};
}

class Loader {
  public:
    Loader(ModelWeights& weights, const Checkpoint& checkpoint)
        : weights_(weights), config_(weights.config), binder_(checkpoint) {}

    void run() {
        const std::int64_t h = config_.hidden_size;
        weights_.embedding = matrixOf(binder_.take({"model.embed_tokens.weight"}, {config_.vocab_size, h}));
        weights_.final_norm = vectorOf(binder_.take({"model.norm.weight"}, {h}));
        if (config_.tie_word_embeddings) {
            weights_.head = weights_.embedding;
            binder_.ignore("lm_head.weight");
        } else {
            weights_.head = matrixOf(binder_.take({"lm_head.weight"}, {config_.vocab_size, h}));
        }
        for (int layer = 0; layer < config_.layerCount(); ++layer) {
            weights_.layers.push_back(loadLayer(layer));
        }
        binder_.finish();
        weights_.inv_freq = rotaryFrequencies(config_);
    }

  private:
    LayerWeights loadLayer(int index) {
        const std::string prefix = "model.layers." + std::to_string(index) + ".";
        const std::int64_t h = config_.hidden_size;
        LayerWeights layer;
        layer.kind = config_.layers[static_cast<std::size_t>(index)];
        layer.input_norm = vectorOf(binder_.take({prefix + "input_layernorm.weight"}, {h}));
        layer.mlp_norm = vectorOf(binder_.take({prefix + "post_attention_layernorm.weight"}, {h}));
        if (layer.kind == LayerKind::Lightning) {
            layer.lightning = loadLightning(prefix + "self_attn.", index);
        } else {
            layer.softmax = loadSoftmax(prefix + "self_attn.");
        }
        loadExperts(prefix, layer);
        return layer;
    }

    LightningWeights loadLightning(const std::string& prefix, int index) {
        const std::int64_t h = config_.hidden_size;
        const std::int64_t inner = std::int64_t{config_.num_heads} * config_.head_dim;
        LightningWeights w;
        w.qkv = matrixOf(binder_.take({prefix + "qkv_proj.weight"}, {3 * inner, h}));
        w.gate = matrixOf(binder_.take({prefix + "output_gate.weight"}, {inner, h}));
        w.out = matrixOf(binder_.take({prefix + "out_proj.weight"}, {h, inner}));
        w.norm = vectorOf(binder_.take({prefix + "norm.weight"}, {inner}));
        w.decay_rates = decayRates(config_, index);
        // Derived data that transformers stores as buffers; recomputed here.
        for (const char* buffer : {"slope_rate", "query_decay", "key_decay", "diagonal_decay"}) {
            binder_.ignore(prefix + buffer);
        }
        return w;
    }

    SoftmaxWeights loadSoftmax(const std::string& prefix) {
        const std::int64_t h = config_.hidden_size;
        const std::int64_t inner = std::int64_t{config_.num_heads} * config_.head_dim;
        const std::int64_t kv = std::int64_t{config_.num_kv_heads} * config_.head_dim;
        SoftmaxWeights w;
        w.q = matrixOf(binder_.take({prefix + "q_proj.weight"}, {inner, h}));
        w.k = matrixOf(binder_.take({prefix + "k_proj.weight"}, {kv, h}));
        w.v = matrixOf(binder_.take({prefix + "v_proj.weight"}, {kv, h}));
        w.out = matrixOf(binder_.take({prefix + "o_proj.weight"}, {h, inner}));
        binder_.ignore(prefix + "rotary_emb.inv_freq");
        return w;
    }

    void loadExperts(const std::string& prefix, LayerWeights& layer) {
        const std::int64_t h = config_.hidden_size;
        const std::int64_t f = config_.intermediate_size;
        const std::int64_t experts = config_.num_experts;
        layer.router = matrixOf(
            binder_.take({prefix + "block_sparse_moe.gate.weight", prefix + "mlp.gate.weight"}, {experts, h}));
        for (const char* folder : {"mlp.experts.", "block_sparse_moe.experts."}) {
            const std::string moe = prefix + folder;
            if (!binder_.has(moe + "gate_up_proj")) {
                continue;
            }
            const TensorView gate_up = binder_.take({moe + "gate_up_proj"}, {experts, 2 * f, h});
            const TensorView down = binder_.take({moe + "down_proj"}, {experts, h, f});
            for (std::int64_t e = 0; e < experts; ++e) {
                layer.experts.push_back(
                    {sliceOf(gate_up, e, 0, f), sliceOf(gate_up, e, f, f), sliceOf(down, e, 0, h)});
            }
            return;
        }
        for (std::int64_t e = 0; e < experts; ++e) {
            const auto names = [&](const char* which) {
                const std::string tail = "experts." + std::to_string(e) + "." + which + ".weight";
                return std::vector<std::string>{prefix + "block_sparse_moe." + tail, prefix + "mlp." + tail};
            };
            layer.experts.push_back({matrixOf(binder_.takeMatrix(names("w1"), {f, h})),
                                     matrixOf(binder_.takeMatrix(names("w3"), {f, h})),
                                     matrixOf(binder_.takeMatrix(names("w2"), {h, f}))});
        }
    }

    ModelWeights& weights_;
    const ModelConfig& config_;
    TensorBinder binder_;
};

} // namespace

bool hasInt8Experts(const ModelWeights& weights) {
    const auto isInt8 = [](const ExpertWeights& expert) {
        return expert.gate.dtype == DType::I8 || expert.up.dtype == DType::I8 || expert.down.dtype == DType::I8;
    };
    return std::any_of(weights.layers.begin(), weights.layers.end(), [&](const LayerWeights& layer) {
        return std::any_of(layer.experts.begin(), layer.experts.end(), isInt8);
    });
}

// The published code computes 1.0 / (base ** (arange(0, dim, 2).float() / dim)): exponent, power and quotient are each
// rounded to float32. One rounding in their place would differ by a unit in the last place in half of the entries, and
// by up to 0.03 radians at a million tokens.
std::vector<float> rotaryFrequencies(const ModelConfig& config) {
    const auto base = static_cast<double>(static_cast<float>(config.rope_theta));
    std::vector<float> frequencies;
    for (int i = 0; i < config.rotary_dim / 2; ++i) {
        const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.rotary_dim);
        const auto power = static_cast<float>(std::pow(base, static_cast<double>(exponent)));
        frequencies.push_back(1.0f / power);
    }
    return frequencies;
}

std::unique_ptr<ModelWeights> loadWeights(const std::filesystem::path& folder) {
    auto weights = std::make_unique<ModelWeights>();
    weights->config = ModelConfig::load(folder);
    weights->checkpoint = std::make_unique<const Checkpoint>(folder);
    Loader(*weights, *weights->checkpoint).run();
    return weights;
}

} // namespace fulgurite
