// SPDX-License-Identifier: Apache-2.0
// Compiled with the flags of one instruction set; see simd_kernels.h for why it holds nothing else.
#include "kernels/cpu/simd_backward.h"
#include "kernels/cpu/simd_encoder.h"
#include "kernels/cpu/simd_kernels.h"
#include "kernels/cpu/simd_scan.h"

#include "kernels/cpu/simd_avx512.h"

namespace fulgurite::kernels {

#include "kernels/cpu/math.inl"

#include "kernels/cpu/gemm.inl"

#include "kernels/cpu/tile_product.inl"

#include "kernels/cpu/lightning.inl"

#include "kernels/cpu/attention.inl"

#include "kernels/cpu/kernel_table.inl"

#include "kernels/cpu/scan.inl"

#include "kernels/cpu/product_grad.inl"

#include "kernels/cpu/math_grad.inl"

#include "kernels/cpu/lightning_grad.inl"

#include "kernels/cpu/attention_grad.inl"

#include "kernels/cpu/backward_table.inl"

#include "kernels/cpu/encoder.inl"

const SimdKernels* avx512Kernels() { return &kTable; }

const SimdBackwardKernels* avx512BackwardKernels() { return &kBackwardTable; }

ScanKernel avx512Scan() { return scanBlock; }

const SimdEncoderKernels* avx512EncoderKernels() { return &kEncoderTable; }

} // namespace fulgurite::kernels
