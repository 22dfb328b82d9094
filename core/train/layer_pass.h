// SPDX-License-Identifier: Apache-2.0
// What the parts of one training pass share: the saved activations, scratch arrays, and the two blocks of a layer
// in both directions. Private to core/train.
#pragma once

#include "core/model/expert_plan.h"
#include "core/train/train_model.h"
#include "core/train/train_pass.h"
#include "kernels/bf16_products.h"

#include <span>
#include <vector>

namespace fulgurite {

// Grows and never shrinks; contents are undefined after a call.
class TrainBuffer {
  public:
    float* atLeast(std::size_t count) {
        if (values_.size() < count) {
            values_.resize(count);
        }
        return values_.data();
    }
    float* data() { return values_.data(); }
    const float* data() const { return values_.data(); }

  private:
    std::vector<float> values_;
};

// What the backward pass needs of one layer. Norms, activations and gathered rows are computed again: they cost
// little beside the products and would double the memory.
struct LayerActivations {
    TrainBuffer stream;        // [rows, h]: what goes into the layer
    TrainBuffer projected;     // lightning: qkv before SiLU [rows, 3 H D]; softmax: q | k | v after RoPE
    TrainBuffer gate;          // lightning: [rows, H D], before the sigmoid
    TrainBuffer attended;      // [rows, H D]
    TrainBuffer middle;        // [rows, h]: the stream between attention and experts
    TrainBuffer router_logits; // [rows, experts]
    TrainBuffer weights;       // [rows, top_k], by falling weight
    TrainBuffer ordered;       // [rows, top_k], by rising expert index
    TrainBuffer expert_gate;   // [rows * top_k, F], by slot
    TrainBuffer expert_up;     // [rows * top_k, F]
    TrainBuffer expert_out;    // [rows * top_k, h]
    std::vector<std::int32_t> ids;
    ExpertPlan plan;
};

struct LayerScratch {
    TrainBuffer normed, branch, dnormed, dbranch, inner, inner_gradient, gate_gradient, projected,
        projected_gradient;
    TrainBuffer expert_in, expert_hidden, expert_gradient, gate_slots, up_slots, choice_gradient, ordered_gradient;
    TrainBuffer logits_gradient;
    std::vector<std::vector<float>> pages;
    std::vector<float*> key_pages, value_pages;
    std::vector<kernels::LinearTask> tasks;
    std::vector<kernels::LinearInputGrad> input_tasks;
    std::vector<kernels::LinearWeightGrad> weight_tasks;
    std::vector<float> balance_slope;
};

struct LayerContext {
    const TrainModel& model;
    const kernels::OpTable& ops;
    const kernels::BackwardOpTable& grads;
    const kernels::ProductTable& products; // of all matrices but the router
    kernels::Queue& queue;
    LayerScratch& scratch;
    std::span<const std::size_t> lengths; // of the sequences; their sum is `rows`
    std::size_t rows;
    float* gradients; // of the layout; null in a forward pass

    const float* weight(std::size_t slot) const { return model.weights().data() + slot; }
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
