// SPDX-License-Identifier: Apache-2.0
// Operations that look at each row or element once. All of them are bound by memory.
#include "kernels/cuda/ops_cuda.h"
#include "kernels/cuda/warp.h"
#include "kernels/cuda/weight_load.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr unsigned kThreads = 256;

dim3 blocksFor(std::size_t count) {
    return dim3(static_cast<unsigned>(ceilDiv(count, kThreads)));
}

// Ids travel as an argument: nothing has to be copied before the kernel.
constexpr int kIdsPerLaunch = 256;
struct Ids {
    std::int32_t value[kIdsPerLaunch];
};

Ids idsOf(const std::int32_t* ids, std::size_t count) {
    Ids result{};
    std::copy_n(ids, count, result.value);
    return result;
}

__device__ __forceinline__ std::size_t globalIndex() {
    return static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

// Rows of ids outside [first_id, first_id + rows) become zero.
template <class Weight>
__global__ void embedKernel(const void* table, std::int32_t first_id, std::int64_t rows, Ids ids, int width,
                            float* out) {
    const std::int64_t id = static_cast<std::int64_t>(ids.value[blockIdx.x]) - first_id;
    const bool here = id >= 0 && id < rows;
    const auto* row = static_cast<const Weight*>(table) + (here ? id : 0) * width;
    for (int i = static_cast<int>(threadIdx.x); i < width; i += static_cast<int>(blockDim.x)) {
        out[static_cast<std::size_t>(blockIdx.x) * static_cast<std::size_t>(width) + static_cast<std::size_t>(i)] =
            here ? valueOf(row[i]) : 0.0f;
    }
}

__global__ void gatherKernel(const float* x, Ids index, int width, float* out) {
    const float* row = x + static_cast<std::size_t>(index.value[blockIdx.x]) * static_cast<std::size_t>(width);
    for (int i = static_cast<int>(threadIdx.x); i < width; i += static_cast<int>(blockDim.x)) {
        out[static_cast<std::size_t>(blockIdx.x) * static_cast<std::size_t>(width) + static_cast<std::size_t>(i)] =
            row[i];
    }
}

// Of row blockIdx.x; every thread of the block gets it.
__device__ float rowSquares(const float* x, int width, float* parts) {
    const std::size_t first = static_cast<std::size_t>(blockIdx.x) * static_cast<std::size_t>(width);
    float squares = 0;
    for (int i = static_cast<int>(threadIdx.x); i < width; i += static_cast<int>(blockDim.x)) {
        const float value = x[first + static_cast<std::size_t>(i)];
        squares += value * value;
    }
    return blockSum(squares, parts);
}

__global__ void sumSquaresKernel(const float* x, int width, float* out) {
    __shared__ float parts[kThreads / kWarp];
    const float sum = rowSquares(x, width, parts);
    if (threadIdx.x == 0) {
        out[blockIdx.x] = sum;
    }
}

// One block for each row. `gate` null: no gate. `squares` null: the mean is that of the row, else squares of the
// row over total_width.
__global__ void normKernel(const float* x, const float* weight, const float* gate, const float* squares, float* out,
                           int width, int total_width, float eps) {
    __shared__ float parts[kThreads / kWarp];
    const std::size_t first = static_cast<std::size_t>(blockIdx.x) * static_cast<std::size_t>(width);
    const float sum = squares != nullptr ? squares[blockIdx.x] : rowSquares(x, width, parts);
    const float scale = 1.0f / sqrtf(sum / static_cast<float>(squares != nullptr ? total_width : width) + eps);
    for (int i = static_cast<int>(threadIdx.x); i < width; i += static_cast<int>(blockDim.x)) {
        const std::size_t at = first + static_cast<std::size_t>(i);
        const float value = x[at] * scale * weight[i];
        out[at] = gate != nullptr ? value * sigmoid(gate[at]) : value;
    }
}

__global__ void siluKernel(float* x, std::size_t count) {
    const std::size_t i = globalIndex();
    if (i < count) {
        x[i] *= sigmoid(x[i]);
    }
}

__global__ void swigluKernel(const float* gate, const float* up, float* out, std::size_t count) {
    const std::size_t i = globalIndex();
    if (i < count) {
        out[i] = gate[i] * sigmoid(gate[i]) * up[i];
    }
}

__global__ void residualKernel(const float* residual, const float* branch, float* out, std::size_t count,
                               float alpha, float beta) {
    const std::size_t i = globalIndex();
    if (i < count) {
        out[i] = alpha * residual[i] + beta * branch[i];
    }
}

// One thread for each pair of a row's heads.
__global__ void ropeKernel(RopeParams p, bool back) {
    const auto half = static_cast<unsigned>(p.rotary_dim / 2);
    const std::size_t i = globalIndex();
    if (i >= p.rows * p.heads * half) {
        return;
    }
    const std::size_t pair = i % half;
    const std::size_t head = i / half % p.heads;
    const std::size_t row = i / half / p.heads;
    const float angle = static_cast<float>(p.first_position + row) * p.inv_freq[pair];
    float s;
    float c;
    sincosf(angle, &s, &c);
    s = back ? -s : s;
    float* x = p.x + row * p.stride + head * p.head_dim;
    const float a = x[pair];
    const float b = x[pair + half];
    x[pair] = a * c - b * s;
    x[pair + half] = b * c + a * s;
}

// One thread for each element; neighbours in the channel, so that values are written together.
__global__ void kvStoreKernel(const float* k, const float* v, std::size_t stride, std::size_t rows, int kv_heads,
                              int head_dim, float* const* key_pages, float* const* value_pages,
                              std::size_t first_position) {
    const auto width = static_cast<std::size_t>(kv_heads) * static_cast<std::size_t>(head_dim);
    const std::size_t i = globalIndex();
    if (i >= rows * width) {
        return;
    }
    const std::size_t row = i / width;
    const std::size_t channel = i % width;
    const std::size_t position = first_position + row;
    const std::size_t token = position % kPageTokens;
    const std::size_t head = channel / static_cast<std::size_t>(head_dim);
    const std::size_t d = channel % static_cast<std::size_t>(head_dim);
    key_pages[position / kPageTokens][channel * kPageTokens + token] = k[row * stride + channel];
    value_pages[position / kPageTokens][(head * kPageTokens + token) * static_cast<std::size_t>(head_dim) + d] =
        v[row * stride + channel];
}

constexpr int kMostExperts = 32 * kWarp; // a lane marks what it has given away in the bits of a word

// One warp for each row: top_k rounds, each for the largest logit left; among equals the lowest index.
__global__ void routeKernel(const float* logits, int rows, int experts, int top_k, std::int32_t* ids,
                            float* weights) {
    const int row = static_cast<int>(globalIndex() / kWarp);
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    if (row >= rows) {
        return;
    }
    const float* mine = logits + static_cast<std::size_t>(row) * static_cast<std::size_t>(experts);
    const std::size_t first = static_cast<std::size_t>(row) * static_cast<std::size_t>(top_k);
    std::uint32_t given = 0;
    float best = 0;
    float sum = 0;
    for (int j = 0; j < top_k; ++j) {
        float value = -INFINITY;
        int index = kMostExperts;
        for (int i = 0; i * kWarp + lane < experts; ++i) {
            const float logit = fmaxf(mine[i * kWarp + lane], -INFINITY); // NaN counts as nothing
            if ((given >> i & 1u) == 0 && (index == kMostExperts || logit > value)) {
                value = logit;
                index = i * kWarp + lane;
            }
        }
        for (int step = kWarp / 2; step > 0; step /= 2) {
            const float other = __shfl_xor_sync(kAllLanes, value, step);
            const int other_index = __shfl_xor_sync(kAllLanes, index, step);
            if (other > value || (other == value && other_index < index)) {
                value = other;
                index = other_index;
            }
        }
        if (index % kWarp == lane) {
            given |= 1u << (index / kWarp);
        }
        best = j == 0 ? value : best;
        const float weight = expf(value - best);
        sum += weight;
        if (lane == 0) {
            ids[first + static_cast<std::size_t>(j)] = index;
            weights[first + static_cast<std::size_t>(j)] = weight;
        }
    }
    __syncwarp();
    if (lane == 0) {
        for (int j = 0; j < top_k; ++j) {
            weights[first + static_cast<std::size_t>(j)] /= sum;
        }
    }
}

__global__ void combineKernel(CombineParams p) {
    const std::size_t i = globalIndex();
    if (i >= p.rows * p.width) {
        return;
    }
    const std::size_t row = i / p.width;
    float sum = 0;
    for (std::size_t j = row * p.top_k; j < (row + 1) * p.top_k; ++j) {
        if (p.slots[j] >= 0) {
            sum += p.weights[j] * p.expert_out[static_cast<std::size_t>(p.slots[j]) * p.width + i % p.width];
        }
    }
    p.out[i] = sum;
}

// splitmix64 of the element's number: any part of an array can be made alone.
__device__ __forceinline__ std::uint32_t randomBits(std::uint64_t z) {
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
}

__global__ void randomKernel(void* target, DType type, std::size_t count, float scale, std::uint64_t seed) {
    const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
    for (std::size_t i = globalIndex(); i < count; i += step) {
        const std::uint32_t bits = randomBits(seed * 0x100000001b3u + i);
        const float value = (static_cast<float>(bits >> 8) * 0x1p-23f - 1.0f) * scale;
        if (type == DType::F32) {
            static_cast<float*>(target)[i] = value;
        } else if (type == DType::BF16) {
            static_cast<std::uint16_t*>(target)[i] = static_cast<std::uint16_t>(packBf16(value, 0.0f));
        } else {
            static_cast<std::uint8_t*>(target)[i] = static_cast<std::uint8_t>(bits);
        }
    }
}

template <class Weight>
void embedPart(const EmbedParams& p, std::size_t first, std::size_t count, CudaQueue& queue) {
    queue.launch(embedKernel<Weight>, dim3(static_cast<unsigned>(count)), kThreads, 0, p.table.data, p.first_id,
                 static_cast<std::int64_t>(p.table.rows), idsOf(p.ids + first, count),
                 static_cast<int>(p.table.cols), p.out + first * p.table.cols);
}

} // namespace

