// SPDX-License-Identifier: Apache-2.0
// Products with weights. Few rows: one warp for each output reads its weights once, in float32. Many rows: cuBLAS,
// in float32 where the weights are, else with bfloat16 factors and float32 sums.
#include "kernels/cuda/ops_cuda.h"
#include "kernels/cuda/weight_load.h"

#include <algorithm>

namespace fulgurite::kernels::cuda {

namespace {

constexpr unsigned kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr std::size_t kFewRows = 4;
constexpr std::size_t kTasksPerLaunch = 16;
// Weights that have to be converted before cuBLAS takes them go through scratch memory in parts of this size.
constexpr std::size_t kConvertedBytes = std::size_t{256} << 20;

struct RowTask {
    const float* x;
    const void* weight;
    const float* scales; // I8 only
    float* y;
    std::size_t x_stride;
    std::size_t y_stride;
    std::size_t weight_stride;
    int outputs;
    int cols;
    int rows;
    int first_block;
};
struct RowTasks {
    RowTask task[kTasksPerLaunch];
    int count;
};

std::size_t strideOf(const WeightMatrix& w) {
    return w.stride != 0 ? w.stride : w.cols;
}

// kRows rows of x against one row of the weights, which a warp shares.
template <class Weight, int kRows>
__device__ __forceinline__ void dotRow(const RowTask& t, const Weight* weight, const float* x, int lane,
                                       float (&sums)[kRows]) {
    constexpr int kStep = kPack<Weight>;
    const bool wide = reinterpret_cast<std::uintptr_t>(weight) % 16 == 0 &&
                      reinterpret_cast<std::uintptr_t>(x) % 16 == 0 && t.x_stride % 4 == 0;
    int done = 0;
    if (wide) {
        const int whole = t.cols / kStep * kStep;
#pragma unroll 4
        for (int i = lane * kStep; i < whole; i += kWarp * kStep) {
            float w[kStep];
            unpack<Weight>(__ldg(reinterpret_cast<const uint4*>(weight + i)), w);
#pragma unroll
            for (int r = 0; r < kRows; ++r) {
                const float* row = x + static_cast<std::size_t>(r) * t.x_stride + i;
#pragma unroll
                for (int part = 0; part < kStep; part += 4) {
                    const float4 v = __ldg(reinterpret_cast<const float4*>(row + part));
                    sums[r] += v.x * w[part] + v.y * w[part + 1] + v.z * w[part + 2] + v.w * w[part + 3];
                }
            }
        }
        done = whole;
    }
    for (int i = done + lane; i < t.cols; i += kWarp) {
        const float w = valueOf(weight[i]);
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
            sums[r] += x[static_cast<std::size_t>(r) * t.x_stride + static_cast<std::size_t>(i)] * w;
        }
    }
}

template <class Weight, int kRows>
__global__ void __launch_bounds__(kThreads) fewRowsKernel(RowTasks tasks, int first_row) {
    int which = 0;
    while (which + 1 < tasks.count && static_cast<int>(blockIdx.x) >= tasks.task[which + 1].first_block) {
        ++which;
    }
    const RowTask& t = tasks.task[which];
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int output =
        (static_cast<int>(blockIdx.x) - t.first_block) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
    if (output >= t.outputs) {
        return;
    }
    const auto* weight = static_cast<const Weight*>(t.weight) + static_cast<std::size_t>(output) * t.weight_stride;
    const float* x = t.x + static_cast<std::size_t>(first_row) * t.x_stride;
    float sums[kRows] = {};
    dotRow<Weight, kRows>(t, weight, x, lane, sums);
    const float scale = t.scales != nullptr ? t.scales[output] : 1.0f;
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
        const float sum = warpSum(sums[r]);
        if (lane == 0) {
            t.y[static_cast<std::size_t>(first_row + r) * t.y_stride + static_cast<std::size_t>(output)] =
                scale * sum;
        }
    }
}

template <class Weight>
__global__ void toBf16Kernel(const Weight* x, std::size_t stride, int cols, std::uint32_t* out) {
    const std::size_t row = blockIdx.y;
    const int pair = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int pairs = (cols + 1) / 2;
    if (pair >= pairs) {
        return;
    }
    const Weight* from = x + row * stride + 2 * static_cast<std::size_t>(pair);
    const float second = 2 * pair + 1 < cols ? valueOf(from[1]) : 0.0f;
    out[row * static_cast<std::size_t>(pairs) + static_cast<std::size_t>(pair)] =
        packBf16(valueOf(from[0]), second);
}

template <class Weight>
__global__ void toFloatKernel(const Weight* weight, std::size_t stride, const float* scales, int cols, float* out) {
    const std::size_t row = blockIdx.y;
    const int col = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (col < cols) {
        const float scale = scales != nullptr ? scales[row] : 1.0f;
        out[row * static_cast<std::size_t>(cols) + static_cast<std::size_t>(col)] =
            scale * valueOf(weight[row * stride + static_cast<std::size_t>(col)]);
    }
}

