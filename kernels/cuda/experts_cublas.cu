// SPDX-License-Identifier: Apache-2.0
// The products of experts with many rows each, in bfloat16: cuBLAS, one call for each matrix of each expert that
// has rows. It reaches the tensor cores' full rate, for which the kernel of experts_grouped.cu lacks Hopper's
// instructions; what it costs is that the host must learn how many rows each expert has.
#include "kernels/cuda/experts.h"
#include "kernels/cuda/warp.h"

#include <algorithm>
#include <vector>

namespace fulgurite::kernels::cuda {

namespace {

constexpr unsigned kThreads = 256;

// hidden = silu(gate) * up in bfloat16, two at a time. `both` [rows, gate | up].
__global__ void siluTimesKernel(const float* both, std::size_t pairs, int width, std::uint32_t* hidden) {
    const std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= pairs) {
        return;
    }
    const auto half = static_cast<std::size_t>(width / 2);
    const std::size_t row = i / half;
    const float* gate = both + row * 2 * static_cast<std::size_t>(width) + i % half * 2;
    const float* up = gate + width;
    hidden[i] = packBf16(gate[0] * sigmoid(gate[0]) * up[0], gate[1] * sigmoid(gate[1]) * up[1]);
}

// y[rows, outputs] of stride y_stride = x[rows, inputs] W^T.
void product(const WeightMatrix& w, const std::uint16_t* x, int rows, float* y, int y_stride, CudaQueue& queue) {
    const float one = 1.0f;
    const float zero = 0.0f;
    const auto stride = static_cast<int>(w.stride != 0 ? w.stride : w.cols);
    check(cublasGemmEx(queue.blas(), CUBLAS_OP_T, CUBLAS_OP_N, static_cast<int>(w.rows), rows,
                       static_cast<int>(w.cols), &one, w.data, CUDA_R_16BF, stride, x, CUDA_R_16BF,
                       static_cast<int>(w.cols), &zero, y, CUDA_R_32F, y_stride, CUBLAS_COMPUTE_32F,
                       CUBLAS_GEMM_DEFAULT),
          "a product of experts");
}

} // namespace

bool worthCublas(const ExpertRows& p) {
    // Of an expert, on average: fewer, and reading the weights takes as long as the products.
    constexpr int kManyRows = 64;
    return p.rows * p.top_k >= kManyRows * p.count;
}

void productsByCublas(const ExpertRows& p, const ExpertMatrices* experts, const std::int32_t* first,
                      const std::uint16_t* x, std::uint16_t* hidden, float* out, CudaQueue& queue) {
    const auto count = static_cast<std::size_t>(p.count);
    std::vector<ExpertMatrices> matrices(count);
    std::vector<std::int32_t> slots(count + 1);
    queue.copyOut(matrices.data(), experts, count * sizeof(ExpertMatrices));
    queue.copyOut(slots.data(), first, (count + 1) * sizeof(std::int32_t));
    std::int32_t most = 0;
    for (std::size_t e = 0; e < count; ++e) {
        most = std::max(most, slots[e + 1] - slots[e]);
    }
    const auto width = static_cast<std::size_t>(p.width);
    const auto intermediate = static_cast<std::size_t>(p.intermediate);
    auto* both = static_cast<float*>(queue.scratch(CudaQueue::Slot::ExpertBoth, static_cast<std::size_t>(most) * 2 *
                                                                                    intermediate * sizeof(float)));
    for (std::size_t e = 0; e < count; ++e) {
        const int rows = slots[e + 1] - slots[e];
        if (rows == 0) {
            continue;
        }
        const auto slot = static_cast<std::size_t>(slots[e]);
        const ExpertMatrices& m = matrices[e];
        product(m.gate, x + slot * width, rows, both, 2 * p.intermediate, queue);
        product(m.up, x + slot * width, rows, both + p.intermediate, 2 * p.intermediate, queue);
        const std::size_t pairs = static_cast<std::size_t>(rows) * intermediate / 2;
        queue.launch(siluTimesKernel, dim3(static_cast<unsigned>(ceilDiv(pairs, kThreads))), kThreads, 0, both,
                     pairs, p.intermediate, reinterpret_cast<std::uint32_t*>(hidden + slot * intermediate));
        product(m.down, hidden + slot * intermediate, rows, out + slot * width, p.width, queue);
    }
}

} // namespace fulgurite::kernels::cuda
