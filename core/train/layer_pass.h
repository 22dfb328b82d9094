// SPDX-License-Identifier: Apache-2.0
// What the parts of one training pass share: the saved activations, scratch arrays, and the two blocks of a layer
// in both directions. Private to core/train.
#pragma once

#include "core/model/expert_plan.h"
#include "core/train/train_array.h"
#include "core/train/train_model.h"
#include "core/train/train_pass.h"
#include "kernels/bf16_products.h"
#include "kernels/float_array.h"

#include <span>
#include <vector>

namespace fulgurite {

// What the backward pass needs of one layer. Norms, activations and gathered rows are computed again: they cost
// little beside the products and would double the memory.
struct LayerActivations {
    explicit LayerActivations(std::shared_ptr<kernels::Device> where) : device(std::move(where)) {}

    std::shared_ptr<kernels::Device> device; // where the arrays lie; null: the host's memory
    TrainBuffer stream{device};              // [rows, h]: what goes into the layer
    TrainBuffer projected{device};     // lightning: qkv before SiLU [rows, 3 H D]; softmax: q | k | v after RoPE
    TrainBuffer gate{device};          // lightning: [rows, H D], before the sigmoid
    TrainBuffer attended{device};      // [rows, H D]
    TrainBuffer middle{device};        // [rows, h]: the stream between attention and experts
    TrainBuffer router_logits{device}; // [rows, experts]
    TrainIndices ids{device};          // [rows, top_k], the chosen experts by rising index
    TrainBuffer weights{device};       // [rows, top_k], in the same order
    TrainIndices slots{device};        // [rows, top_k]: ExpertPlan::slots
    TrainBuffer expert_gate{device};   // [rows * top_k, F], by slot
    TrainBuffer expert_up{device};     // [rows * top_k, F]
    TrainBuffer expert_out{device};    // [rows * top_k, h]
    ExpertPlan plan;
};

struct LayerScratch {
    explicit LayerScratch(std::shared_ptr<kernels::Device> where) : device(std::move(where)) {}

    std::shared_ptr<kernels::Device> device;
    TrainBuffer normed{device}, branch{device}, dnormed{device}, dbranch{device}, inner{device},
        inner_gradient{device}, gate_gradient{device}, projected{device}, projected_gradient{device}, state{device};
    TrainBuffer expert_in{device}, expert_hidden{device}, expert_gradient{device}, gate_slots{device},
        up_slots{device}, weight_gradient{device}, logits_gradient{device}, choice_weights{device};
    TrainIndices choices{device};
    TrainBuffer balance_slope{device};
    TrainArray<double> probability_sums{device};
    std::vector<kernels::FloatArray> pages;
    std::vector<float*> key_pages, value_pages;
    std::vector<kernels::LinearTask> tasks;
    std::vector<kernels::LinearInputGrad> input_tasks;
    std::vector<kernels::LinearWeightGrad> weight_tasks;
    std::vector<float> values; // in the host's memory, on their way
    std::vector<std::int32_t> indices;
};

struct LayerContext {
    const TrainModel& model;
    const kernels::OpTable& ops;
    const kernels::BackwardOpTable& grads;
    const kernels::ProductTable& products; // of all matrices but the router
    TrainPlace& place;
    kernels::Queue& queue;
    LayerScratch& scratch;
    std::span<const std::size_t> lengths; // of the sequences; their sum is `rows`
    std::size_t rows;
    float* gradients; // of the layout; null in a forward pass

    const float* weight(std::size_t slot) const { return model.data() + slot; }
    kernels::WeightMatrix matrix(std::size_t slot, std::size_t outputs, std::size_t inputs) const {
        return {weight(slot), DType::F32, outputs, inputs};
    }
    std::size_t hidden() const { return static_cast<std::size_t>(model.config().hidden_size); }
    std::size_t heads() const { return static_cast<std::size_t>(model.config().num_heads); }
    std::size_t kvHeads() const { return static_cast<std::size_t>(model.config().num_kv_heads); }
    std::size_t headDim() const { return static_cast<std::size_t>(model.config().head_dim); }
    std::size_t inner() const { return heads() * headDim(); }
    std::size_t experts() const { return static_cast<std::size_t>(model.config().num_experts); }
    std::size_t topK() const { return static_cast<std::size_t>(model.config().top_k); }
    std::size_t width() const { return static_cast<std::size_t>(model.config().intermediate_size); }

    // dx [rows, inputs] (+)= dy [rows, outputs] W and dW += dy^T x, for the matrix at `slot`.
    void linearInput(const float* dy, std::size_t dy_stride, std::size_t slot, std::size_t outputs,
                     std::size_t inputs, float* dx, bool add) const {
        const kernels::LinearInputGrad task{dy, dy_stride, rows, weight(slot), outputs, inputs, dx, inputs, add};
        products.linear_input({&task, 1}, queue);
    }
    kernels::LinearWeightGrad weightTask(const float* dy, std::size_t dy_stride, const float* x, std::size_t slot,
                                         std::size_t outputs, std::size_t inputs) const {
        return {dy, dy_stride, rows, x, inputs, outputs, inputs, gradients + slot};
    }
};

// The published constant of the lightning layer's inner norm.
inline constexpr float kInnerNormEps = 1e-6f;

// branch [rows, h] = block(normed [rows, h]), keeping activations; and dnormed += gradient through the block, given
// dbranch, adding to the weights' gradients.
void lightningForward(LayerContext& context, std::size_t layer, const float* normed, LayerActivations& saved,
                      float* branch);
void lightningBackward(LayerContext& context, std::size_t layer, const float* normed, LayerActivations& saved,
                       const float* dbranch, float* dnormed);
void softmaxForward(LayerContext& context, std::size_t layer, const float* normed, LayerActivations& saved,
                    float* branch);
void softmaxBackward(LayerContext& context, std::size_t layer, const float* normed, LayerActivations& saved,
                     const float* dbranch, float* dnormed);
void expertsForward(LayerContext& context, std::size_t layer, const float* normed, LayerActivations& saved,
                    float* branch);
// `balance`: this layer's coefficient of the load-balance loss; its value without the coefficient is returned.
double expertsBackward(LayerContext& context, std::size_t layer, const float* normed, LayerActivations& saved,
                       const float* dbranch, float* dnormed, double balance);

} // namespace fulgurite
