// SPDX-License-Identifier: Apache-2.0
// Softmax attention of single queries in float32: decoding, and every prompt where float32 is asked for. The pages
// of a query are split over blocks; all query heads of a key head share what is read. A second kernel joins the
// parts.
#include "kernels/cuda/ops_cuda.h"
#include "kernels/cuda/warp.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr int kTokens = static_cast<int>(kPageTokens);
constexpr int kHeads = 8; // query heads of a block, one for each warp
constexpr unsigned kThreads = kHeads * kWarp;
constexpr int kSlices = static_cast<int>(kThreads) / kTokens; // of the channels, when scores are computed
constexpr int kMostDim = 256;
constexpr int kSpan = 128; // channels of one pass over the values
constexpr int kHalves = static_cast<int>(kThreads) / kSpan;

struct Attention {
    const float* q;
    std::size_t q_stride;
    const float* const* key_pages;
    const float* const* value_pages;
    std::size_t first_position;
    float* parts; // [rows, heads, splits, dim + 2]: values, then largest score and sum of weights
    int rows;
    int heads;
    int kv_heads;
    int dim;
    int splits;
};

__device__ __forceinline__ float* partOf(const Attention& p, int row, int head, int split) {
    return p.parts +
           ((static_cast<std::size_t>(row) * static_cast<std::size_t>(p.heads) + static_cast<std::size_t>(head)) *
                static_cast<std::size_t>(p.splits) +
            static_cast<std::size_t>(split)) *
               static_cast<std::size_t>(p.dim + 2);
}

// Grid: splits, groups of kHeads query heads of a key head, rows.
__global__ void __launch_bounds__(kThreads) splitKernel(Attention p) {
    __shared__ float q[kHeads][kMostDim];
    __shared__ float scores[kSlices][kHeads][kTokens];
    __shared__ float weights[kHeads][kTokens];
    __shared__ float correction[kHeads];
    __shared__ float joined[kHeads][kSpan];
    const int tid = static_cast<int>(threadIdx.x);
    const int group = p.heads / p.kv_heads;
    const int parts_of_group = (group + kHeads - 1) / kHeads;
    const int kv = static_cast<int>(blockIdx.y) / parts_of_group;
    const int first_head = kv * group + static_cast<int>(blockIdx.y) % parts_of_group * kHeads;
    const int heads = min(kHeads, (kv + 1) * group - first_head);
    const int row = static_cast<int>(blockIdx.z);
    const int split = static_cast<int>(blockIdx.x);
    const std::size_t context = p.first_position + static_cast<std::size_t>(row) + 1;
    const auto pages = static_cast<int>((context + kPageTokens - 1) / kPageTokens);
    const int per_split = (pages + p.splits - 1) / p.splits;
    const int begin = split * per_split;
    const int end = min(begin + per_split, pages);
    const float scale = 1.0f / sqrtf(static_cast<float>(p.dim));
    for (int i = tid; i < heads * p.dim; i += static_cast<int>(kThreads)) {
        const int head = i / p.dim;
        q[head][i % p.dim] =
            scale *
            p.q[static_cast<std::size_t>(row) * p.q_stride + static_cast<std::size_t>(first_head * p.dim + i)];
    }
    float values[kMostDim / kSpan][kHeads] = {};
    float largest = -INFINITY; // of the head of this warp
    float sum = 0;
    const int warp = tid / kWarp;
    const int lane = tid % kWarp;
    const int token = tid % kTokens;
    const int slice = tid / kTokens;
    const int channel = tid % kSpan;
    const int half = tid / kSpan;
    __syncthreads();
    for (int page = begin; page < end; ++page) {
        const auto first_token = static_cast<std::size_t>(page) * kPageTokens;
        const int tokens = context - first_token < kPageTokens ? static_cast<int>(context - first_token) : kTokens;
        // What lies behind the last token is undefined, and not a number may come of it.
        const float* keys = p.key_pages[page] + static_cast<std::size_t>(kv * p.dim) * kPageTokens;
        float dots[kHeads] = {};
        for (int d = slice; d < p.dim; d += kSlices) {
            const float key = keys[d * kTokens + token];
#pragma unroll
            for (int h = 0; h < kHeads; ++h) {
                dots[h] += q[h][d] * key;
            }
        }
#pragma unroll
        for (int h = 0; h < kHeads; ++h) {
            scores[slice][h][token] = dots[h];
        }
        __syncthreads();
        if (warp < heads) {
            float mine[kTokens / kWarp];
            float top = largest;
#pragma unroll
            for (int i = 0; i < kTokens / kWarp; ++i) {
                const int t = i * kWarp + lane;
                float score = 0;
                for (int s = 0; s < kSlices; ++s) {
                    score += scores[s][warp][t];
                }
                mine[i] = t < tokens ? score : -INFINITY;
                top = fmaxf(top, mine[i]);
            }
            top = warpMax(top);
            float part = 0;
#pragma unroll
            for (int i = 0; i < kTokens / kWarp; ++i) {
                const float weight = expf(mine[i] - top);
                weights[warp][i * kWarp + lane] = weight;
                part += weight;
            }
            const float factor = expf(largest - top);
            sum = sum * factor + warpSum(part);
            largest = top;
            if (lane == 0) {
                correction[warp] = factor;
            }
        }
        __syncthreads();
        const float* rows =
            p.value_pages[page] + static_cast<std::size_t>(kv) * kPageTokens * static_cast<std::size_t>(p.dim);
        const int last = min(tokens, (half + 1) * (kTokens / kHalves));
#pragma unroll
        for (int pass = 0; pass < kMostDim / kSpan; ++pass) {
            const int d = pass * kSpan + channel;
            if (d < p.dim) {
#pragma unroll
                for (int h = 0; h < kHeads; ++h) {
                    values[pass][h] *= h < heads ? correction[h] : 0.0f;
                }
                for (int t = half * (kTokens / kHalves); t < last; ++t) {
                    const float value = rows[static_cast<std::size_t>(t) * static_cast<std::size_t>(p.dim) +
                                             static_cast<std::size_t>(d)];
#pragma unroll
                    for (int h = 0; h < kHeads; ++h) {
                        values[pass][h] += (h < heads ? weights[h][t] : 0.0f) * value;
                    }
                }
            }
        }
        __syncthreads();
    }
    for (int pass = 0; pass * kSpan < p.dim; ++pass) {
        const int d = pass * kSpan + channel;
        for (int other = 1; other < kHalves; ++other) {
            if (half == other) {
                for (int h = 0; h < heads; ++h) {
                    joined[h][channel] = values[pass][h];
                }
            }
            __syncthreads();
            if (half == 0) {
                for (int h = 0; h < heads; ++h) {
                    values[pass][h] += joined[h][channel];
                }
            }
            __syncthreads();
        }
        if (half == 0 && d < p.dim) {
            for (int h = 0; h < heads; ++h) {
                partOf(p, row, first_head + h, split)[d] = values[pass][h];
            }
        }
    }
    if (warp < heads && lane == 0) {
        float* part = partOf(p, row, first_head + warp, split);
        part[p.dim] = largest;
        part[p.dim + 1] = sum;
    }
}

