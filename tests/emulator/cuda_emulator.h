// SPDX-License-Identifier: Apache-2.0
// Enough of CUDA on the processor to run the kernels of kernels/cuda as they are written, so that their indices,
// barriers, fragments and edges are tested where there is no GPU. Each thread of a block is a fiber; a barrier or a
// warp-wide operation switches between them. Blocks run one after another.
//
// It is stricter than a device where that finds mistakes: fresh memory is full of NaN, dynamic shared memory too at
// the start of every block; asynchronous copies to shared memory arrive at the wait and not before; the order in
// which fibers run can be reversed or shuffled (FULGURITE_EMULATOR_ORDER=reverse|shuffle), which a missing barrier
// does not survive. Addresses in the host's memory are refused where a device would fault: at either end of a copy,
// as factors of cuBLAS, and as an argument of a kernel; with FULGURITE_EMULATOR_STRICT set also within the structures that
// are a kernel's arguments, where padding can raise a false alarm. (Not seen: addresses that lie in arrays, such as
// tables of pages, and pieces of an allocation that the device gave back.) It says nothing about speed, about
// registers, or about timing between blocks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#define __grid_constant__
#define __shared__ static

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) {
    return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
    return {x, y, z, w};
}
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
    return {x, y, z, w};
}

namespace fulgurite::emulator {

struct Fiber;
struct FiberIndex {
    dim3 thread;
    dim3 block;
    dim3 block_size;
    dim3 grid_size;
};

const FiberIndex& here();
void blockBarrier();
int blockBarrierOr(int predicate);
void warpBarrier();
// Hands `bytes` of every lane to every lane: returns the lanes' copies, kExchangeBytes apart, until the next call
// but one.
inline constexpr std::size_t kExchangeBytes = 64;
const std::byte* exchange(const void* value, std::size_t bytes);
unsigned lane();
std::byte* dynamicShared();

void copyAsync(void* shared, const void* global, std::size_t bytes);
void commitCopies();
void waitCopies(int pending);

// How to call a kernel, and the sizes of its arguments.
struct Thunk {
    std::function<void(void** arguments)> call;
    std::vector<std::size_t> sizes;
};
void registerKernel(const void* kernel, Thunk thunk);

template <class T>
T fromLane(const T& value, unsigned source) {
    static_assert(sizeof(T) <= kExchangeBytes);
    const std::byte* all = exchange(&value, sizeof(T));
    T result;
    std::memcpy(&result, all + (source % 32) * kExchangeBytes, sizeof(T));
    return result;
}

} // namespace fulgurite::emulator

// Not macros: structs of CUDA have members of these names.
template <dim3 fulgurite::emulator::FiberIndex::*kWhich>
struct EmulatedIndex {
    template <unsigned dim3::*kAxis>
    struct Axis {
        operator unsigned() const { return (fulgurite::emulator::here().*kWhich).*kAxis; }
    };
    Axis<&dim3::x> x;
    Axis<&dim3::y> y;
    Axis<&dim3::z> z;
};
inline constexpr EmulatedIndex<&fulgurite::emulator::FiberIndex::thread> threadIdx{};
inline constexpr EmulatedIndex<&fulgurite::emulator::FiberIndex::block> blockIdx{};
inline constexpr EmulatedIndex<&fulgurite::emulator::FiberIndex::block_size> blockDim{};
inline constexpr EmulatedIndex<&fulgurite::emulator::FiberIndex::grid_size> gridDim{};

#include "tests/emulator/cuda_runtime_emulated.h"

#include "tests/emulator/tensor_core_emulated.h"

inline void __syncthreads() {
    fulgurite::emulator::blockBarrier();
}
inline int __syncthreads_or(int predicate) {
    return fulgurite::emulator::blockBarrierOr(predicate);
}
inline void __syncwarp(unsigned = ~0u) {
    fulgurite::emulator::warpBarrier();
}
template <class T>
T __shfl_sync(unsigned, T value, int source) {
    return fulgurite::emulator::fromLane(value, static_cast<unsigned>(source));
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
    return fulgurite::emulator::fromLane(value, fulgurite::emulator::lane() ^ static_cast<unsigned>(mask));
}
template <class T>
T __shfl_up_sync(unsigned, T value, unsigned delta) {
    const unsigned lane = fulgurite::emulator::lane();
    return fulgurite::emulator::fromLane(value, lane < delta ? lane : lane - delta);
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned delta) {
    const unsigned lane = fulgurite::emulator::lane();
    return fulgurite::emulator::fromLane(value, lane + delta > 31 ? lane : lane + delta);
}
using std::max;
using std::min;
// Fibers of one thread: nothing else runs in between.
inline int atomicAdd(int* address, int value) {
    const int before = *address;
    *address += value;
    return before;
}
inline unsigned atomicAdd(unsigned* address, unsigned value) {
    const unsigned before = *address;
    *address += value;
    return before;
}
inline unsigned long long atomicAdd(unsigned long long* address, unsigned long long value) {
    const unsigned long long before = *address;
    *address += value;
    return before;
}
inline float atomicAdd(float* address, float value) {
    const float before = *address;
    *address += value;
    return before;
}
inline float __expf(float x) {
    return std::exp(x);
}
inline float __fdividef(float a, float b) {
    return a / b;
}
inline float rsqrtf(float x) {
    return 1.0f / std::sqrt(x);
}
inline float __ldg(const float* address) {
    return *address;
}
inline uint4 __ldg(const uint4* address) {
    return *address;
}
inline float4 __ldg(const float4* address) {
    return *address;
}
