// SPDX-License-Identifier: Apache-2.0
// Gradients of products with weights, by cuBLAS: in float32, or with factors rounded to bfloat16 and float32 sums.
#include "kernels/cuda/ops_backward_cuda.h"
#include "kernels/cuda/warp.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr unsigned kThreads = 256;
constexpr std::size_t kMostGridRows = 65535;

// A row-major factor as cuBLAS takes it: column-major and transposed.
struct Factor {
    const void* data;
    std::size_t stride;
    cudaDataType_t type;
};

Factor exact(const float* data, std::size_t stride) {
    return {data, stride, CUDA_R_32F};
}

__global__ void roundRowsKernel(const float* x, std::size_t stride, std::size_t cols, std::uint32_t* out) {
    const std::size_t row = blockIdx.y;
    const std::size_t pair = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const std::size_t pairs = (cols + 1) / 2;
    if (pair >= pairs) {
        return;
    }
    const float* from = x + row * stride + 2 * pair;
    out[row * pairs + pair] = packBf16(from[0], 2 * pair + 1 < cols ? from[1] : 0.0f);
}

// A copy in bfloat16, each row of an even number of elements.
Factor rounded(const float* data, std::size_t stride, std::size_t rows, std::size_t cols, CudaQueue::Slot slot,
               CudaQueue& queue) {
    const std::size_t pairs = (cols + 1) / 2;
    auto* out = static_cast<std::uint32_t*>(queue.scratch(slot, rows * pairs * sizeof(std::uint32_t)));
    for (std::size_t first = 0; first < rows; first += kMostGridRows) {
        const std::size_t part = std::min(rows - first, kMostGridRows);
        queue.launch(roundRowsKernel,
                     dim3(static_cast<unsigned>(ceilDiv(pairs, kThreads)), static_cast<unsigned>(part)), kThreads,
                     0, data + first * stride, stride, cols, out + first * pairs);
    }
    return {out, 2 * pairs, CUDA_R_16BF};
}

// y[rows, cols] = sum over depth, or that added to it; left and right as row-major matrices, each turned or not.
void multiply(cublasOperation_t right_turn, const Factor& right, cublasOperation_t left_turn, const Factor& left,
              std::size_t rows, std::size_t cols, std::size_t depth, bool add, float* y, std::size_t stride,
              CudaQueue& queue) {
    const float one = 1.0f;
    const float before = add ? 1.0f : 0.0f;
    const cublasComputeType_t compute = left.type == CUDA_R_32F ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_32F;
    check(cublasGemmEx(queue.blas(), right_turn, left_turn, static_cast<int>(cols), static_cast<int>(rows),
                       static_cast<int>(depth), &one, right.data, right.type, static_cast<int>(right.stride),
                       left.data, left.type, static_cast<int>(left.stride), &before, y, CUDA_R_32F,
                       static_cast<int>(stride), compute, CUBLAS_GEMM_DEFAULT),
          "a product");
}

// y[m, n] = x W^T
void forward(const LinearTask& t, const Factor& x, const Factor& weight, CudaQueue& queue) {
    multiply(CUBLAS_OP_T, weight, CUBLAS_OP_N, x, t.m_rows, t.weight.rows, t.weight.cols, false, t.y, t.y_stride,
             queue);
}

// dx[m, k] (+)= dy W
void inputs(const LinearInputGrad& t, const Factor& dy, const Factor& weight, CudaQueue& queue) {
    multiply(CUBLAS_OP_N, weight, CUBLAS_OP_N, dy, t.m_rows, t.weight_cols, t.weight_rows, t.add, t.dx, t.dx_stride,
             queue);
}

// dW[n, k] += dy^T x
void weights(const LinearWeightGrad& t, const Factor& dy, const Factor& x, CudaQueue& queue) {
    multiply(CUBLAS_OP_N, x, CUBLAS_OP_T, dy, t.weight_rows, t.weight_cols, t.m_rows, true, t.dweight,
             t.weight_cols, queue);
}

constexpr CudaQueue::Slot kRows = CudaQueue::Slot::InputBf16;
constexpr CudaQueue::Slot kWeights = CudaQueue::Slot::Weights;

} // namespace

void linearInputGrad(std::span<const LinearInputGrad> tasks, Queue& q) {
    for (const LinearInputGrad& t : tasks) {
        if (t.m_rows > 0) {
            inputs(t, exact(t.dy, t.dy_stride), exact(t.weight, t.weight_cols), CudaQueue::of(q));
        }
    }
}

void linearWeightGrad(std::span<const LinearWeightGrad> tasks, Queue& q) {
    for (const LinearWeightGrad& t : tasks) {
        if (t.m_rows > 0) {
            weights(t, exact(t.dy, t.dy_stride), exact(t.x, t.x_stride), CudaQueue::of(q));
        }
    }
}

void roundedLinear(std::span<const LinearTask> tasks, Queue& q) {
    CudaQueue& queue = CudaQueue::of(q);
    for (const LinearTask& t : tasks) {
        if (t.m_rows > 0) {
            const Factor x = rounded(t.x, t.x_stride, t.m_rows, t.weight.cols, kRows, queue);
            forward(t, x,
                    rounded(static_cast<const float*>(t.weight.data), t.weight.rowStride(), t.weight.rows,
                            t.weight.cols, kWeights, queue),
                    queue);
        }
    }
}

void roundedLinearInputGrad(std::span<const LinearInputGrad> tasks, Queue& q) {
    CudaQueue& queue = CudaQueue::of(q);
    for (const LinearInputGrad& t : tasks) {
        if (t.m_rows > 0) {
            const Factor dy = rounded(t.dy, t.dy_stride, t.m_rows, t.weight_rows, kRows, queue);
            inputs(t, dy, rounded(t.weight, t.weight_cols, t.weight_rows, t.weight_cols, kWeights, queue), queue);
        }
    }
}

void roundedLinearWeightGrad(std::span<const LinearWeightGrad> tasks, Queue& q) {
    CudaQueue& queue = CudaQueue::of(q);
    for (const LinearWeightGrad& t : tasks) {
        if (t.m_rows > 0) {
            const Factor dy = rounded(t.dy, t.dy_stride, t.m_rows, t.weight_rows, kRows, queue);
            weights(t, dy, rounded(t.x, t.x_stride, t.m_rows, t.weight_cols, kWeights, queue), queue);
        }
    }
}

} // namespace fulgurite::kernels::cuda
