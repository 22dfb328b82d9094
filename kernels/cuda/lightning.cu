// SPDX-License-Identifier: Apache-2.0
// Lightning attention token by token, in float32: decoding, and every prompt where float32 is asked for. A block
// keeps 32 value columns of a head's state in registers, reads and writes them once, and walks over the tokens.
#include "kernels/cuda/ops_cuda.h"
#include "kernels/cuda/warp.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr int kColumns = 32; // value columns of a block: one for each lane
constexpr int kGroups = 8;   // warps, each with its share of the key rows
constexpr unsigned kThreads = kColumns * kGroups;
constexpr int kMostDim = 256;

struct Recurrence {
    const float* qkv; // [rows, heads, 3, dim]
    const float* rates;
    float* state; // [heads, dim, dim]
    float* out;   // [rows, heads, dim]
    int rows;
    int heads;
    int dim;
};

// kKeys: key rows of a thread, at least dim / kGroups.
template <int kKeys>
__global__ void __launch_bounds__(kThreads) recurrenceKernel(Recurrence p) {
    __shared__ float q[kMostDim];
    __shared__ float k[kMostDim];
    __shared__ float parts[kGroups][kColumns];
    __shared__ float factor[2];
    const int lane = static_cast<int>(threadIdx.x) % kColumns;
    const int group = static_cast<int>(threadIdx.x) / kColumns;
    const int head = static_cast<int>(blockIdx.y);
    const int column = static_cast<int>(blockIdx.x) * kColumns + lane;
    const bool inside = column < p.dim;
    const auto dim = static_cast<std::size_t>(p.dim);
    float* state = p.state + static_cast<std::size_t>(head) * dim * dim;
    if (threadIdx.x == 0) {
        // In two parts: the rounding of one float would add up over the thousands of tokens that a slow head
        // remembers.
        const double decay = exp(-static_cast<double>(p.rates[head]));
        factor[0] = static_cast<float>(decay);
        factor[1] = static_cast<float>(decay - static_cast<double>(factor[0]));
    }
    float s[kKeys];
#pragma unroll
    for (int i = 0; i < kKeys; ++i) {
        const int key = group + i * kGroups;
        s[i] = inside && key < p.dim ? state[static_cast<std::size_t>(key) * dim + static_cast<std::size_t>(column)]
                                     : 0.0f;
    }
    for (int row = 0; row < p.rows; ++row) {
        const float* token = p.qkv + (static_cast<std::size_t>(row) * static_cast<std::size_t>(p.heads) +
                                      static_cast<std::size_t>(head)) *
                                         3 * dim;
        for (int i = static_cast<int>(threadIdx.x); i < p.dim; i += static_cast<int>(kThreads)) {
            q[i] = token[i];
            k[i] = token[p.dim + i];
        }
        const float v = inside ? token[2 * p.dim + column] : 0.0f;
        __syncthreads();
        float sum = 0;
#pragma unroll
        for (int i = 0; i < kKeys; ++i) {
            const int key = group + i * kGroups;
            if (key < p.dim) {
                s[i] = factor[0] * s[i] + (factor[1] * s[i] + k[key] * v);
                sum += q[key] * s[i];
            }
        }
        parts[group][lane] = sum;
        __syncthreads();
        if (group == 0 && inside) {
            float all = 0;
            for (int g = 0; g < kGroups; ++g) {
                all += parts[g][lane];
            }
            p.out[(static_cast<std::size_t>(row) * static_cast<std::size_t>(p.heads) +
                   static_cast<std::size_t>(head)) *
                      dim +
                  static_cast<std::size_t>(column)] = all;
        }
    }
#pragma unroll
    for (int i = 0; i < kKeys; ++i) {
        const int key = group + i * kGroups;
        if (inside && key < p.dim) {
            state[static_cast<std::size_t>(key) * dim + static_cast<std::size_t>(column)] = s[i];
        }
    }
}

} // namespace

void lightningExact(const LightningParams& p, Queue& q) {
    if (p.rows == 0) {
        return;
    }
    if (p.head_dim > kMostDim) {
        throw DeviceError(DeviceFault::Failed, "lightning attention on the GPU takes heads of up to " +
                                                   std::to_string(kMostDim) + " channels, this model's have " +
                                                   std::to_string(p.head_dim));
    }
    const Recurrence r{p.qkv,
                       p.rates,
                       p.state,
                       p.out,
                       static_cast<int>(p.rows),
                       static_cast<int>(p.heads),
                       static_cast<int>(p.head_dim)};
    const dim3 grid(static_cast<unsigned>(ceilDiv(p.head_dim, kColumns)), static_cast<unsigned>(p.heads));
    CudaQueue& queue = CudaQueue::of(q);
    if (p.head_dim <= 128) {
        queue.launch(recurrenceKernel<128 / kGroups>, grid, kThreads, 0, r);
    } else {
        queue.launch(recurrenceKernel<kMostDim / kGroups>, grid, kThreads, 0, r);
    }
}

void lightningMixed(const LightningParams& p, Queue& queue) {
    if (!lightningPrefill(p, CudaQueue::of(queue))) {
        lightningExact(p, queue);
    }
}

} // namespace fulgurite::kernels::cuda
