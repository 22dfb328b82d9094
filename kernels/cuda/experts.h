// SPDX-License-Identifier: Apache-2.0
// What the kernels of a layer's experts take in.
#pragma once

#include "kernels/cuda/cuda_queue.h"

namespace fulgurite::kernels::cuda {

struct ExpertRows {
    const float* x;          // [rows, width]
    const std::int32_t* ids; // [rows, top_k]
    const float* weights;    // [rows, top_k]
    float* out;              // [rows, width]
    int rows;
    int top_k;
    int width;
    int intermediate;
    int first; // experts of this rank: [first, first + count)
    int count;
};

// Any types and shapes; reads an expert's weights for each of its rows.
void expertsRowByRow(const ExpertsParams& params, CudaQueue& queue);

} // namespace fulgurite::kernels::cuda
