// SPDX-License-Identifier: Apache-2.0
// The drivers of the CUDA operations: they choose shapes of launches; the kernels are beside them.
#pragma once

#include "kernels/cuda/cuda_queue.h"

namespace fulgurite::kernels::cuda {

const OpTable& cudaOps(Precision precision);

void linearExact(std::span<const LinearTask> tasks, Queue& queue);
void linearMixed(std::span<const LinearTask> tasks, Queue& queue);
void randomise(void* target, DType type, std::size_t count, float scale, std::uint64_t seed, CudaQueue& queue);
void embed(const EmbedParams& p, Queue& queue);
void norm(const NormParams& p, Queue& queue);
void normGate(const NormGateParams& p, Queue& queue);
void sumSquares(const SumSquaresParams& p, Queue& queue);
void silu(float* x, std::size_t count, Queue& queue);
void swiglu(const SwigluParams& p, Queue& queue);
void residual(const ResidualParams& p, Queue& queue);
void rotate(const RopeParams& p, bool back, Queue& queue); // back: by the opposite angle
void rope(const RopeParams& p, Queue& queue);
void kvStore(const KvStoreParams& p, Queue& queue);
// On the tensor cores; false: not with these shapes, nothing was done.
bool softmaxPrefill(const SoftmaxAttentionParams& p, CudaQueue& queue);
bool lightningPrefill(const LightningParams& p, CudaQueue& queue);
void softmaxExact(const SoftmaxAttentionParams& p, Queue& queue);
void softmaxMixed(const SoftmaxAttentionParams& p, Queue& queue);
void lightningExact(const LightningParams& p, Queue& queue);
void lightningMixed(const LightningParams& p, Queue& queue);
void route(const RouteParams& p, Queue& queue);
void gather(const GatherParams& p, Queue& queue);
void combine(const CombineParams& p, Queue& queue);
void expertsExact(const ExpertsParams& p, Queue& queue);
void expertsMixed(const ExpertsParams& p, Queue& queue);

} // namespace fulgurite::kernels::cuda
