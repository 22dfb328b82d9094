// SPDX-License-Identifier: Apache-2.0
// The drivers of the CPU gradients: they split work over the pool and call the kernels of one instruction set.
// Compiled without instruction-set flags.
#pragma once

#include "kernels/backward_ops.h"
#include "kernels/cpu/simd_backward.h"

namespace fulgurite::kernels {

void cpuLinearInput(const SimdBackwardKernels& simd, std::span<const LinearInputGrad> tasks, Queue& queue);
void cpuLinearWeight(const SimdBackwardKernels& simd, std::span<const LinearWeightGrad> tasks, Queue& queue);
void cpuNormGrad(const SimdBackwardKernels& simd, const NormGrad& params, const float* gate, float* dgate,
                 Queue& queue);
void cpuSiluGrad(const SimdBackwardKernels& simd, const SiluGrad& params, Queue& queue);
void cpuSwigluGrad(const SimdBackwardKernels& simd, const SwigluGrad& params, Queue& queue);
void cpuSoftmaxAttentionGrad(const SimdBackwardKernels& simd, const SoftmaxAttentionGrad& params, Queue& queue);
void cpuLightningGrad(const SimdBackwardKernels& simd, const LightningGrad& params, Queue& queue);
void cpuEmbedGrad(const SimdKernels& simd, const EmbedGrad& params, Queue& queue);
void cpuResidualGrad(const SimdKernels& simd, const ResidualGrad& params, Queue& queue);
void cpuCombineGrad(const SimdKernels& simd, const SimdBackwardKernels& backward, const CombineGrad& params,
                    Queue& queue);
void cpuScatterGrad(const SimdKernels& simd, const ScatterGrad& params, Queue& queue);
void cpuLogProb(const SimdBackwardKernels& simd, const LogProbParams& params, Queue& queue);
void cpuLogProbGrad(const SimdBackwardKernels& simd, const LogProbGrad& params, Queue& queue);

// No vector code of their own: trigonometry, a few dozen scalars for each row.
void cpuRopeGrad(const RopeParams& params, Queue& queue);
void cpuRouteGrad(const RouteGrad& params, Queue& queue);
void cpuBalanceGrad(const BalanceGrad& params, Queue& queue);

// Bound by memory; the compiler's own vectors suffice.
void cpuAdam(const AdamParams& params, Queue& queue);
double cpuSquareSum(const float* x, std::size_t count, Queue& queue);
void cpuClear(float* x, std::size_t count, Queue& queue);
void cpuCopy(const float* from, std::size_t count, float* to, Queue& queue);
void cpuRoundBf16(const float* from, std::size_t count, float* to, Queue& queue);

} // namespace fulgurite::kernels
