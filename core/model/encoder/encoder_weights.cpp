// SPDX-License-Identifier: Apache-2.0
// Takes an encoder's layers out of a checkpoint.
#include "core/model/encoder/encoder.h"
#include "core/model/weight_views.h"

namespace fulgurite {

EncoderLayerNames EncoderLayerNames::bert() {
    return {.q = "attention.self.query",
            .k = "attention.self.key",
            .v = "attention.self.value",
            .out = "attention.output.dense",
            .up = "intermediate.dense",
            .down = "output.dense",
            .attention_norm = "attention.output.LayerNorm",
            .mlp_norm = "output.LayerNorm"};
}

EncoderLayerNames EncoderLayerNames::clip() {
    return {.q = "self_attn.q_proj",
            .k = "self_attn.k_proj",
            .v = "self_attn.v_proj",
            .out = "self_attn.out_proj",
            .up = "mlp.fc1",
            .down = "mlp.fc2",
            .attention_norm = "layer_norm1",
            .mlp_norm = "layer_norm2"};
}

AffineWeights takeAffine(TensorBinder& binder, const std::string& name, std::int64_t outputs, std::int64_t inputs) {
    return {matrixOf(binder.take({name + ".weight"}, {outputs, inputs})),
            vectorOf(binder.take({name + ".bias"}, {outputs}))};
}

// "gamma" and "beta" are how the oldest BERT checkpoints spell it.
LayerNormWeights takeLayerNorm(TensorBinder& binder, const std::string& name, std::int64_t width) {
    return {vectorOf(binder.take({name + ".weight", name + ".gamma"}, {width})),
            vectorOf(binder.take({name + ".bias", name + ".beta"}, {width}))};
}

std::vector<EncoderLayer> takeEncoderLayers(TensorBinder& binder, const EncoderShape& shape,
                                            const std::string& prefix, const EncoderLayerNames& names) {
    const std::int64_t width = shape.width;
    const std::int64_t inner = shape.intermediate;
    std::vector<EncoderLayer> layers;
    for (int i = 0; i < shape.layers; ++i) {
        const std::string at = prefix + std::to_string(i) + ".";
        layers.push_back({.q = takeAffine(binder, at + names.q, width, width),
                          .k = takeAffine(binder, at + names.k, width, width),
                          .v = takeAffine(binder, at + names.v, width, width),
                          .out = takeAffine(binder, at + names.out, width, width),
                          .up = takeAffine(binder, at + names.up, inner, width),
                          .down = takeAffine(binder, at + names.down, width, inner),
                          .attention_norm = takeLayerNorm(binder, at + names.attention_norm, width),
                          .mlp_norm = takeLayerNorm(binder, at + names.mlp_norm, width)});
    }
    return layers;
}

} // namespace fulgurite
