// SPDX-License-Identifier: Apache-2.0
// Gradients around the experts: their choice, the load-balance loss, what is combined and what was gathered.
#include "kernels/cuda/ops_backward_cuda.h"
#include "kernels/cuda/warp.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr unsigned kThreads = 256;

dim3 blocksFor(std::size_t count) {
    return dim3(static_cast<unsigned>(ceilDiv(count, kThreads)));
}

__device__ __forceinline__ std::size_t globalIndex() {
    return static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ std::size_t globalWarp() {
    return globalIndex() / kWarp;
}
__device__ __forceinline__ std::size_t laneIndex() {
    return threadIdx.x % kWarp;
}

// One thread for each logit.
__global__ void routeKernel(RouteGrad p) {
    const std::size_t i = globalIndex();
    if (i >= p.rows * p.experts) {
        return;
    }
    const std::size_t first = i / p.experts * p.top_k;
    const auto expert = static_cast<std::int32_t>(i % p.experts);
    float mean = 0;
    for (std::size_t j = first; j < first + p.top_k; ++j) {
        mean += p.weights[j] * p.dweights[j];
    }
    float d = 0;
    for (std::size_t j = first; j < first + p.top_k; ++j) {
        if (p.ids[j] == expert) {
            d = p.weights[j] * (p.dweights[j] - mean);
        }
    }
    p.dlogits[i] = d;
}

// One warp for each row; its probabilities are kept for their sums.
__global__ void balanceKernel(BalanceGrad p, float* probabilities) {
    const std::size_t row = globalWarp();
    if (row >= p.rows) {
        return;
    }
    const float* logits = p.logits + row * p.experts;
    float top = -INFINITY;
    for (std::size_t e = laneIndex(); e < p.experts; e += kWarp) {
        top = fmaxf(top, logits[e]);
    }
    top = warpMax(top);
    float sum = 0;
    float weighted = 0;
    for (std::size_t e = laneIndex(); e < p.experts; e += kWarp) {
        const float part = expf(logits[e] - top);
        sum += part;
        weighted += part * p.slope[e];
    }
    sum = warpSum(sum);
    weighted = warpSum(weighted);
    for (std::size_t e = laneIndex(); e < p.experts; e += kWarp) {
        const float probability = expf(logits[e] - top) / sum;
        probabilities[row * p.experts + e] = probability;
        p.dlogits[row * p.experts + e] += probability * (p.slope[e] - weighted / sum);
    }
}

// One block for each expert.
__global__ void __launch_bounds__(kThreads) expertSumKernel(BalanceGrad p, const float* probabilities) {
    __shared__ double parts[kThreads];
    double sum = 0;
    for (std::size_t row = threadIdx.x; row < p.rows; row += kThreads) {
        sum += static_cast<double>(probabilities[row * p.experts + blockIdx.x]);
    }
    parts[threadIdx.x] = sum;
    __syncthreads();
    for (unsigned step = kThreads / 2; step > 0; step /= 2) {
        if (threadIdx.x < step) {
            parts[threadIdx.x] += parts[threadIdx.x + step];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        p.probability_sums[blockIdx.x] += parts[0];
    }
}

// One warp for each choice of each row.
__global__ void combineKernel(CombineGrad p) {
    const std::size_t at = globalWarp();
    if (at >= p.rows * p.top_k) {
        return;
    }
    const float* dout = p.dout + at / p.top_k * p.width;
    const std::size_t offset = static_cast<std::size_t>(p.slots[at]) * p.width;
    const float weight = p.weights[at];
    float dot = 0;
    for (std::size_t i = laneIndex(); i < p.width; i += kWarp) {
        dot += dout[i] * p.expert_out[offset + i];
        p.dexpert_out[offset + i] = weight * dout[i];
    }
    dot = warpSum(dot);
    if (laneIndex() == 0) {
        p.dweights[at] = dot;
    }
}

__global__ void scatterKernel(ScatterGrad p) {
    const std::size_t i = globalIndex();
    if (i >= p.rows * p.width) {
        return;
    }
    const std::size_t row = i / p.width;
    float sum = p.dx[i];
    for (std::size_t j = row * p.top_k; j < (row + 1) * p.top_k; ++j) {
        sum += p.dgathered[static_cast<std::size_t>(p.slots[j]) * p.width + i % p.width];
    }
    p.dx[i] = sum;
}

} // namespace

void routeGrad(const RouteGrad& p, Queue& q) {
    CudaQueue::of(q).launch(routeKernel, blocksFor(p.rows * p.experts), kThreads, 0, p);
}

void balanceGrad(const BalanceGrad& p, Queue& q) {
    if (p.rows == 0) {
        return;
    }
    CudaQueue& queue = CudaQueue::of(q);
    auto* probabilities =
        static_cast<float*>(queue.scratch(CudaQueue::Slot::Partial, p.rows * p.experts * sizeof(float)));
    queue.launch(balanceKernel, blocksFor(p.rows * kWarp), kThreads, 0, p, probabilities);
    queue.launch(expertSumKernel, dim3(static_cast<unsigned>(p.experts)), kThreads, 0, p, probabilities);
}

void combineGrad(const CombineGrad& p, Queue& q) {
    CudaQueue::of(q).launch(combineKernel, blocksFor(p.rows * p.top_k * kWarp), kThreads, 0, p);
}

void scatterGrad(const ScatterGrad& p, Queue& q) {
    CudaQueue::of(q).launch(scatterKernel, blocksFor(p.rows * p.width), kThreads, 0, p);
}

} // namespace fulgurite::kernels::cuda
