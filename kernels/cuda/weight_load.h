// SPDX-License-Identifier: Apache-2.0
// Stored weights as floats, one by one and sixteen bytes at a time.
#pragma once

#include "kernels/cuda/warp.h"

namespace fulgurite::kernels::cuda {

// Distinct types for the same two bytes.
struct Bf16 {
    std::uint16_t bits;
};
struct F16 {
    std::uint16_t bits;
};

__device__ __forceinline__ float valueOf(float x) {
    return x;
}
__device__ __forceinline__ float valueOf(Bf16 x) {
    return lowBf16(x.bits);
}
__device__ __forceinline__ float valueOf(F16 x) {
#ifdef __CUDA_ARCH__
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(x.bits));
    return value;
#else
    return f16ToFloat(x.bits);
#endif
}
__device__ __forceinline__ float valueOf(std::int8_t x) {
    return static_cast<float>(x);
}

// Elements in sixteen bytes.
template <class Weight>
inline constexpr int kPack = 16 / static_cast<int>(sizeof(Weight));

template <class Weight>
__device__ __forceinline__ void unpack(const uint4& bytes, float (&values)[kPack<Weight>]) {
    Weight stored[kPack<Weight>];
    memcpy(stored, &bytes, sizeof(bytes));
#pragma unroll
    for (int i = 0; i < kPack<Weight>; ++i) {
        values[i] = valueOf(stored[i]);
    }
}

} // namespace fulgurite::kernels::cuda
