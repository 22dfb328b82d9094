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

// The rows [first, first + rows).
inline ExpertRows expertRows(const ExpertsParams& params, std::size_t first, std::size_t rows) {
    const WeightMatrix& gate = params.like.gate;
    return {params.x + first * gate.cols,
            params.ids + first * params.top_k,
            params.weights + first * params.top_k,
            params.out + first * gate.cols,
            static_cast<int>(rows),
            static_cast<int>(params.top_k),
            static_cast<int>(gate.cols),
            static_cast<int>(gate.rows),
            static_cast<int>(params.first),
            static_cast<int>(params.count)};
}

// On the tensor cores; false: not with these shapes and types, nothing was done.
bool expertsGrouped(const ExpertsParams& params, CudaQueue& queue);
// Of rows in bfloat16 that are grouped by expert: slots [first[e], first[e + 1]) are expert e's. For bfloat16
// weights.
bool worthCublas(const ExpertRows& p);
void productsByCublas(const ExpertRows& p, const ExpertMatrices* experts, const std::int32_t* first,
                      const std::uint16_t* x, std::uint16_t* hidden, float* out, CudaQueue& queue);
// Any types and shapes; reads an expert's weights for each of its rows.
void expertsRowByRow(const ExpertsParams& params, CudaQueue& queue);

} // namespace fulgurite::kernels::cuda
