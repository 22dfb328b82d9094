// SPDX-License-Identifier: Apache-2.0
// What one instruction set offers: single-threaded kernels over plain pointers. The files compiled with
// instruction-set flags (avx2.cpp, avx512.cpp) contain nothing else, no library templates above all, so that no
// function of theirs can be picked by the linker for a processor that lacks the instructions.
#pragma once

#include "kernels/dtype.h"

#include <cstddef>
#include <cstdint>

namespace fulgurite::kernels {

// A product of one block of rows of W with all of a packed X; see gemm.inl.
struct GemmBlock {
    const float* packed_x = nullptr; // [k blocks][panels][kKBlock, panel_width]
    std::size_t panels = 0;
    std::size_t m_rows = 0;
    const void* weight = nullptr; // first row of the block
    DType dtype = DType::F32;
    const void* scales = nullptr;   // of its rows, or null
    std::size_t n_rows = 0;         // at most kNBlock
    std::size_t k = 0;              // row length of W, elements
    std::size_t weight_stride = 0;  // between rows of W, elements
    float* weight_buffer = nullptr; // kNBlock * kWeightStride floats
    float* c_buffer = nullptr;      // kNBlock * panels * panel_width floats
    float* y = nullptr;             // [m_rows, n_rows] with y_stride
    std::size_t y_stride = 0;
};

inline constexpr std::size_t kKBlock = 512;
inline constexpr std::size_t kNBlock = 96;
// Padded so that the rows of a block do not fall into one set of the first-level cache.
inline constexpr std::size_t kWeightStride = kKBlock + 16;
// Up to this many rows of x the weights are streamed once per row group without packing.
inline constexpr std::size_t kMaxDotRows = 6;

// One head of a lightning layer over a chunk of tokens.
struct LightningHead {
    const float* qkv = nullptr; // first token's q; k and v follow at head_dim, 2 * head_dim
    std::size_t stride = 0;     // between tokens
    std::size_t rows = 0;
    std::size_t head_dim = 0;
    const float* decay_powers = nullptr; // [kLightningBlock + 1]: decay^i
    float decay_rest = 0;                // decay minus decay_powers[1]
    float* state = nullptr;              // [head_dim, head_dim]
    float* out = nullptr;                // first token's output
    std::size_t out_stride = 0;
    float* scratch = nullptr; // lightningScratch(head_dim) floats
};

inline constexpr std::size_t kLightningBlock = 64;
constexpr std::size_t lightningScratch(std::size_t head_dim) {
    return kLightningBlock * (kLightningBlock + 3 * head_dim);
}

// Query rows that share one key head (query tokens times heads of the group) against the pages of one layer.
struct AttentionTile {
    const float* const* q_rows = nullptr;  // [rows] pointers to head_dim elements
    float* const* out_rows = nullptr;      // [rows]
    const std::size_t* contexts = nullptr; // [rows]: tokens each row may see
    std::size_t rows = 0;                  // at most kAttentionRows
    std::size_t head_dim = 0;
    const float* const* key_pages = nullptr;
    const float* const* value_pages = nullptr;
    std::size_t key_offset = 0;   // of this head in a key page
    std::size_t value_offset = 0; // of this head in a value page
    float scale = 1;
    float* scratch = nullptr; // attentionScratch(head_dim) floats
};

inline constexpr std::size_t kAttentionRows = 32;
inline constexpr std::size_t kAttentionPage = 64;
constexpr std::size_t attentionScratch(std::size_t head_dim) {
    return kAttentionRows * (kAttentionPage + 2 * head_dim + 2);
}

// Products of few rows with rows [n_begin, n_end) of W; see gemm.inl.
struct DotRows {
    const float* x = nullptr;
    std::size_t x_stride = 0;
    std::size_t m_rows = 0;       // at most kMaxDotRows
    const void* weight = nullptr; // row 0
    DType dtype = DType::F32;
    const void* scales = nullptr; // of row 0 and on, or null
    std::size_t k = 0;            // row length of W, elements
    std::size_t weight_stride = 0;
    std::size_t n_begin = 0;
    std::size_t n_end = 0;
    float* y = nullptr; // [m_rows, _] with y_stride
    std::size_t y_stride = 0;
};

struct SimdKernels {
    const char* name;
    std::size_t panel_width; // rows of x in one packed panel

    void (*dot_rows)(const DotRows& product);
    // Packs panels [begin, end) of x [m_rows, k]; rows beyond m_rows become zero.
    void (*pack_x)(const float* x, std::size_t x_stride, std::size_t m_rows, std::size_t k, std::size_t panels,
                   std::size_t begin, std::size_t end, float* packed);
    void (*gemm_block)(const GemmBlock& block);

    void (*convert_row)(const void* row, DType dtype, std::size_t count, float* out);
    // gate null: plain norm, else times sigmoid(gate). squares null: the sums are x's own, over `width` elements;
    // else [rows], over total_width.
    void (*norm_rows)(const float* x, const float* weight, const float* gate, const float* squares, float* out,
                      std::size_t rows, std::size_t width, std::size_t total_width, float eps);
    float (*sum_squares)(const float* x, std::size_t width);
    void (*silu)(float* x, std::size_t count);
    void (*swiglu)(const float* gate, const float* up, float* out, std::size_t count);
    void (*residual)(const float* residual, const float* branch, float* out, std::size_t count, float alpha,
                     float beta);
    void (*add_scaled)(float* out, const float* x, float scale, std::size_t count,
                       bool first); // out (+)= scale * x
    void (*lightning_head)(const LightningHead& head);
    void (*attention_tile)(const AttentionTile& tile);
};

// Null when this build has no code for it. Whether the processor can run it is decided in dispatch.cpp.
const SimdKernels* avx2Kernels();
const SimdKernels* avx512Kernels();

} // namespace fulgurite::kernels