__global__ void scaleColumnsKernel(float* y, std::size_t stride, const float* scales, int cols) {
    const int col = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (col < cols) {
        y[blockIdx.y * stride + static_cast<std::size_t>(col)] *= scales[col];
    }
}

dim3 overRows(std::size_t cols, std::size_t rows) {
    return dim3(static_cast<unsigned>(ceilDiv(cols, kThreads)), static_cast<unsigned>(rows));
}
constexpr std::size_t kMostGridRows = 65535;

template <class Weight>
void launchFew(const RowTasks& tasks, int blocks, std::size_t rows, CudaQueue& queue) {
    const dim3 grid(static_cast<unsigned>(blocks));
    for (std::size_t first = 0; first < rows;) {
        const auto at = static_cast<int>(first);
        if (rows - first >= 4) {
            queue.launch(fewRowsKernel<Weight, 4>, grid, kThreads, 0, tasks, at);
            first += 4;
        } else if (rows - first >= 2) {
            queue.launch(fewRowsKernel<Weight, 2>, grid, kThreads, 0, tasks, at);
            first += 2;
        } else {
            queue.launch(fewRowsKernel<Weight, 1>, grid, kThreads, 0, tasks, at);
            ++first;
        }
    }
}

// Tasks of one type and number of rows.
void few(std::span<const LinearTask> tasks, CudaQueue& queue) {
    RowTasks group{};
    int blocks = 0;
    for (const LinearTask& t : tasks) {
        group.task[group.count++] = {t.x,
                                     t.weight.data,
                                     static_cast<const float*>(t.weight.scales),
                                     t.y,
                                     t.x_stride,
                                     t.y_stride,
                                     strideOf(t.weight),
                                     static_cast<int>(t.weight.rows),
                                     static_cast<int>(t.weight.cols),
                                     static_cast<int>(t.m_rows),
                                     blocks};
        blocks += static_cast<int>(ceilDiv(t.weight.rows, kWarps));
    }
    const std::size_t rows = tasks.front().m_rows;
    switch (tasks.front().weight.dtype) {
    case DType::F32:
        return launchFew<float>(group, blocks, rows, queue);
    case DType::BF16:
        return launchFew<Bf16>(group, blocks, rows, queue);
    case DType::F16:
        return launchFew<F16>(group, blocks, rows, queue);
    default:
        return launchFew<std::int8_t>(group, blocks, rows, queue);
    }
}

// Row-major y = x W^T is column-major y^T = W x^T with W read transposed.
void gemm(const void* weight, std::size_t weight_stride, std::size_t outputs, const void* x, std::size_t x_stride,
          cudaDataType_t type, cublasComputeType_t compute, const LinearTask& t, float* y, CudaQueue& queue) {
    const float one = 1.0f;
    const float zero = 0.0f;
    check(cublasGemmEx(queue.blas(), CUBLAS_OP_T, CUBLAS_OP_N, static_cast<int>(outputs),
                       static_cast<int>(t.m_rows), static_cast<int>(t.weight.cols), &one, weight, type,
                       static_cast<int>(weight_stride), x, type, static_cast<int>(x_stride), &zero, y, CUDA_R_32F,
                       static_cast<int>(t.y_stride), compute, CUBLAS_GEMM_DEFAULT),
          "a product");
}

template <class Weight>
void convertToFloat(const WeightMatrix& w, std::size_t first, std::size_t rows, float* out, CudaQueue& queue) {
    const auto* from = static_cast<const Weight*>(w.data) + first * strideOf(w);
    const auto* scales = static_cast<const float*>(w.scales);
    for (std::size_t r = 0; r < rows; r += kMostGridRows) {
        const std::size_t part = std::min(rows - r, kMostGridRows);
        queue.launch(toFloatKernel<Weight>, overRows(w.cols, part), kThreads, 0, from + r * strideOf(w),
                     strideOf(w), scales != nullptr ? scales + first + r : nullptr, static_cast<int>(w.cols),
                     out + r * w.cols);
    }
}

void manyExact(const LinearTask& t, CudaQueue& queue) {
    const WeightMatrix& w = t.weight;
    if (w.dtype == DType::F32) {
        gemm(w.data, strideOf(w), w.rows, t.x, t.x_stride, CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC, t, t.y, queue);
        return;
    }
    const std::size_t part = std::clamp<std::size_t>(kConvertedBytes / (w.cols * sizeof(float)), 1, w.rows);
    auto* floats = static_cast<float*>(queue.scratch(CudaQueue::Slot::Weights, part * w.cols * sizeof(float)));
    for (std::size_t first = 0; first < w.rows; first += part) {
        const std::size_t rows = std::min(part, w.rows - first);
        if (w.dtype == DType::BF16) {
            convertToFloat<Bf16>(w, first, rows, floats, queue);
        } else if (w.dtype == DType::F16) {
            convertToFloat<F16>(w, first, rows, floats, queue);
        } else {
            convertToFloat<std::int8_t>(w, first, rows, floats, queue);
        }
        gemm(floats, w.cols, rows, t.x, t.x_stride, CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC, t, t.y + first, queue);
    }
}

