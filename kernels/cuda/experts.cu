// SPDX-License-Identifier: Apache-2.0
// Experts of few rows: every chosen expert's weights are read once for each row that chose it, in two passes, and
// nothing leaves the device.
#include "kernels/cuda/experts.h"

#include "kernels/cuda/ops_cuda.h"
#include "kernels/cuda/weight_load.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr unsigned kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

template <class Weight>
__device__ __forceinline__ float dot(const WeightMatrix& w, int output, const float* x, int lane) {
    constexpr int kStep = kPack<Weight>;
    const std::size_t stride = w.stride != 0 ? w.stride : w.cols;
    const auto* row = static_cast<const Weight*>(w.data) + static_cast<std::size_t>(output) * stride;
    const int cols = static_cast<int>(w.cols);
    float sum = 0;
    int done = 0;
    if (reinterpret_cast<std::uintptr_t>(row) % 16 == 0 && reinterpret_cast<std::uintptr_t>(x) % 16 == 0) {
        done = cols / kStep * kStep;
#pragma unroll 4
        for (int i = lane * kStep; i < done; i += kWarp * kStep) {
            float values[kStep];
            unpack<Weight>(__ldg(reinterpret_cast<const uint4*>(row + i)), values);
#pragma unroll
            for (int part = 0; part < kStep; part += 4) {
                const float4 v = __ldg(reinterpret_cast<const float4*>(x + i + part));
                sum +=
                    v.x * values[part] + v.y * values[part + 1] + v.z * values[part + 2] + v.w * values[part + 3];
            }
        }
    }
    for (int i = done + lane; i < cols; i += kWarp) {
        sum += x[i] * valueOf(row[i]);
    }
    sum = warpSum(sum);
    return w.scales != nullptr ? sum * static_cast<const float*>(w.scales)[output] : sum;
}

// hidden[slot, n] = silu(gate) * up; a warp for each n, a grid row for each slot = row * top_k + j.
template <class Weight>
__global__ void __launch_bounds__(kThreads)
    gateUpKernel(ExpertRows p, const ExpertMatrices* experts, float* hidden) {
    const int output = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int expert = p.ids[blockIdx.y] - p.first;
    if (output >= p.intermediate || expert < 0 || expert >= p.count) {
        return;
    }
    const ExpertMatrices& e = experts[expert];
    const float* x = p.x + blockIdx.y / static_cast<unsigned>(p.top_k) * static_cast<std::size_t>(p.width);
    const float gate = dot<Weight>(e.gate, output, x, lane);
    const float up = dot<Weight>(e.up, output, x, lane);
    if (lane == 0) {
        hidden[blockIdx.y * static_cast<std::size_t>(p.intermediate) + static_cast<std::size_t>(output)] =
            gate * sigmoid(gate) * up;
    }
}

// out[row, n]: a warp goes through the row's experts by rising index.
template <class Weight>
__global__ void __launch_bounds__(kThreads)
    downKernel(ExpertRows p, const ExpertMatrices* experts, const float* hidden) {
    const int output = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    if (output >= p.width) {
        return;
    }
    const std::size_t first = blockIdx.y * static_cast<std::size_t>(p.top_k);
    float sum = 0;
    int last = -1;
    for (int round = 0; round < p.top_k; ++round) {
        int next = -1;
        std::size_t slot = 0;
        for (int j = 0; j < p.top_k; ++j) {
            const int id = p.ids[first + static_cast<std::size_t>(j)];
            if (id > last && (next < 0 || id < next)) {
                next = id;
                slot = first + static_cast<std::size_t>(j);
            }
        }
        last = next;
        const int expert = next - p.first;
        if (expert >= 0 && expert < p.count) {
            sum += p.weights[slot] * dot<Weight>(experts[expert].down, output,
                                                 hidden + slot * static_cast<std::size_t>(p.intermediate), lane);
        }
    }
    if (lane == 0) {
        p.out[blockIdx.y * static_cast<std::size_t>(p.width) + static_cast<std::size_t>(output)] = sum;
    }
}

template <class Weight>
void run(const ExpertRows& p, const ExpertMatrices* experts, float* hidden, CudaQueue& queue) {
    const auto blocks = [](int outputs) {
        return static_cast<unsigned>(ceilDiv(static_cast<std::size_t>(outputs), kWarps));
    };
    const auto rows = static_cast<unsigned>(p.rows);
    queue.launch(gateUpKernel<Weight>, dim3(blocks(p.intermediate), rows * static_cast<unsigned>(p.top_k)),
                 kThreads, 0, p, experts, hidden);
    queue.launch(downKernel<Weight>, dim3(blocks(p.width), rows), kThreads, 0, p, experts, hidden);
}

} // namespace

void expertsRowByRow(const ExpertsParams& params, CudaQueue& queue) {
    constexpr std::size_t kMostGridRows = 65535;
    const WeightMatrix& gate = params.like.gate;
    const ExpertMatrices* experts = params.experts;
    const std::size_t part = std::max<std::size_t>(kMostGridRows / params.top_k, 1);
    for (std::size_t row = 0; row < params.rows; row += part) {
        const ExpertRows p = expertRows(params, row, std::min(part, params.rows - row));
        const std::size_t slots = static_cast<std::size_t>(p.rows) * params.top_k;
        auto* hidden =
            static_cast<float*>(queue.scratch(CudaQueue::Slot::ExpertHidden, slots * gate.rows * sizeof(float)));
        switch (gate.dtype) {
        case DType::F32:
            run<float>(p, experts, hidden, queue);
            break;
        case DType::BF16:
            run<Bf16>(p, experts, hidden, queue);
            break;
        case DType::F16:
            run<F16>(p, experts, hidden, queue);
            break;
        default:
            run<std::int8_t>(p, experts, hidden, queue);
        }
    }
}

void expertsExact(const ExpertsParams& p, Queue& queue) {
    if (p.count > 0 && p.rows > 0) {
        expertsRowByRow(p, CudaQueue::of(queue));
    }
}

void expertsMixed(const ExpertsParams& p, Queue& queue) {
    // Up to here a weight is seldom read twice.
    constexpr std::size_t kFewRows = 4;
    if (p.count > 0 && p.rows > kFewRows && expertsGrouped(p, CudaQueue::of(queue))) {
        return;
    }
    expertsExact(p, queue);
}

} // namespace fulgurite::kernels::cuda
