// SPDX-License-Identifier: Apache-2.0
// Scratch arrays of one forward pass and the helpers that its parts share. Private to core/model.
#pragma once

#include "core/model/expert_plan.h"
#include "core/model/hybrid_model.h"
#include "core/model/weights.h"
#include "kernels/ops.h"

#include <optional>
#include <vector>

namespace fulgurite {

// Grows and never shrinks; contents are undefined after a call.
class FloatBuffer {
  public:
    float* atLeast(std::size_t count) {
        if (values_.size() < count) {
            values_.resize(count);
        }
        return values_.data();
    }

  private:
    std::vector<float> values_;
};

struct Workspace::Buffers {
    std::optional<kernels::Queue> queue;    // for the pool of the last call
    FloatBuffer hidden;                     // [rows, hidden]: the stream between layers
    FloatBuffer normed;                     // [rows, hidden]
    FloatBuffer branch;                     // [rows, hidden]: what attention or experts add
    FloatBuffer projected;                  // [rows, 3 * heads * head_dim]: qkv, or q | k | v of a softmax layer
    FloatBuffer gate;                       // [rows, heads * head_dim]
    FloatBuffer attended;                   // [rows, heads * head_dim]
    FloatBuffer router_logits;              // [rows, experts]
    FloatBuffer expert_weights;             // [rows, top_k]
    FloatBuffer ordered_weights;            // [rows, top_k], by expert index
    FloatBuffer expert_in;                  // [rows * top_k, hidden], by expert
    FloatBuffer expert_gate;                // [rows * top_k, intermediate]
    FloatBuffer expert_up;                  // [rows * top_k, intermediate]
    FloatBuffer expert_out;                 // [rows * top_k, hidden]
    FloatBuffer wanted;                     // [wanted rows, hidden]
    std::vector<std::int32_t> expert_ids;   // [rows, top_k], by falling weight
    std::vector<std::int32_t> gather_index; // [wanted rows]: which rows the head reads
    ExpertPlan plan;                        // rows of expert_in and expert_out
    std::vector<kernels::LinearTask> tasks;
    std::vector<float*> key_pages;
    std::vector<float*> value_pages;

    // Room for all of it, so that a pass that has begun to change states no longer asks for memory.
    void prepare(const ModelConfig& config, std::size_t rows, std::size_t wanted_rows);
};

// What every part of the forward pass needs. `rows` are the tokens of all chunks, concatenated.
struct ForwardContext {
    const ModelWeights& weights;
    const kernels::OpTable& ops;
    kernels::Queue& queue;
    Workspace::Buffers& buffers;
    std::span<SequenceChunk> batch;
    std::size_t rows;
    ForwardTap* tap = nullptr;
    bool intervened = false; // some chunk carries an intervention

    // values [rows, width] pass `point`.
    void offer(TapPoint point, int layer, const float* values, std::size_t width) {
        if (tap != nullptr && tap->wants(point, layer)) {
            tap->onValues(point, layer, {values, rows * width}, rows);
        }
    }
};

// Interventions of the batch, each on the rows of its sequence from Intervention::from on. No-ops where none is
// carried.
// attended: [rows, heads, head_dim], the output projection's input.
void scaleHeads(const ForwardContext& context, int layer, float* attended);
// weights: [rows, top_k] of the experts in buffers.expert_ids.
void dropExperts(const ForwardContext& context, int layer, float* weights);
// branch: [rows, hidden], what `part` of the layer is about to add to the stream.
void silence(const ForwardContext& context, int layer, BlockPart part, float* branch);

// branch [rows, hidden] = attention(normed [rows, hidden]); updates the states of the batch.
void lightningForward(ForwardContext& context, int layer, const float* normed, float* branch);
void softmaxForward(ForwardContext& context, int layer, const float* normed, float* branch);

// branch [rows, hidden] = mixture of experts of normed [rows, hidden]; leaves ids and weights in the buffers.
void moeForward(ForwardContext& context, int layer, const float* normed, float* branch);

} // namespace fulgurite
