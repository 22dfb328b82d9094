// SPDX-License-Identifier: Apache-2.0
// Softmax attention of many queries on the tensor cores, for heads of 128 channels. A block takes 128 pairs of a
// query and one of the query heads that share a key head, so that a page is read once for all of them; it walks
// over the pages with a running maximum.
#include "kernels/cuda/ops_cuda.h"
#include "kernels/cuda/tensor_core.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr int kDim = 128;
constexpr int kTokens = static_cast<int>(kPageTokens);
constexpr unsigned kThreads = 256;
constexpr int kPairs = 128; // pairs of query and head of a block: 16 for each warp
constexpr int kKeyStride = kTokens + 8;
constexpr int kValueStride = kDim + 8;
constexpr int kPageFloats = kDim * kTokens;

struct Prefill {
    const float* q;
    std::size_t q_stride;
    const float* const* key_pages;
    const float* const* value_pages;
    long long first_position;
    float* out; // [rows, heads, kDim]
    int rows;
    int heads;
    int group; // query heads of a key head
};

struct Shared {
    alignas(16) float staged[2][kPageFloats]; // the next page's keys and values as they are
    alignas(16) std::uint16_t keys[kDim][kKeyStride];
    alignas(16) std::uint16_t values[kTokens][kValueStride];
};

__device__ __forceinline__ void stage(Shared& shared, const Prefill& p, int kv, int page) {
    const std::size_t offset = static_cast<std::size_t>(kv) * kPageFloats;
    for (int i = static_cast<int>(threadIdx.x) * 4; i < kPageFloats; i += static_cast<int>(kThreads) * 4) {
        copyAsync(&shared.staged[0][i], p.key_pages[page] + offset + static_cast<std::size_t>(i));
        copyAsync(&shared.staged[1][i], p.value_pages[page] + offset + static_cast<std::size_t>(i));
    }
    commitCopies();
}

// Values behind the last token are undefined: zeros instead, for a weight of zero times NaN is NaN.
__device__ __forceinline__ void convert(Shared& shared, int tokens) {
    for (int i = static_cast<int>(threadIdx.x) * 2; i < kPageFloats; i += static_cast<int>(kThreads) * 2) {
        *reinterpret_cast<StoredPair*>(&shared.keys[i / kTokens][i % kTokens]) =
            packBf16(shared.staged[0][i], shared.staged[0][i + 1]);
        const bool inside = i / kDim < tokens;
        *reinterpret_cast<StoredPair*>(&shared.values[i / kDim][i % kDim]) =
            packBf16(inside ? shared.staged[1][i] : 0.0f, inside ? shared.staged[1][i + 1] : 0.0f);
    }
}

// What a lane knows of the two rows (pairs of query and head) that it holds parts of.
struct Rows {
    float largest[2] = {-INFINITY, -INFINITY};
    float sum[2] = {0, 0};
    long long last[2]; // the position that the query itself has; -1: no such row
};

__device__ __forceinline__ float quadMax(float x) {
    x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, 1));
    return fmaxf(x, __shfl_xor_sync(kAllLanes, x, 2));
}
__device__ __forceinline__ float quadSum(float x) {
    x += __shfl_xor_sync(kAllLanes, x, 1);
    return x + __shfl_xor_sync(kAllLanes, x, 2);
}

// Scores become weights relative to the running maximum; sums and outputs so far are brought to the new one.
__device__ __forceinline__ void softmaxStep(FragmentC (&scores)[kTokens / 8], FragmentC (&o)[kDim / 8], Rows& rows,
                                            long long first_token) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const float scale = 0.08838834764831845f; // 1 / sqrt(128)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        float top = rows.largest[half];
#pragma unroll
        for (int n = 0; n < kTokens / 8; ++n) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                const long long token = first_token + n * 8 + 2 * (lane % 4) + i;
                float& score = scores[n][2 * half + i];
                score = token <= rows.last[half] ? score * scale : -INFINITY;
                top = fmaxf(top, score);
            }
        }
        top = quadMax(top);
        const float base = top == -INFINITY ? 0.0f : top; // nothing seen yet: every weight is zero
        float sum = 0;
#pragma unroll
        for (int n = 0; n < kTokens / 8; ++n) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                float& score = scores[n][2 * half + i];
                score = expf(score - base);
                sum += score;
            }
        }
        const float factor = expf(rows.largest[half] - base);
        rows.sum[half] = rows.sum[half] * factor + quadSum(sum);
        rows.largest[half] = top;
#pragma unroll
        for (int n = 0; n < kDim / 8; ++n) {
            o[n][2 * half] *= factor;
            o[n][2 * half + 1] *= factor;
        }
    }
}

