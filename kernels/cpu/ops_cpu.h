// SPDX-License-Identifier: Apache-2.0
// The drivers of the CPU operations: they split work over the pool and call the kernels of one instruction set.
// Compiled without instruction-set flags.
#pragma once

#include "kernels/cpu/simd_kernels.h"
#include "kernels/ops.h"

namespace fulgurite::kernels {

// Shared slots of Queue::scratch.
enum ScratchSlot : std::size_t { kSlotPackedX = 0, kSlotDecayPowers = 1 };

void cpuLinear(const SimdKernels& simd, std::span<const LinearTask> tasks, Queue& queue);
void cpuSoftmaxAttention(const SimdKernels& simd, const SoftmaxAttentionParams& params, Queue& queue);
void cpuLightningAttention(const SimdKernels& simd, const LightningParams& params, Queue& queue);
void cpuEmbed(const SimdKernels& simd, const EmbedParams& params, Queue& queue);
// gate null: the plain norm.
void cpuNorm(const SimdKernels& simd, const NormGateParams& params, Queue& queue);
void cpuSumSquares(const SimdKernels& simd, const SumSquaresParams& params, Queue& queue);
void cpuSilu(const SimdKernels& simd, float* x, std::size_t count, Queue& queue);
void cpuSwiglu(const SimdKernels& simd, const SwigluParams& params, Queue& queue);
void cpuResidual(const SimdKernels& simd, const ResidualParams& params, Queue& queue);
void cpuCombine(const SimdKernels& simd, const CombineParams& params, Queue& queue);

// No vector code of their own: copies, trigonometry, a few dozen scalars for each row.
void cpuRotate(const RopeParams& params, bool back, Queue& queue); // back: by the opposite angle
void cpuRope(const RopeParams& params, Queue& queue);
void cpuKvStore(const KvStoreParams& params, Queue& queue);
void cpuRoute(const RouteParams& params, Queue& queue);
void cpuGather(const GatherParams& params, Queue& queue);

} // namespace fulgurite::kernels
