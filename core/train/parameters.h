// SPDX-License-Identifier: Apache-2.0
// Where every weight of a model lies in one float32 array, under the name that its checkpoint gives it. Weights,
// gradients and optimizer moments are arrays of this layout.
#pragma once

#include "core/checkpoint/checkpoint.h"
#include "core/checkpoint/model_config.h"
#include "core/checkpoint/tensor_list.h"
#include "kernels/dtype.h"

#include <cstddef>
#include <string>
#include <vector>

namespace fulgurite {

struct Parameter {
    std::string name;
    Shape shape;
    TensorRole role = TensorRole::Matrix;
    DType stored = DType::F32; // in the checkpoint that it came from
    std::size_t offset = 0;    // elements
    std::size_t count = 0;
};

// Offsets of the matrices that the layers use. H heads, D head_dim, h hidden_size, F intermediate_size, KV key
// heads; [outputs, inputs]. A fused tensor holds several of them.
struct ExpertSlots {
    std::size_t gate = 0; // [F, h]
    std::size_t up = 0;   // [F, h]
    std::size_t down = 0; // [h, F]
};

struct LayerSlots {
    LayerKind kind = LayerKind::Lightning;
    std::size_t input_norm = 0; // [h]
    std::size_t mlp_norm = 0;   // [h]
    std::size_t qkv = 0;        // lightning: [H * 3 * D, h]
    std::size_t gate = 0;       // lightning: [H * D, h]
    std::size_t inner_norm = 0; // lightning: [H * D]
    std::size_t q = 0;          // softmax: [H * D, h]
    std::size_t k = 0;          // softmax: [KV * D, h]
    std::size_t v = 0;          // softmax: [KV * D, h]
    std::size_t out = 0;        // [h, H * D]
    std::size_t router = 0;     // [experts, h]
    std::vector<ExpertSlots> experts;
};

struct ModelSlots {
    std::size_t embedding = 0;  // [vocab, h]
    std::size_t head = 0;       // [vocab, h]; the embedding where the two are tied
    std::size_t final_norm = 0; // [h]
    std::vector<LayerSlots> layers;
};

class ParameterLayout {
  public:
    // The names of `checkpoint`, which loadWeights() has accepted; without one the published names in float32.
    explicit ParameterLayout(const ModelConfig& config, const Checkpoint* checkpoint = nullptr);

    const std::vector<Parameter>& parameters() const { return parameters_; }
    const ModelSlots& slots() const { return slots_; }
    // Length of an array of this layout; what lies between parameters stays zero.
    std::size_t size() const { return size_; }

  private:
    std::size_t add(std::string name, const Shape& shape, TensorRole role = TensorRole::Matrix);
    LayerSlots addLayer(const ModelConfig& config, int index);
    void addExperts(const ModelConfig& config, const std::string& prefix, LayerSlots& layer);
    bool isThere(const std::string& name) const;

    const Checkpoint* checkpoint_;
    std::vector<Parameter> parameters_;
    ModelSlots slots_;
    std::size_t size_ = 0;
};

} // namespace fulgurite
