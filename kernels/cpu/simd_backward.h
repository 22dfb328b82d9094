// SPDX-License-Identifier: Apache-2.0
// What one instruction set offers to the gradients: single-threaded kernels over plain pointers, under the rules of
// simd_kernels.h.
#pragma once

#include "kernels/cpu/simd_kernels.h"

namespace fulgurite::kernels {

// Some rows of c[rows, cols] (+)= a[rows, depth] b[depth, cols], all operands float32. Element (i, d) of a lies at
// a[i * a_row + d * a_col], where one of the strides is 1: gradients of inputs read it by rows, gradients of
// weights by columns.
struct ProductBlock {
    const float* a = nullptr;
    std::size_t a_row = 0;
    std::size_t a_col = 0;
    std::size_t rows = 0;            // at most kNBlock
    std::size_t depth = 0;           // at most kProductDepth
    const float* packed_b = nullptr; // by pack_b
    std::size_t cols = 0;
    float* a_buffer = nullptr; // kProductBuffer floats
    float* c = nullptr;        // [rows, cols] with c_stride
    std::size_t c_stride = 0;
    bool add = false;
};

// The rows of a block, padded, or its columns and the vector that is written beyond them.
inline constexpr std::size_t kProductBuffer = kNBlock * kWeightStride;
// Depth of one pass: bounds the packed operand.
inline constexpr std::size_t kProductDepth = 4096;

// Rows of a norm's gradient; dweight is the sum over these rows alone.
struct NormRowsGrad {
    const float* x = nullptr;
    const float* weight = nullptr;
    const float* gate = nullptr; // null: plain norm
    const float* dout = nullptr;
    float* dx = nullptr;
    float* dgate = nullptr;
    float* dweight = nullptr; // [width]
    std::size_t rows = 0;
    std::size_t width = 0;
    float eps = 0;
    bool add = false;
};

// One head of a lightning layer over one sequence.
struct LightningHeadGrad {
    const float* qkv = nullptr; // first token's q; k and v follow at head_dim, 2 * head_dim
    float* dqkv = nullptr;      // likewise
    std::size_t stride = 0;     // between tokens, of both
    const float* dout = nullptr;
    std::size_t dout_stride = 0;
    std::size_t rows = 0;
    std::size_t head_dim = 0;
    const float* decay_powers = nullptr; // [kLightningBlock + 1]: decay^i
    float* scratch = nullptr;            // lightningGradScratch(head_dim) floats
};

constexpr std::size_t lightningGradScratch(std::size_t head_dim) {
    return 2 * kLightningBlock * (kLightningBlock + head_dim) + 2 * head_dim * head_dim;
}

// Query rows that share one key head. Keys and values of that head are also given transposed, in pages
// [pages][head_dim, kAttentionPage], the last one filled up with zeros.
struct AttentionGradTile {
    const float* const* q_rows = nullptr;    // [rows] pointers to head_dim elements
    const float* const* out_rows = nullptr;  // of the forward pass
    const float* const* dout_rows = nullptr; // its gradient
    float* const* dq_rows = nullptr;
    const std::size_t* contexts = nullptr; // [rows]: tokens each row may see
    float* const* log_sums = nullptr;      // [rows]: log sum exp of the scores; written for queries, read for keys
    float* const* means = nullptr;         // [rows]: dout . out; likewise
    std::size_t rows = 0;                  // at most kAttentionRows
    std::size_t head_dim = 0;
    const float* keys = nullptr; // [tokens, head_dim] with key_stride
    std::size_t key_stride = 0;
    const float* key_pages = nullptr;
    const float* value_pages = nullptr;
    std::size_t page = 0;     // of a step over keys
    float* dkeys = nullptr;   // [kAttentionPage, head_dim], contiguous, added to
    float* dvalues = nullptr; // likewise
    float scale = 1;
    float* scratch = nullptr; // attentionGradScratch(head_dim) floats
};

constexpr std::size_t attentionGradScratch(std::size_t head_dim) {
    return kAttentionRows * (2 * kAttentionPage + 3 * head_dim + 2);
}

struct LogSums {
    float top = 0;      // largest z / temperature
    float sum = 0;      // of e^x with x = z / temperature - top
    float weighted = 0; // of e^x x
};

struct SimdBackwardKernels {
    std::size_t panel_width; // columns of b in one packed panel
    std::size_t tile_rows;   // rows of c in one register tile

    // Packs panels [begin, end) of b [depth, cols] as [depth block][panel][depth in block, panel_width].
    void (*pack_b)(const float* b, std::size_t b_stride, std::size_t depth, std::size_t cols, std::size_t begin,
                   std::size_t end, float* packed);
    void (*product_block)(const ProductBlock& block);
    void (*norm_rows)(const NormRowsGrad& rows);
    void (*silu)(const float* x, const float* dout, float* dx, std::size_t count);
    void (*swiglu)(const float* gate, const float* up, const float* dout, float* dgate, float* dup,
                   std::size_t count);
    float (*dot)(const float* a, const float* b, std::size_t count);
    void (*lightning_head)(const LightningHeadGrad& head);
    void (*attention_queries)(const AttentionGradTile& tile); // dq, log_sums, means
    void (*attention_keys)(const AttentionGradTile& tile);    // dkeys, dvalues of one page
    LogSums (*log_sums)(const float* z, std::size_t count, float scale);
    // z <- scale (-c p - h p (ln p + entropy)), p = e^(scale z - log_sum); the target's share is the driver's.
    void (*log_prob_row)(float* z, std::size_t count, float scale, float log_sum, float c, float h, float entropy);
};

const SimdBackwardKernels* avx2BackwardKernels();
const SimdBackwardKernels* avx512BackwardKernels();

} // namespace fulgurite::kernels