void randomise(void* target, DType type, std::size_t count, float scale, std::uint64_t seed, CudaQueue& queue) {
    constexpr std::size_t kMostBlocks = 4096;
    const auto blocks = static_cast<unsigned>(std::min(ceilDiv(count, kThreads), kMostBlocks));
    queue.launch(randomKernel, dim3(blocks), kThreads, 0, target, type, count, scale, seed);
}

void embed(const EmbedParams& p, Queue& q) {
    CudaQueue& queue = CudaQueue::of(q);
    for (std::size_t first = 0; first < p.rows; first += kIdsPerLaunch) {
        const std::size_t count = std::min<std::size_t>(p.rows - first, kIdsPerLaunch);
        if (p.table.dtype == DType::F32) {
            embedPart<float>(p, first, count, queue);
        } else if (p.table.dtype == DType::BF16) {
            embedPart<Bf16>(p, first, count, queue);
        } else {
            embedPart<F16>(p, first, count, queue);
        }
    }
}

void gather(const GatherParams& p, Queue& q) {
    CudaQueue& queue = CudaQueue::of(q);
    for (std::size_t first = 0; first < p.rows; first += kIdsPerLaunch) {
        const std::size_t count = std::min<std::size_t>(p.rows - first, kIdsPerLaunch);
        queue.launch(gatherKernel, dim3(static_cast<unsigned>(count)), kThreads, 0, p.x,
                     idsOf(p.index + first, count), static_cast<int>(p.width), p.out + first * p.width);
    }
}

