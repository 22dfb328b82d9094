// SPDX-License-Identifier: Apache-2.0
// CUDA and cuBLAS, or their emulation on the processor in which the tests run the same sources.
#pragma once

#ifdef FULGURITE_CUDA_EMULATED
#include "cuda_emulator.h" // found by the target that is built for tests alone
// Dynamic shared memory of the block.
#define FG_SHARED(type, name) type* name = reinterpret_cast<type*>(::fulgurite::emulator::dynamicShared())
#else
#include <cublas_v2.h>
#include <cuda_runtime.h>
#define FG_SHARED(type, name)                                                                                      \
    extern __shared__ __align__(128) unsigned char fg_shared_bytes[];                                              \
    type* name = reinterpret_cast<type*>(fg_shared_bytes)
#endif

#include "kernels/device.h"

#include <string>

namespace fulgurite::kernels::cuda {

// Throws DeviceError when `status` is none of success; `doing` completes "the GPU failed ...".
inline void check(cudaError_t status, const char* doing) {
    if (status == cudaSuccess) {
        return;
    }
    const std::string text = std::string("the GPU failed ") + doing + ": " + cudaGetErrorString(status);
    cudaGetLastError(); // or the next call reports this one again
    throw DeviceError(status == cudaErrorMemoryAllocation ? DeviceFault::OutOfMemory : DeviceFault::Failed, text);
}

inline void check(cublasStatus_t status, const char* doing) {
    if (status != CUBLAS_STATUS_SUCCESS) {
        throw DeviceError(DeviceFault::Failed,
                          std::string("cuBLAS failed ") + doing + ": " + cublasGetStatusString(status));
    }
}

constexpr std::size_t ceilDiv(std::size_t a, std::size_t b) {
    return (a + b - 1) / b;
}

} // namespace fulgurite::kernels::cuda
