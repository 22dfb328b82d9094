// SPDX-License-Identifier: Apache-2.0
// What one instruction set offers to encoders besides SimdKernels; the same rules hold (simd_kernels.h).
#pragma once

#include <cstddef>

namespace fulgurite::kernels {

struct SimdEncoderKernels {
    void (*layer_norm_rows)(const float* x, const float* weight, const float* bias, float* out, std::size_t rows,
                            std::size_t width, float eps);
    // Of one row: x = activation(x + bias).
    void (*add_bias)(float* x, const float* bias, std::size_t width);
    void (*bias_gelu)(float* x, const float* bias, std::size_t width);
    void (*bias_quick_gelu)(float* x, const float* bias, std::size_t width);
};

const SimdEncoderKernels* avx2EncoderKernels();
const SimdEncoderKernels* avx512EncoderKernels();

} // namespace fulgurite::kernels
