// SPDX-License-Identifier: Apache-2.0
// The operations of the model as a table of functions, one table per device. The model code calls these and nothing
// else; kernels/ref is the scalar truth that every other table is tested against.
//
// Conventions: activations are float32, row-major, one row per token; strides and widths count elements; buffers do
// not overlap unless a comment says that in place is fine; sizes may be zero. Errors in sizes are programmer
// errors. Formulas: the published MiniMax-Text-01 / M1 modelling code.
#pragma once

#include "kernels/dtype.h"
#include "kernels/pool.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace fulgurite::kernels {

// [rows (outputs), cols (inputs)], row-major, F32, BF16, F16 or I8; usually a mapped file, so of any alignment.
struct WeightMatrix {
    const void* data = nullptr;
    DType dtype = DType::F32;
    std::size_t rows = 0;
    std::size_t cols = 0;
    // I8 only: F32 [rows], of any alignment. The weight is scale[row] * integer. Null for the other types.
    const void* scales = nullptr;
    // Elements from one row to the next; 0 means cols. More than cols: some columns of a wider matrix.
    std::size_t stride = 0;

    std::size_t rowStride() const { return stride == 0 ? cols : stride; }
};

// 1 for a matrix without scales.
inline float scaleOf(const WeightMatrix& weight, std::size_t row) {
    float scale = 1;
    if (weight.scales != nullptr) {
        std::memcpy(&scale, static_cast<const char*>(weight.scales) + row * sizeof(scale), sizeof(scale));
    }
    return scale;
}

// y[m, n] = sum over k of x[m, k] * weight[n, k].
struct LinearTask {
    const float* x = nullptr; // [m_rows, weight.cols]
    std::size_t x_stride = 0;
    std::size_t m_rows = 0;
    WeightMatrix weight;
    float* y = nullptr; // [m_rows, weight.rows]
    std::size_t y_stride = 0;
};

// out[i] = table[ids[i] - first_id]; zeros for an id outside the table, which then is one part of the vocabulary.
struct EmbedParams {
    WeightMatrix table;                // [vocab, width]; not I8
    const std::int32_t* ids = nullptr; // [rows], checked by the caller
    std::size_t rows = 0;
    float* out = nullptr; // [rows, table.cols]
    std::int32_t first_id = 0;
};

// out = weight * x / sqrt(mean(x^2) + eps), row by row. In place is fine.
struct NormParams {
    const float* x = nullptr;      // [rows, width]
    const float* weight = nullptr; // [width]
    float* out = nullptr;
    std::size_t rows = 0;
    std::size_t width = 0;
    float eps = 0;
};

// out = norm(x) * sigmoid(gate): the output side of a lightning layer, norm over all heads jointly. In place is
// fine.
struct NormGateParams {
    NormParams norm;
    const float* gate = nullptr; // [rows, width]
    // Null: the mean is that of x. Otherwise x holds some of the heads only: the sums over all of them, [rows], and
    // how many elements they are of.
    const float* squares = nullptr;
    std::size_t total_width = 0;
};

// out[r] = sum of x[r, i]^2.
struct SumSquaresParams {
    const float* x = nullptr; // [rows, width]
    std::size_t rows = 0;
    std::size_t width = 0;
    float* out = nullptr; // [rows]
};

// out = silu(gate) * up, element by element. In place is fine.
struct SwigluParams {
    const float* gate = nullptr;
    const float* up = nullptr;
    float* out = nullptr;
    std::size_t count = 0;
};

// out = alpha * residual + beta * branch. In place is fine.
struct ResidualParams {
    const float* residual = nullptr;
    const float* branch = nullptr;
    float* out = nullptr;
    std::size_t count = 0;
    float alpha = 1;
    float beta = 1;
};

// Half-rotation (NeoX) embedding of the first rotary_dim elements of every head, in place. The angle is the float32
// product position * inv_freq[i], as published: at a million tokens its rounding is part of the model.
struct RopeParams {
    float* x = nullptr; // [rows, heads, head_dim] with `stride` between rows
    std::size_t stride = 0;
    std::size_t rows = 0;
    std::size_t heads = 0;
    std::size_t head_dim = 0;
    std::size_t rotary_dim = 0;
    const float* inv_freq = nullptr; // [rotary_dim / 2]
    std::size_t first_position = 0;  // rows have consecutive positions
};

// Tokens of one page of keys and values.
inline constexpr std::size_t kPageTokens = 64;

// A page holds kPageTokens tokens of one softmax layer. Keys are stored transposed, so that one query meets a page
// with full vectors: keys [kv_heads, head_dim, kPageTokens], values [kv_heads, kPageTokens, head_dim].
struct KvStoreParams {
    const float* k = nullptr; // [rows, kv_heads, head_dim] with `stride`; after RoPE
    const float* v = nullptr;
    std::size_t stride = 0;
    std::size_t rows = 0;
    std::size_t kv_heads = 0;
    std::size_t head_dim = 0;
    float* const* key_pages = nullptr;
    float* const* value_pages = nullptr;
    std::size_t first_position = 0;
};

// Causal attention of `rows` consecutive queries from `first_position` over all earlier tokens and themselves;
// query head j reads key head j / (heads / kv_heads). softmax(q k / sqrt(head_dim)) v.
struct SoftmaxAttentionParams {
    const float* q = nullptr; // [rows, heads, head_dim] with `q_stride`; after RoPE
    std::size_t q_stride = 0;
    std::size_t rows = 0;
    std::size_t heads = 0;
    std::size_t kv_heads = 0;
    std::size_t head_dim = 0;
    const float* const* key_pages = nullptr;
    const float* const* value_pages = nullptr;
    std::size_t first_position = 0;
    float* out = nullptr; // [rows, heads, head_dim], contiguous
};

