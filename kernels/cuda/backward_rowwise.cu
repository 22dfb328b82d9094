// SPDX-License-Identifier: Apache-2.0
// Gradients of what looks at each row or element once. All of them are bound by memory.
#include "kernels/cuda/ops_backward_cuda.h"
#include "kernels/cuda/ops_cuda.h"
#include "kernels/cuda/warp.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr unsigned kThreads = 256;

dim3 blocksFor(std::size_t count) {
    return dim3(static_cast<unsigned>(ceilDiv(count, kThreads)));
}

__device__ __forceinline__ std::size_t globalIndex() {
    return static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ __forceinline__ float siluSlope(float x) {
    const float s = sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

struct Norm {
    NormGrad p;
    const float* gate; // null: none
    float* dgate;
    float* scales; // [rows]: 1 / rms, for the gradient of the weight
};

// What comes into the norm's output from above: behind a gate, its share.
__device__ __forceinline__ float gradientAt(const Norm& n, std::size_t at) {
    return n.gate != nullptr ? n.p.dout[at] * sigmoid(n.gate[at]) : n.p.dout[at];
}

// One block for each row.
__global__ void __launch_bounds__(kThreads) normRowsKernel(Norm n) {
    __shared__ float parts[kThreads / kWarp];
    const std::size_t first = static_cast<std::size_t>(blockIdx.x) * n.p.width;
    float squares = 0;
    float dot = 0;
    for (std::size_t i = threadIdx.x; i < n.p.width; i += kThreads) {
        const float x = n.p.x[first + i];
        squares += x * x;
        dot += gradientAt(n, first + i) * n.p.weight[i] * x;
    }
    squares = blockSum(squares, parts);
    dot = blockSum(dot, parts);
    const auto width = static_cast<float>(n.p.width);
    const float scale = 1.0f / sqrtf(squares / width + n.p.eps);
    const float shared = scale * scale * scale * (dot / width);
    if (threadIdx.x == 0) {
        n.scales[blockIdx.x] = scale;
    }
    for (std::size_t i = threadIdx.x; i < n.p.width; i += kThreads) {
        const std::size_t at = first + i;
        const float x = n.p.x[at];
        const float d = gradientAt(n, at);
        if (n.gate != nullptr) {
            const float open = sigmoid(n.gate[at]);
            n.dgate[at] = n.p.dout[at] * x * scale * n.p.weight[i] * open * (1.0f - open);
        }
        const float dx = scale * n.p.weight[i] * d - x * shared;
        n.p.dx[at] = n.p.add ? n.p.dx[at] + dx : dx;
    }
}

constexpr std::size_t kRowsOfBlock = 64;

// Grid: blocks of columns, blocks of rows.
__global__ void __launch_bounds__(kThreads) normWeightKernel(Norm n, float* partial) {
    const std::size_t col = globalIndex();
    if (col >= n.p.width) {
        return;
    }
    const std::size_t begin = static_cast<std::size_t>(blockIdx.y) * kRowsOfBlock;
    const std::size_t end = begin + kRowsOfBlock < n.p.rows ? begin + kRowsOfBlock : n.p.rows;
    float sum = 0;
    for (std::size_t row = begin; row < end; ++row) {
        const std::size_t at = row * n.p.width + col;
        sum += gradientAt(n, at) * n.p.x[at] * n.scales[row];
    }
    partial[static_cast<std::size_t>(blockIdx.y) * n.p.width + col] = sum;
}

__global__ void __launch_bounds__(kThreads)
    addColumnsKernel(const float* partial, std::size_t blocks, std::size_t width, float* out) {
    const std::size_t col = globalIndex();
    if (col >= width) {
        return;
    }
    float sum = 0;
    for (std::size_t block = 0; block < blocks; ++block) {
        sum += partial[block * width + col];
    }
    out[col] += sum;
}

__global__ void siluKernel(SiluGrad p) {
    const std::size_t i = globalIndex();
    if (i < p.count) {
        p.dx[i] = p.dout[i] * siluSlope(p.x[i]);
    }
}

__global__ void swigluKernel(SwigluGrad p) {
    const std::size_t i = globalIndex();
    if (i < p.count) {
        const float gate = p.gate[i];
        const float dout = p.dout[i];
        p.dgate[i] = dout * p.up[i] * siluSlope(gate);
        p.dup[i] = dout * gate * sigmoid(gate);
    }
}

__global__ void residualKernel(ResidualGrad p) {
    const std::size_t i = globalIndex();
    if (i < p.count) {
        const float dout = p.dout[i];
        p.dresidual[i] = p.add ? p.dresidual[i] + p.alpha * dout : p.alpha * dout;
        p.dbranch[i] = p.beta * dout;
    }
}

void normRows(const NormGrad& p, const float* gate, float* dgate, Queue& q) {
    if (p.rows == 0) {
        return;
    }
    CudaQueue& queue = CudaQueue::of(q);
    const std::size_t blocks = ceilDiv(p.rows, kRowsOfBlock);
    auto* scratch =
        static_cast<float*>(queue.scratch(CudaQueue::Slot::Partial, (p.rows + blocks * p.width) * sizeof(float)));
    const Norm n{p, gate, dgate, scratch};
    float* partial = scratch + p.rows;
    queue.launch(normRowsKernel, dim3(static_cast<unsigned>(p.rows)), kThreads, 0, n);
    const dim3 columns = blocksFor(p.width);
    queue.launch(normWeightKernel, dim3(columns.x, static_cast<unsigned>(blocks)), kThreads, 0, n, partial);
    queue.launch(addColumnsKernel, columns, kThreads, 0, partial, blocks, p.width, p.dweight);
}

} // namespace

void normGrad(const NormGrad& p, Queue& queue) {
    normRows(p, nullptr, nullptr, queue);
}

void normGateGrad(const NormGateGrad& p, Queue& queue) {
    normRows(p.norm, p.gate, p.dgate, queue);
}

void siluGrad(const SiluGrad& p, Queue& q) {
    CudaQueue::of(q).launch(siluKernel, blocksFor(p.count), kThreads, 0, p);
}

void swigluGrad(const SwigluGrad& p, Queue& q) {
    CudaQueue::of(q).launch(swigluKernel, blocksFor(p.count), kThreads, 0, p);
}

void residualGrad(const ResidualGrad& p, Queue& q) {
    CudaQueue::of(q).launch(residualKernel, blocksFor(p.count), kThreads, 0, p);
}

void ropeGrad(const RopeParams& p, Queue& q) {
    rotate(p, true, q);
}

} // namespace fulgurite::kernels::cuda
