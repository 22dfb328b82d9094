// SPDX-License-Identifier: Apache-2.0
// The gradients of the operations in kernels/ops.h as a second table: what training adds to inference.
//
// Conventions of ops.h, and: `d` before a name is the gradient of a scalar loss with respect to that array.
// Gradients of weights are added to what is there, because a batch is a sum; gradients of activations are
// overwritten unless a field says `add`. Weights are float32 here: training reads its master copies. Buffers do not
// overlap. Formulas: derived from those of ops.h; tests/grad holds each against central differences in double.
//
// On a device with memory of its own (device.h) every pointer is an address in that memory but EmbedGrad::ids,
// which is read when the operation is called.
#pragma once

#include "kernels/ops.h"

namespace fulgurite::kernels {

// y = x W^T gives dx[m, k] (+)= sum over n of dy[m, n] * weight[n, k].
struct LinearInputGrad {
    const float* dy = nullptr; // [m_rows, weight_rows]
    std::size_t dy_stride = 0;
    std::size_t m_rows = 0;
    const float* weight = nullptr; // [weight_rows, weight_cols]
    std::size_t weight_rows = 0;
    std::size_t weight_cols = 0;
    float* dx = nullptr; // [m_rows, weight_cols]
    std::size_t dx_stride = 0;
    bool add = false;
};

// ... and dweight[n, k] += sum over m of dy[m, n] * x[m, k].
struct LinearWeightGrad {
    const float* dy = nullptr; // [m_rows, weight_rows]
    std::size_t dy_stride = 0;
    std::size_t m_rows = 0;
    const float* x = nullptr; // [m_rows, weight_cols]
    std::size_t x_stride = 0;
    std::size_t weight_rows = 0;
    std::size_t weight_cols = 0;
    float* dweight = nullptr; // [weight_rows, weight_cols]
};

// dtable[ids[r]] += dout[r].
struct EmbedGrad {
    const std::int32_t* ids = nullptr; // [rows]
    const float* dout = nullptr;       // [rows, width]
    std::size_t rows = 0;
    std::size_t width = 0;
    float* dtable = nullptr; // [vocab, width]
};

// With s = 1 / sqrt(mean(x^2) + eps) and g = weight * dout:
// dx (+)= s g - x s^3 mean(x g), dweight += sum over rows of dout x s.
struct NormGrad {
    const float* x = nullptr;      // [rows, width], what went into the norm
    const float* weight = nullptr; // [width]
    const float* dout = nullptr;   // [rows, width]
    std::size_t rows = 0;
    std::size_t width = 0;
    float eps = 0;
    float* dx = nullptr; // [rows, width]
    bool add = false;
    float* dweight = nullptr; // [width]
};

// out = norm(x) * sigmoid(gate): dgate = dout norm(x) sigma (1 - sigma); the norm gets dout sigma.
struct NormGateGrad {
    NormGrad norm;
    const float* gate = nullptr; // [rows, width]
    float* dgate = nullptr;      // [rows, width]
};

// out = x sigmoid(x): dx = dout sigma (1 + x (1 - sigma)). dx may be dout.
struct SiluGrad {
    const float* x = nullptr;
    const float* dout = nullptr;
    float* dx = nullptr;
    std::size_t count = 0;
};

// out = silu(gate) up: dgate = dout up silu'(gate), dup = dout silu(gate).
struct SwigluGrad {
    const float* gate = nullptr;
    const float* up = nullptr;
    const float* dout = nullptr;
    float* dgate = nullptr;
    float* dup = nullptr;
    std::size_t count = 0;
};

// out = alpha residual + beta branch: dresidual (+)= alpha dout, dbranch = beta dout. dbranch may be dout.
struct ResidualGrad {
    const float* dout = nullptr;
    float* dresidual = nullptr;
    float* dbranch = nullptr;
    std::size_t count = 0;
    float alpha = 1;
    float beta = 1;
    bool add = false;
};

// Causal attention of one whole sequence, its first token at position 0. Keys and values lie in rows, not in pages.
// Takes memory in proportion to the tokens: scores are computed again, tile by tile.
struct SoftmaxAttentionGrad {
    const float* q = nullptr; // [rows, heads, head_dim], after RoPE
    const float* k = nullptr; // [rows, kv_heads, head_dim], after RoPE
    const float* v = nullptr; // [rows, kv_heads, head_dim]
    std::size_t stride = 0;   // between rows of q, k and v
    std::size_t rows = 0;
    std::size_t heads = 0;
    std::size_t kv_heads = 0;
    std::size_t head_dim = 0;
    const float* out = nullptr;  // [rows, heads, head_dim], contiguous: what the forward pass gave
    const float* dout = nullptr; // likewise
    float* dq = nullptr;         // shaped like q, k and v, with dstride between rows
    float* dk = nullptr;
    float* dv = nullptr;
    std::size_t dstride = 0;
};

// Lightning attention of one whole sequence that starts from a zero state. With a = decay and, per head,
// S_t = a S_(t-1) + k_t (x) v_t forwards and R_t = q_t (x) do_t + a R_(t+1) backwards:
// dq_t = S_t do_t, dk_t = R_t v_t, dv_t = R_t^T k_t. Nothing of the forward pass but q, k, v is needed; both sweeps
// keep one matrix per head, whatever the length.
struct LightningGrad {
    const float* qkv = nullptr; // [rows, heads, (q, k, v), head_dim], contiguous; after SiLU
    std::size_t rows = 0;
    std::size_t heads = 0;
    std::size_t head_dim = 0;
    const float* rates = nullptr; // [heads]: decay = exp(-rate)
    const float* dout = nullptr;  // [rows, heads, head_dim], contiguous
    float* dqkv = nullptr;        // shaped like qkv
};

// Through the weights of the chosen experts, w = softmax of their logits:
// dlogits[chosen j] = w_j (dw_j - sum over i of w_i dw_i), 0 elsewhere. Which experts are chosen has no gradient.
// The choices of a row may stand in any order, the same in all three arrays.
struct RouteGrad {
    const std::int32_t* ids = nullptr; // [rows, top_k]
    const float* weights = nullptr;    // [rows, top_k]
    const float* dweights = nullptr;   // [rows, top_k]
    std::size_t rows = 0;
    std::size_t experts = 0;
    std::size_t top_k = 0;
    float* dlogits = nullptr; // [rows, experts]
};

// The load-balance loss, coefficient experts / n times the sum over experts e of (share of choices of e) (sum of
// p_e over rows), p = softmax of the logits over all experts; shares are constants. slope[e] is coefficient experts
// share_e / n: dlogits[r, e] += p_e (slope_e - sum over i of p_i slope_i). probability_sums[e] += sum over rows of
// p_e.
struct BalanceGrad {
    const float* logits = nullptr; // [rows, experts]
    const float* slope = nullptr;  // [experts]
    std::size_t rows = 0;
    std::size_t experts = 0;
    float* dlogits = nullptr;           // [rows, experts]
    double* probability_sums = nullptr; // [experts]
};

// Of combine(): dexpert_out[slots[r, j]] = weights[r, j] dout[r], dweights[r, j] = dout[r] . expert_out[slots[r,
// j]].
struct CombineGrad {
    const float* expert_out = nullptr;   // [rows * top_k, width]
    const std::int32_t* slots = nullptr; // [rows, top_k]
    const float* weights = nullptr;      // [rows, top_k], in the order of slots
    const float* dout = nullptr;         // [rows, width]
    std::size_t rows = 0;
    std::size_t top_k = 0;
    std::size_t width = 0;
    float* dexpert_out = nullptr; // [rows * top_k, width]
    float* dweights = nullptr;    // [rows, top_k], in the order of slots
};

// Of the gather in front of the experts: dx[r] += sum over j of dgathered[slots[r, j]], in that order.
struct ScatterGrad {
    const float* dgathered = nullptr;    // [rows * top_k, width]
    const std::int32_t* slots = nullptr; // [rows, top_k]
    std::size_t rows = 0;
    std::size_t top_k = 0;
    std::size_t width = 0;
    float* dx = nullptr; // [rows, width]
};

// What a loss needs to know of one row of logits z, with p = softmax(z / temperature): the log-probability of the
// target, log sum exp(z / temperature), and the entropy -sum p ln p in nats.
struct LogProbParams {
    const float* logits = nullptr;         // [rows, vocab]
    const std::int32_t* targets = nullptr; // [rows]
    std::size_t rows = 0;
    std::size_t vocab = 0;
    float temperature = 1;
    float* log_probs = nullptr; // [rows]
    float* log_sums = nullptr;  // [rows]
    float* entropies = nullptr; // [rows]
};

// dz_i = (c (1[i = target] - p_i) - h p_i (ln p_i + entropy)) / temperature, where c is the gradient with respect
// to the target's log-probability and h that with respect to the entropy. A row with c = h = 0 becomes exactly
// zero.
struct LogProbGrad {
    float* logits = nullptr; // [rows, vocab]; replaced by dlogits
    const std::int32_t* targets = nullptr;
    std::size_t rows = 0;
    std::size_t vocab = 0;
    float temperature = 1;
    const float* log_sums = nullptr;
    const float* entropies = nullptr;  // [rows]; read when dentropies is there
    const float* dlog_probs = nullptr; // [rows]: c
    const float* dentropies = nullptr; // [rows]: h; null for none
};

// One step of AdamW with g = scale gradient: first <- beta1 first + (1 - beta1) g, second <- beta2 second + (1 -
// beta2) g^2, w <- w - rate first first_correction / (sqrt(second second_correction) + epsilon) - decay w. Source:
// Kingma and Ba 2015; Loshchilov and Hutter 2019.
struct AdamParams {
    float* weights = nullptr;         // [count]
    const float* gradients = nullptr; // likewise, and the moments
    float* first = nullptr;
    float* second = nullptr;
    std::size_t count = 0;
    float beta1 = 0;
    float beta2 = 0;
    float rate = 0;
    float decay = 0;
    float scale = 1;
    float first_correction = 1;
    float second_correction = 1;
    float epsilon = 0;
};

struct BackwardOpTable {
    const char* name;
    // All tasks may run at once: no two may write the same output.
    void (*linear_input)(std::span<const LinearInputGrad> tasks, Queue& queue);
    void (*linear_weight)(std::span<const LinearWeightGrad> tasks, Queue& queue);
    void (*embed)(const EmbedGrad&, Queue&);
    void (*norm)(const NormGrad&, Queue&);
    void (*norm_gate)(const NormGateGrad&, Queue&);
    void (*silu)(const SiluGrad&, Queue&);
    void (*swiglu)(const SwigluGrad&, Queue&);
    void (*residual)(const ResidualGrad&, Queue&);
    // Turns the gradient after rope() into that before it, in place: the rotation by the opposite angle.
    void (*rope)(const RopeParams& gradient, Queue&);
    void (*softmax_attention)(const SoftmaxAttentionGrad&, Queue&);
    void (*lightning_attention)(const LightningGrad&, Queue&);
    void (*route)(const RouteGrad&, Queue&);
    void (*balance)(const BalanceGrad&, Queue&);
    void (*combine)(const CombineGrad&, Queue&);
    void (*scatter)(const ScatterGrad&, Queue&);
    void (*log_prob)(const LogProbParams&, Queue&);
    void (*log_prob_grad)(const LogProbGrad&, Queue&);
    // What a loop over updates needs besides.
    void (*adam)(const AdamParams&, Queue&);
    // The sum of squares in double, for the host. The same bits whatever the number of workers.
    double (*square_sum)(const float* x, std::size_t count, Queue&);
    void (*clear)(float* x, std::size_t count, Queue&); // zeros
    void (*copy)(const float* from, std::size_t count, float* to, Queue&);
    // Each element rounded to the nearest bfloat16 (ties to even), kept as float32. In place is fine.
    void (*round_bf16)(const float* from, std::size_t count, float* to, Queue&);
};

// Scalar, double accumulation, one thread: the truth.
const BackwardOpTable& referenceBackwardOps();
// `level` must be supported.
const BackwardOpTable& cpuBackwardOps(CpuLevel level);
// The fastest supported table; the reference where there is none.
const BackwardOpTable& bestCpuBackwardOps();

} // namespace fulgurite::kernels