// One block for each head of each row.
__global__ void joinKernel(Attention p, float* out) {
    const auto head = static_cast<int>(blockIdx.x);
    const auto row = static_cast<int>(blockIdx.y);
    float largest = -INFINITY;
    for (int s = 0; s < p.splits; ++s) {
        largest = fmaxf(largest, partOf(p, row, head, s)[p.dim]);
    }
    for (int d = static_cast<int>(threadIdx.x); d < p.dim; d += static_cast<int>(blockDim.x)) {
        float value = 0;
        float sum = 0;
        for (int s = 0; s < p.splits; ++s) {
            const float* part = partOf(p, row, head, s);
            const float weight = expf(part[p.dim] - largest); // a split without a page has none
            value += weight * part[d];
            sum += weight * part[p.dim + 1];
        }
        out[(static_cast<std::size_t>(row) * static_cast<std::size_t>(p.heads) + static_cast<std::size_t>(head)) *
                static_cast<std::size_t>(p.dim) +
            static_cast<std::size_t>(d)] = value / sum;
    }
}

constexpr std::size_t kRowsAtOnce = 1024; // bounds the memory for parts

} // namespace

void softmaxExact(const SoftmaxAttentionParams& params, Queue& q) {
    if (params.head_dim > kMostDim) {
        throw DeviceError(DeviceFault::Failed, "softmax attention on the GPU takes heads of up to " +
                                                   std::to_string(kMostDim) + " channels, this model's have " +
                                                   std::to_string(params.head_dim));
    }
    if (params.rows == 0) {
        return;
    }
    CudaQueue& queue = CudaQueue::of(q);
    const std::size_t pages = ceilDiv(params.first_position + params.rows, kPageTokens);
    const CudaQueue::PageTable table = queue.pageTable(params.key_pages, params.value_pages, pages);
    const std::size_t group = params.heads / params.kv_heads;
    const std::size_t groups = params.kv_heads * ceilDiv(group, kHeads);
    for (std::size_t first = 0; first < params.rows; first += kRowsAtOnce) {
        const std::size_t rows = std::min(params.rows - first, kRowsAtOnce);
        // Enough blocks for every multiprocessor to have four, but no split without a page. In powers of two: the
        // size of the memory for parts changes seldom.
        std::size_t splits = 1;
        while (splits * 2 <= pages &&
               splits * groups * rows < 4 * static_cast<std::size_t>(queue.multiprocessors())) {
            splits *= 2;
        }
        auto* parts = static_cast<float*>(queue.scratch(
            CudaQueue::Slot::Partial, rows * params.heads * splits * (params.head_dim + 2) * sizeof(float)));
        const Attention p{params.q + first * params.q_stride,
                          params.q_stride,
                          table.keys,
                          table.values,
                          params.first_position + first,
                          parts,
                          static_cast<int>(rows),
                          static_cast<int>(params.heads),
                          static_cast<int>(params.kv_heads),
                          static_cast<int>(params.head_dim),
                          static_cast<int>(splits)};
        queue.launch(
            splitKernel,
            dim3(static_cast<unsigned>(splits), static_cast<unsigned>(groups), static_cast<unsigned>(rows)),
            kThreads, 0, p);
        queue.launch(joinKernel, dim3(static_cast<unsigned>(params.heads), static_cast<unsigned>(rows)), 128, 0, p,
                     params.out + first * params.heads * params.head_dim);
    }
}

void softmaxMixed(const SoftmaxAttentionParams& p, Queue& queue) {
    if (!softmaxPrefill(p, CudaQueue::of(queue))) {
        softmaxExact(p, queue);
    }
}

} // namespace fulgurite::kernels::cuda
