// SPDX-License-Identifier: Apache-2.0
// What a loop over updates does with whole arrays of weights, gradients and moments.
#include "kernels/cuda/ops_backward_cuda.h"
#include "kernels/cuda/warp.h"

#include <vector>

namespace fulgurite::kernels::cuda {

namespace {

constexpr unsigned kThreads = 256;
constexpr std::size_t kSquaresOfBlock = 16384;

dim3 blocksFor(std::size_t count) {
    return dim3(static_cast<unsigned>(ceilDiv(count, kThreads)));
}

__device__ __forceinline__ std::size_t globalIndex() {
    return static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__global__ void adamKernel(AdamParams p) {
    const std::size_t i = globalIndex();
    if (i >= p.count) {
        return;
    }
    const float gradient = p.gradients[i] * p.scale;
    const float first = p.beta1 * p.first[i] + (1.0f - p.beta1) * gradient;
    const float second = p.beta2 * p.second[i] + (1.0f - p.beta2) * gradient * gradient;
    const float step = first * p.first_correction / (sqrtf(second * p.second_correction) + p.epsilon);
    const float weight = p.weights[i];
    p.first[i] = first;
    p.second[i] = second;
    p.weights[i] = weight - (p.rate * step + p.decay * weight);
}

__global__ void __launch_bounds__(kThreads) squaresKernel(const float* x, std::size_t count, double* sums) {
    __shared__ double parts[kThreads];
    const std::size_t begin = static_cast<std::size_t>(blockIdx.x) * kSquaresOfBlock;
    const std::size_t end = begin + kSquaresOfBlock < count ? begin + kSquaresOfBlock : count;
    double sum = 0;
    for (std::size_t i = begin + threadIdx.x; i < end; i += kThreads) {
        const auto value = static_cast<double>(x[i]);
        sum += value * value;
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
        sums[blockIdx.x] = parts[0];
    }
}

__global__ void roundKernel(const float* from, std::size_t count, float* to) {
    const std::size_t i = globalIndex();
    if (i < count) {
        to[i] = lowBf16(packBf16(from[i], 0.0f));
    }
}

} // namespace

void adam(const AdamParams& p, Queue& q) {
    CudaQueue::of(q).launch(adamKernel, blocksFor(p.count), kThreads, 0, p);
}

double squareSum(const float* x, std::size_t count, Queue& q) {
    CudaQueue& queue = CudaQueue::of(q);
    const std::size_t blocks = ceilDiv(count, kSquaresOfBlock);
    std::vector<double> sums(blocks);
    auto* device_sums = static_cast<double*>(queue.scratch(CudaQueue::Slot::Partial, blocks * sizeof(double)));
    queue.launch(squaresKernel, dim3(static_cast<unsigned>(blocks)), kThreads, 0, x, count, device_sums);
    queue.copyOut(sums.data(), device_sums, blocks * sizeof(double));
    double sum = 0;
    for (const double part : sums) {
        sum += part;
    }
    return sum;
}

void clear(float* x, std::size_t count, Queue& q) {
    if (count > 0) {
        check(cudaMemsetAsync(x, 0, count * sizeof(float), CudaQueue::of(q).stream()), "to clear memory");
    }
}

void copy(const float* from, std::size_t count, float* to, Queue& q) {
    if (count > 0) {
        check(cudaMemcpyAsync(to, from, count * sizeof(float), cudaMemcpyDeviceToDevice, CudaQueue::of(q).stream()),
              "to copy values");
    }
}

void roundBf16(const float* from, std::size_t count, float* to, Queue& q) {
    CudaQueue::of(q).launch(roundKernel, blocksFor(count), kThreads, 0, from, count, to);
}

} // namespace fulgurite::kernels::cuda
