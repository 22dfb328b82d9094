// SPDX-License-Identifier: Apache-2.0
// What one instruction set offers to the scan of vectors, under the rules of simd_kernels.h.
#pragma once

#include "kernels/dtype.h"

#include <cstddef>

namespace fulgurite::kernels {

// scores[q * score_stride + i] = queries[q] . row i, of `count` rows from `rows` on; integers are not scaled yet.
struct ScanBlock {
    const void* rows = nullptr;
    DType dtype = DType::F32; // F32, F16, BF16 or I8
    std::size_t count = 0;
    std::size_t width = 0;
    std::size_t stride = 0; // elements
    const float* queries = nullptr;
    std::size_t query_count = 0;
    std::size_t query_stride = 0;
    float* scores = nullptr;
    std::size_t score_stride = 0;
};

using ScanKernel = void (*)(const ScanBlock& block);

ScanKernel avx2Scan();
ScanKernel avx512Scan();

} // namespace fulgurite::kernels
