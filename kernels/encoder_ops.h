// SPDX-License-Identifier: Apache-2.0
// What transformer encoders (BERT, CLIP) compute besides the operations of ops.h, as a table of its own: the
// language model needs none of it. Conventions and the scalar truth as there. Formulas: Devlin et al. 2018 (BERT),
// Radford et al. 2021 (CLIP), as transformers computes them.
#pragma once

#include "kernels/ops.h"

#include <cstddef>
#include <cstdint>

namespace fulgurite::kernels {

// out = weight * (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) + bias, row by row. In place is fine.
struct LayerNormParams {
    const float* x = nullptr;      // [rows, width]
    const float* weight = nullptr; // [width]
    const float* bias = nullptr;   // [width]
    float* out = nullptr;
    std::size_t rows = 0;
    std::size_t width = 0;
    float eps = 0;
};

enum class Activation : std::uint8_t {
    None,
    Gelu,      // x Phi(x), with the error function
    QuickGelu, // x * sigmoid(1.702 x)
};

// x = activation(x + bias), in place.
struct BiasParams {
    float* x = nullptr;          // [rows, width]
    const float* bias = nullptr; // [width]
    std::size_t rows = 0;
    std::size_t width = 0;
    Activation activation = Activation::None;
};

// softmax(q k / sqrt(head_dim)) v within each sequence; every token sees its whole sequence or, when `causal`, what
// comes before it and itself.
struct EncoderAttentionParams {
    const float* q = nullptr; // [rows, heads, head_dim] with `stride` between rows, as k and v
    const float* k = nullptr;
    const float* v = nullptr;
    std::size_t stride = 0;
    const std::size_t* lengths = nullptr; // [sequences]: tokens of each, none zero; rows is their sum
    std::size_t sequences = 0;
    std::size_t heads = 0;
    std::size_t head_dim = 0;
    bool causal = false;
    float* out = nullptr; // [rows, heads, head_dim], contiguous
};

struct EncoderOpTable {
    const char* name;
    void (*layer_norm)(const LayerNormParams&, Queue&);
    void (*bias)(const BiasParams&, Queue&);
    void (*attention)(const EncoderAttentionParams&, Queue&);
};

const EncoderOpTable& referenceEncoderOps();
const EncoderOpTable& cpuEncoderOps(CpuLevel level); // `level` must be supported
const EncoderOpTable& bestCpuEncoderOps();

} // namespace fulgurite::kernels