// Rows of x in bfloat16, each of an even number of elements.
const void* roundedInput(const LinearTask& t, CudaQueue& queue) {
    const std::size_t pairs = (t.weight.cols + 1) / 2;
    auto* out = static_cast<std::uint32_t*>(
        queue.scratch(CudaQueue::Slot::InputBf16, t.m_rows * pairs * sizeof(std::uint32_t)));
    for (std::size_t r = 0; r < t.m_rows; r += kMostGridRows) {
        queue.launch(toBf16Kernel<float>, overRows(pairs, std::min(t.m_rows - r, kMostGridRows)), kThreads, 0,
                     t.x + r * t.x_stride, t.x_stride, static_cast<int>(t.weight.cols), out + r * pairs);
    }
    return out;
}

void manyRounded(const LinearTask& t, const void* rounded, CudaQueue& queue) {
    const WeightMatrix& w = t.weight;
    const std::size_t x_stride = (w.cols + 1) / 2 * 2;
    if (w.dtype == DType::BF16) {
        gemm(w.data, strideOf(w), w.rows, rounded, x_stride, CUDA_R_16BF, CUBLAS_COMPUTE_32F, t, t.y, queue);
        return;
    }
    // Whole numbers up to 127 are exact in bfloat16; the scale of an output goes on its sum.
    const std::size_t pairs = x_stride / 2;
    const std::size_t part =
        std::clamp<std::size_t>(kConvertedBytes / (pairs * 4), 1, std::min(w.rows, kMostGridRows));
    auto* weights = static_cast<std::uint32_t*>(queue.scratch(CudaQueue::Slot::Weights, part * pairs * 4));
    for (std::size_t first = 0; first < w.rows; first += part) {
        const std::size_t rows = std::min(part, w.rows - first);
        queue.launch(toBf16Kernel<std::int8_t>, overRows(pairs, rows), kThreads, 0,
                     static_cast<const std::int8_t*>(w.data) + first * strideOf(w), strideOf(w),
                     static_cast<int>(w.cols), weights);
        gemm(weights, x_stride, rows, rounded, x_stride, CUDA_R_16BF, CUBLAS_COMPUTE_32F, t, t.y + first, queue);
    }
    for (std::size_t r = 0; r < t.m_rows; r += kMostGridRows) {
        queue.launch(scaleColumnsKernel, overRows(w.rows, std::min(t.m_rows - r, kMostGridRows)), kThreads, 0,
                     t.y + r * t.y_stride, t.y_stride, static_cast<const float*>(w.scales),
                     static_cast<int>(w.rows));
    }
}

bool sameInput(const LinearTask& a, const LinearTask& b) {
    return a.x == b.x && a.x_stride == b.x_stride && a.m_rows == b.m_rows && a.weight.cols == b.weight.cols;
}

void linear(std::span<const LinearTask> tasks, Precision precision, CudaQueue& queue) {
    const LinearTask* rounded_for = nullptr;
    const void* rounded = nullptr;
    for (std::size_t first = 0; first < tasks.size();) {
        const LinearTask& t = tasks[first];
        std::size_t end = first + 1;
        if (t.m_rows == 0 || t.weight.rows == 0) {
            first = end;
            continue;
        }
        if (t.m_rows <= kFewRows) {
            while (end < tasks.size() && end - first < kTasksPerLaunch && tasks[end].m_rows == t.m_rows &&
                   tasks[end].weight.dtype == t.weight.dtype && tasks[end].weight.rows > 0) {
                ++end;
            }
            few(tasks.subspan(first, end - first), queue);
        } else if (precision == Precision::Exact || t.weight.dtype == DType::F32 || t.weight.dtype == DType::F16) {
            manyExact(t, queue);
        } else {
            if (rounded_for == nullptr || !sameInput(*rounded_for, t)) {
                rounded = roundedInput(t, queue);
                rounded_for = &t;
            }
            manyRounded(t, rounded, queue);
        }
        first = end;
    }
}

} // namespace

void linearExact(std::span<const LinearTask> tasks, Queue& queue) {
    linear(tasks, Precision::Exact, CudaQueue::of(queue));
}

void linearMixed(std::span<const LinearTask> tasks, Queue& queue) {
    linear(tasks, Precision::Mixed, CudaQueue::of(queue));
}

} // namespace fulgurite::kernels::cuda