// Grid: blocks of pairs, key heads.
__global__ void __launch_bounds__(kThreads, 1) softmaxPrefillKernel(Prefill p) {
    FG_SHARED(Shared, memory);
    Shared& shared = *memory;
    const int kv = static_cast<int>(blockIdx.y);
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int first_pair = static_cast<int>(blockIdx.x) * kPairs;
    const int pairs = p.rows * p.group;
    const float* q[2];
    Rows rows;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int pair = first_pair + warp * 16 + lane / 4 + 8 * half;
        const int query = min(pair, pairs - 1) / p.group;
        const int head = kv * p.group + min(pair, pairs - 1) % p.group;
        rows.last[half] = pair < pairs ? p.first_position + query : -1;
        q[half] = p.q + static_cast<std::size_t>(query) * p.q_stride + static_cast<std::size_t>(head) * kDim;
    }
    FragmentA a[kDim / 16];
#pragma unroll
    for (int d = 0; d < kDim / 16; ++d) {
#pragma unroll
        for (int part = 0; part < 4; ++part) {
            const float* from = q[part % 2] + d * 16 + part / 2 * 8 + 2 * (lane % 4);
            a[d][part] = packBf16(from[0], from[1]);
        }
    }
    FragmentC o[kDim / 8] = {};
    const int last_query = (min(first_pair + kPairs, pairs) - 1) / p.group;
    const long long context = p.first_position + last_query + 1;
    const auto pages = static_cast<int>((context + kTokens - 1) / kTokens);
    stage(shared, p, kv, 0);
    for (int page = 0; page < pages; ++page) {
        const long long first_token = static_cast<long long>(page) * kTokens;
        waitCopies<0>();
        __syncthreads(); // the page is there, and nobody reads the one before
        convert(shared, static_cast<int>(min(static_cast<long long>(kTokens), context - first_token)));
        __syncthreads();
        if (page + 1 < pages) {
            stage(shared, p, kv, page + 1);
        }
        const Tile keys{&shared.keys[0][0], kKeyStride};
        const Tile values{&shared.values[0][0], kValueStride};
        FragmentC scores[kTokens / 8] = {};
#pragma unroll
        for (int d = 0; d < kDim / 16; ++d) {
#pragma unroll
            for (int n = 0; n < kTokens; n += 16) {
                std::uint32_t b[4];
                loadBTransposed(b, keys, d * 16, n);
                multiplyAdd(scores[n / 8], a[d], b[0], b[1]);
                multiplyAdd(scores[n / 8 + 1], a[d], b[2], b[3]);
            }
        }
        softmaxStep(scores, o, rows, first_token);
#pragma unroll
        for (int t = 0; t < kTokens; t += 16) {
            const FragmentC& first = scores[t / 8];
            const FragmentC& second = scores[t / 8 + 1];
            const FragmentA weights = {packBf16(first[0], first[1]), packBf16(first[2], first[3]),
                                       packBf16(second[0], second[1]), packBf16(second[2], second[3])};
#pragma unroll
            for (int n = 0; n < kDim; n += 16) {
                std::uint32_t b[4];
                loadBTransposed(b, values, t, n);
                multiplyAdd(o[n / 8], weights, b[0], b[1]);
                multiplyAdd(o[n / 8 + 1], weights, b[2], b[3]);
            }
        }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int pair = first_pair + warp * 16 + lane / 4 + 8 * half;
        if (pair >= pairs) {
            continue;
        }
        float* to = p.out +
                    (static_cast<std::size_t>(pair / p.group) * static_cast<std::size_t>(p.heads) +
                     static_cast<std::size_t>(kv * p.group + pair % p.group)) *
                        kDim +
                    2 * (lane % 4);
        const float inverse = 1.0f / rows.sum[half];
#pragma unroll
        for (int n = 0; n < kDim / 8; ++n) {
            *reinterpret_cast<float2*>(to + n * 8) =
                make_float2(o[n][2 * half] * inverse, o[n][2 * half + 1] * inverse);
        }
    }
}

} // namespace

bool softmaxPrefill(const SoftmaxAttentionParams& params, CudaQueue& queue) {
    constexpr std::size_t kWorthIt = 16;
    const bool aligned = reinterpret_cast<std::uintptr_t>(params.out) % 8 == 0;
    if (params.head_dim != kDim || params.rows < kWorthIt || !aligned) {
        return false;
    }
    const std::size_t pages = ceilDiv(params.first_position + params.rows, kPageTokens);
    const CudaQueue::PageTable table = queue.pageTable(params.key_pages, params.value_pages, pages);
    const std::size_t group = params.heads / params.kv_heads;
    const Prefill p{params.q,
                    params.q_stride,
                    table.keys,
                    table.values,
                    static_cast<long long>(params.first_position),
                    params.out,
                    static_cast<int>(params.rows),
                    static_cast<int>(params.heads),
                    static_cast<int>(group)};
    queue.allowShared(softmaxPrefillKernel, sizeof(Shared));
    queue.launch(
        softmaxPrefillKernel,
        dim3(static_cast<unsigned>(ceilDiv(params.rows * group, kPairs)), static_cast<unsigned>(params.kv_heads)),
        kThreads, sizeof(Shared), p);
    return true;
}

} // namespace fulgurite::kernels::cuda
