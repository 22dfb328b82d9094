// SPDX-License-Identifier: Apache-2.0
// What kernels share: sums over warps and blocks, activations, conversions.
#pragma once

#include "kernels/cuda/api.h"

namespace fulgurite::kernels::cuda {

inline constexpr unsigned kAllLanes = 0xffffffffu;
inline constexpr int kWarp = 32;

__device__ __forceinline__ float warpSum(float x) {
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2) {
        x += __shfl_xor_sync(kAllLanes, x, step);
    }
    return x;
}

// The larger one; what is not a number stays so, where fmaxf passes over it.
__device__ __forceinline__ float largerOrNan(float a, float b) {
    return a != a || a > b ? a : b;
}

__device__ __forceinline__ float warpMax(float x) {
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2) {
        x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, step));
    }
    return x;
}

// The sum over the block for every thread. `parts` is shared memory for a float of each warp; blocks of whole
// warps.
__device__ __forceinline__ float blockSum(float x, float* parts) {
    x = warpSum(x);
    __syncthreads(); // `parts` may still be read from an earlier sum
    if (threadIdx.x % kWarp == 0) {
        parts[threadIdx.x / kWarp] = x;
    }
    __syncthreads();
    float sum = 0;
    for (unsigned w = 0; w < blockDim.x / kWarp; ++w) {
        sum += parts[w];
    }
    return sum;
}

__device__ __forceinline__ float sigmoid(float x) {
    return 1.0f / (1.0f + expf(-x));
}

__device__ __forceinline__ float lowBf16(std::uint32_t pair) {
    const std::uint32_t bits = pair << 16;
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

__device__ __forceinline__ float highBf16(std::uint32_t pair) {
    const std::uint32_t bits = pair & 0xffff0000u;
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

// Two floats rounded to nearest even, `low` in the low half.
__device__ __forceinline__ std::uint32_t packBf16(float low, float high) {
#ifdef __CUDA_ARCH__
    std::uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
#else
    return static_cast<std::uint32_t>(floatToBf16(low)) | static_cast<std::uint32_t>(floatToBf16(high)) << 16;
#endif
}

// Two bfloat16 elements of an array, written at once.
typedef std::uint32_t __attribute__((__may_alias__)) StoredPair;

} // namespace fulgurite::kernels::cuda