// Lightning attention of `rows` consecutive tokens: S <- decay * S + k (x) v, o = q S, per head. No scaling, no
// softmax.
struct LightningParams {
    const float* qkv = nullptr; // [rows, heads, (q, k, v), head_dim], contiguous; after SiLU
    std::size_t rows = 0;
    std::size_t heads = 0;
    std::size_t head_dim = 0;
    const float* rates = nullptr; // [heads]: decay = exp(-rate)
    float* state = nullptr;       // [heads, head_dim (key), head_dim (value)], updated
    float* out = nullptr;         // [rows, heads, head_dim], contiguous
};

// softmax over all experts, best top_k, renormalised; equal logits go to the lower index.
struct RouteParams {
    const float* logits = nullptr; // [rows, experts]
    std::size_t rows = 0;
    std::size_t experts = 0;
    std::size_t top_k = 0;
    std::int32_t* ids = nullptr; // [rows, top_k], by falling weight
    float* weights = nullptr;    // [rows, top_k]
};

// out[r] = sum over j of weights[r, j] * expert_out[slots[r, j]], added in the order of `order` (rising expert
// index, as published: the order decides the last bit). A slot of -1 adds nothing: that expert is computed
// elsewhere.
struct CombineParams {
    const float* expert_out = nullptr;   // [rows * top_k, width]
    const std::int32_t* slots = nullptr; // [rows, top_k]: row of expert_out, in summation order
    const float* weights = nullptr;      // [rows, top_k]: in summation order
    std::size_t rows = 0;
    std::size_t top_k = 0;
    std::size_t width = 0;
    float* out = nullptr; // [rows, width]
};

// out[i] = x[index[i]].
struct GatherParams {
    const float* x = nullptr; // [_, width]
    const std::int32_t* index = nullptr;
    std::size_t rows = 0;
    std::size_t width = 0;
    float* out = nullptr; // [rows, width]
};

// The chosen experts of every row: out[r] = sum over j of weights[r, j] * down_e(silu(gate_e x_r) * up_e x_r) with
// e = ids[r, j], added by rising expert index. Experts outside [first, first + count) add nothing: they are another
// rank's.
struct ExpertMatrices {
    WeightMatrix gate; // [intermediate, width]
    WeightMatrix up;   // [intermediate, width]
    WeightMatrix down; // [width, intermediate]
};
struct ExpertsParams {
    const float* x = nullptr; // [rows, width]
    std::size_t rows = 0;
    std::size_t top_k = 0;
    const std::int32_t* ids = nullptr;       // [rows, top_k]
    const float* weights = nullptr;          // [rows, top_k]
    const ExpertMatrices* experts = nullptr; // [count], alike in shapes and types
    ExpertMatrices like;                     // one of them, in the host's memory
    std::size_t first = 0;
    std::size_t count = 0;
    float* out = nullptr; // [rows, width]
};

class DeviceQueue;

// Where work runs: the pool, and scratch memory that drivers grow as they need. One per caller thread.
class Queue {
  public:
    explicit Queue(ThreadPool& pool, DeviceQueue* device = nullptr);
    ~Queue();
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    ThreadPool& pool() const { return pool_; }
    // For the operations of a device (device.h) and those who copy to it; null on the processor.
    DeviceQueue* device() const { return device_; }
    // Slots [0, kSharedSlots) belong to the operation as a whole, kSharedSlots + w to worker w, who may call this
    // too. At least `count` floats, 64-byte aligned; contents undefined, valid until the next call with the same
    // slot.
    static constexpr std::size_t kSharedSlots = 4;
    float* scratch(std::size_t slot, std::size_t count);

  private:
    struct Block {
        float* data = nullptr;
        std::size_t count = 0;
    };
    ThreadPool& pool_;
    DeviceQueue* device_;
    std::vector<Block> blocks_;
};

struct OpTable {
    const char* name;
    // All tasks may run at once; tasks that read the same x should stand next to each other.
    void (*linear)(std::span<const LinearTask> tasks, Queue& queue);
    void (*embed)(const EmbedParams&, Queue&);
    void (*norm)(const NormParams&, Queue&);
    void (*norm_gate)(const NormGateParams&, Queue&);
    void (*sum_squares)(const SumSquaresParams&, Queue&);
    void (*silu)(float* x, std::size_t count, Queue&); // x * sigmoid(x), in place
    void (*swiglu)(const SwigluParams&, Queue&);
    void (*residual)(const ResidualParams&, Queue&);
    void (*rope)(const RopeParams&, Queue&);
    void (*kv_store)(const KvStoreParams&, Queue&);
    void (*softmax_attention)(const SoftmaxAttentionParams&, Queue&);
    void (*lightning_attention)(const LightningParams&, Queue&);
    void (*route)(const RouteParams&, Queue&);
    void (*gather)(const GatherParams&, Queue&);
    void (*combine)(const CombineParams&, Queue&);
    // What gather, linear, swiglu and combine do for a layer's experts, where choices never leave a device. Null
    // where the caller groups rows by expert itself.
    void (*experts)(const ExpertsParams&, Queue&) = nullptr;
};

// Scalar, double accumulation, one thread: the truth.
const OpTable& referenceOps();

enum class CpuLevel : std::uint8_t { Avx2, Avx512 };

const char* nameOf(CpuLevel level);
// Whether this processor has the instructions (and this build the code).
bool isSupported(CpuLevel level);
// Throws nothing; `level` must be supported.
const OpTable& cpuOps(CpuLevel level);
// The fastest supported table; the reference where there is none.
const OpTable& bestCpuOps();

} // namespace fulgurite::kernels