void norm(const NormParams& p, Queue& q) {
    CudaQueue::of(q).launch(normKernel, dim3(static_cast<unsigned>(p.rows)), kThreads, 0, p.x, p.weight, nullptr,
                            nullptr, p.out, static_cast<int>(p.width), 0, p.eps);
}

void sumSquares(const SumSquaresParams& p, Queue& q) {
    CudaQueue::of(q).launch(sumSquaresKernel, dim3(static_cast<unsigned>(p.rows)), kThreads, 0, p.x,
                            static_cast<int>(p.width), p.out);
}

void normGate(const NormGateParams& p, Queue& q) {
    CudaQueue::of(q).launch(normKernel, dim3(static_cast<unsigned>(p.norm.rows)), kThreads, 0, p.norm.x,
                            p.norm.weight, p.gate, p.squares, p.norm.out, static_cast<int>(p.norm.width),
                            static_cast<int>(p.total_width), p.norm.eps);
}

void silu(float* x, std::size_t count, Queue& q) {
    CudaQueue::of(q).launch(siluKernel, blocksFor(count), kThreads, 0, x, count);
}

void swiglu(const SwigluParams& p, Queue& q) {
    CudaQueue::of(q).launch(swigluKernel, blocksFor(p.count), kThreads, 0, p.gate, p.up, p.out, p.count);
}

void residual(const ResidualParams& p, Queue& q) {
    CudaQueue::of(q).launch(residualKernel, blocksFor(p.count), kThreads, 0, p.residual, p.branch, p.out, p.count,
                            p.alpha, p.beta);
}

void rotate(const RopeParams& p, bool back, Queue& q) {
    CudaQueue::of(q).launch(ropeKernel, blocksFor(p.rows * p.heads * (p.rotary_dim / 2)), kThreads, 0, p, back);
}

void rope(const RopeParams& p, Queue& queue) {
    rotate(p, false, queue);
}

void kvStore(const KvStoreParams& p, Queue& q) {
    if (p.rows == 0) {
        return;
    }
    CudaQueue& queue = CudaQueue::of(q);
    const std::size_t pages = ceilDiv(p.first_position + p.rows, kPageTokens);
    const CudaQueue::PageTable table = queue.pageTable(p.key_pages, p.value_pages, pages);
    queue.launch(kvStoreKernel, blocksFor(p.rows * p.kv_heads * p.head_dim), kThreads, 0, p.k, p.v, p.stride,
                 p.rows, static_cast<int>(p.kv_heads), static_cast<int>(p.head_dim),
                 const_cast<float* const*>(table.keys), const_cast<float* const*>(table.values), p.first_position);
}

void route(const RouteParams& p, Queue& q) {
    if (p.experts > kMostExperts) {
        throw DeviceError(DeviceFault::Failed, "the GPU's router knows at most " + std::to_string(kMostExperts) +
                                                   " experts, this model has " + std::to_string(p.experts));
    }
    CudaQueue::of(q).launch(routeKernel, blocksFor(p.rows * kWarp), kThreads, 0, p.logits, static_cast<int>(p.rows),
                            static_cast<int>(p.experts), static_cast<int>(p.top_k), p.ids, p.weights);
}

void combine(const CombineParams& p, Queue& q) {
    CudaQueue::of(q).launch(combineKernel, blocksFor(p.rows * p.width), kThreads, 0, p);
}

} // namespace fulgurite::kernels::cuda
