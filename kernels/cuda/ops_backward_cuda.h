// SPDX-License-Identifier: Apache-2.0
// The drivers of the CUDA gradients; the kernels are beside them.
#pragma once

#include "kernels/bf16_products.h"
#include "kernels/cuda/cuda_queue.h"

#include <cmath>

namespace fulgurite::kernels::cuda {

void linearInputGrad(std::span<const LinearInputGrad> tasks, Queue& queue);
void linearWeightGrad(std::span<const LinearWeightGrad> tasks, Queue& queue);
// With factors rounded to bfloat16: the ProductTable of a device.
void roundedLinear(std::span<const LinearTask> tasks, Queue& queue);
void roundedLinearInputGrad(std::span<const LinearInputGrad> tasks, Queue& queue);
void roundedLinearWeightGrad(std::span<const LinearWeightGrad> tasks, Queue& queue);

void embedGrad(const EmbedGrad& p, Queue& queue);
void normGrad(const NormGrad& p, Queue& queue);
void normGateGrad(const NormGateGrad& p, Queue& queue);
void siluGrad(const SiluGrad& p, Queue& queue);
void swigluGrad(const SwigluGrad& p, Queue& queue);
void residualGrad(const ResidualGrad& p, Queue& queue);
void ropeGrad(const RopeParams& p, Queue& queue);
void softmaxAttentionGrad(const SoftmaxAttentionGrad& p, Queue& queue);
void lightningGrad(const LightningGrad& p, Queue& queue);
void routeGrad(const RouteGrad& p, Queue& queue);
void balanceGrad(const BalanceGrad& p, Queue& queue);
void combineGrad(const CombineGrad& p, Queue& queue);
void scatterGrad(const ScatterGrad& p, Queue& queue);
void logProb(const LogProbParams& p, Queue& queue);
void logProbGrad(const LogProbGrad& p, Queue& queue);

void adam(const AdamParams& p, Queue& queue);
double squareSum(const float* x, std::size_t count, Queue& queue);
void clear(float* x, std::size_t count, Queue& queue);
void copy(const float* from, std::size_t count, float* to, Queue& queue);
void roundBf16(const float* from, std::size_t count, float* to, Queue& queue);

} // namespace fulgurite::kernels::cuda
