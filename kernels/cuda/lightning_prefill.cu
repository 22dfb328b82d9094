// SPDX-License-Identifier: Apache-2.0
// Lightning attention of many tokens on the tensor cores, for heads of 128 channels.
//
// A head's tokens are cut into segments, as many as fill the chip. Within a segment a block walks over tiles of 64
// tokens:
//     o_t = decay^(t+1) q_t S + sum over j <= t of decay^(t-j) (q_t . k_j) v_j
//     S  <- decay^64 S + sum over j of decay^(63-j) k_j v_j
// with S in the registers of its warps in float32, and a bfloat16 copy in shared memory for the product with q.
// What a segment starts with comes from a first pass that sums every segment's own part and a scan over the
// segments: S_(g+1) = decay^length S_g + U_g. With one segment neither is needed.
#include "kernels/cuda/ops_cuda.h"
#include "kernels/cuda/tensor_core.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr int kDim = 128;
constexpr int kTile = 64;
constexpr unsigned kThreads = 256;
constexpr int kStride = kDim + 8; // of bfloat16 tiles
constexpr int kMatrix = kDim * kDim;
constexpr int kSlab = 16; // key rows of the state that a warp holds

struct Prefill {
    const float* qkv; // [rows, heads, 3, kDim]
    const float* rates;
    float* state;  // [heads, kDim, kDim]
    float* starts; // [heads, segments, kDim, kDim]: first each segment's own part, then what it starts with
    float* out;    // [rows, heads, kDim]
    int rows;
    int heads;
    int segments;
    int length; // tokens of a segment, a multiple of kTile; the last may have fewer
};

struct Shared {
    alignas(16) float staged[3][kTile][kDim]; // the next tile's q, k, v as they come
    alignas(16) std::uint16_t q[kTile][kStride];
    alignas(16) std::uint16_t k[kTile][kStride];
    alignas(16) std::uint16_t k_decayed[kTile][kStride]; // decay^(tokens - 1 - j) k_j
    alignas(16) std::uint16_t v[kTile][kStride];
    alignas(16) std::uint16_t s[kDim][kStride];
    float power[kTile + 1];
};
static_assert(sizeof(Shared) <= 227 * 1024);

// kFirst of the three arrays are not needed.
template <int kFirst>
__device__ __forceinline__ void stage(Shared& shared, const Prefill& p, int head, int first, int end) {
    constexpr int kPieces = kDim / 4;
    for (int i = static_cast<int>(threadIdx.x); i < (3 - kFirst) * kTile * kPieces;
         i += static_cast<int>(kThreads)) {
        const int which = kFirst + i / (kTile * kPieces);
        const int token = i / kPieces % kTile;
        const int piece = i % kPieces;
        const float* from = nullptr;
        if (first + token < end) {
            from = p.qkv +
                   ((static_cast<std::size_t>(first + token) * static_cast<std::size_t>(p.heads) +
                     static_cast<std::size_t>(head)) *
                        3 +
                    static_cast<std::size_t>(which)) *
                       kDim +
                   piece * 4;
        }
        copyAsync(&shared.staged[which][token][piece * 4], from);
    }
    commitCopies();
}

// From float32 as staged to the bfloat16 tiles.
template <int kFirst>
__device__ __forceinline__ void convert(Shared& shared, int tokens) {
    constexpr int kPairs = kDim / 2;
    for (int i = static_cast<int>(threadIdx.x); i < kTile * kPairs; i += static_cast<int>(kThreads)) {
        const int token = i / kPairs;
        const int at = i % kPairs * 2;
        const auto put = [&](std::uint16_t(&tile)[kTile][kStride], float a, float b) {
            *reinterpret_cast<StoredPair*>(&tile[token][at]) = packBf16(a, b);
        };
        if (kFirst == 0) {
            put(shared.q, shared.staged[0][token][at], shared.staged[0][token][at + 1]);
        }
        const float k0 = shared.staged[1][token][at];
        const float k1 = shared.staged[1][token][at + 1];
        const float left = token < tokens ? shared.power[tokens - 1 - token] : 0.0f;
        if (kFirst == 0) {
            put(shared.k, k0, k1);
        }
        put(shared.k_decayed, left * k0, left * k1);
        put(shared.v, shared.staged[2][token][at], shared.staged[2][token][at + 1]);
    }
}

// The warp's 16 key rows of the state, as sums of 16 fragments.
using Slab = FragmentC[kDim / 8];

// s <- decay^tokens s + k_decayed^T v
__device__ __forceinline__ void updateState(Slab& s, const Shared& shared, int tokens, int warp) {
    const float factor = shared.power[tokens];
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            s[n][i] *= factor;
        }
    }
    const Tile keys{&shared.k_decayed[0][0], kStride};
    const Tile values{&shared.v[0][0], kStride};
#pragma unroll
    for (int j = 0; j < kTile; j += 16) {
        FragmentA a;
        loadATransposed(a, keys, warp * kSlab, j);
#pragma unroll
        for (int n = 0; n < kDim; n += 16) {
            std::uint32_t b[4];
            loadBTransposed(b, values, j, n);
            multiplyAdd(s[n / 8], a, b[0], b[1]);
            multiplyAdd(s[n / 8 + 1], a, b[2], b[3]);
        }
    }
}

// Calls each(key row, value column, reference to the sum) for the pairs of columns that this lane holds.
template <class Each>
__device__ __forceinline__ void eachPair(Slab& s, int warp, Each each) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            each(warp * kSlab + lane / 4 + 8 * half, n * 8 + 2 * (lane % 4), s[n][2 * half], s[n][2 * half + 1]);
        }
    }
}

__device__ __forceinline__ void loadState(Slab& s, const float* matrix, int warp) {
    eachPair(s, warp, [&](int row, int col, float& a, float& b) {
        const float2 pair = *reinterpret_cast<const float2*>(matrix + row * kDim + col);
        a = pair.x;
        b = pair.y;
    });
}

__device__ __forceinline__ void storeState(Slab& s, float* matrix, int warp) {
    eachPair(s, warp, [&](int row, int col, float& a, float& b) {
        *reinterpret_cast<float2*>(matrix + row * kDim + col) = make_float2(a, b);
    });
}

__device__ __forceinline__ void fillPowers(Shared& shared, float rate) {
    for (int i = static_cast<int>(threadIdx.x); i <= kTile; i += static_cast<int>(kThreads)) {
        shared.power[i] = static_cast<float>(exp(-static_cast<double>(rate) * i));
    }
}

__device__ __forceinline__ float* startOf(const Prefill& p, int head, int segment) {
    return p.starts + (static_cast<std::size_t>(head) * static_cast<std::size_t>(p.segments) +
                       static_cast<std::size_t>(segment)) *
                          kMatrix;
}

// Grid: segments but the last, heads.
__global__ void __launch_bounds__(kThreads) segmentSumKernel(Prefill p) {
    FG_SHARED(Shared, memory);
    Shared& shared = *memory;
    const int segment = static_cast<int>(blockIdx.x);
    const int head = static_cast<int>(blockIdx.y);
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int begin = segment * p.length;
    const int end = min(begin + p.length, p.rows);
    fillPowers(shared, p.rates[head]);
    Slab s = {};
    stage<1>(shared, p, head, begin, end);
    for (int first = begin; first < end; first += kTile) {
        waitCopies<0>();
        __syncthreads(); // the tile is there, and nobody reads the one before
        const int tokens = min(kTile, end - first);
        convert<1>(shared, tokens);
        __syncthreads();
        if (first + kTile < end) {
            stage<1>(shared, p, head, first + kTile, end);
        }
        updateState(s, shared, tokens, warp);
    }
    storeState(s, startOf(p, head, segment), warp);
}

// One thread for each element of each head's state.
__global__ void scanKernel(Prefill p) {
    const int element = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int head = static_cast<int>(blockIdx.y);
    const auto factor = static_cast<float>(exp(-static_cast<double>(p.rates[head]) * p.length));
    float s = p.state[static_cast<std::size_t>(head) * kMatrix + static_cast<std::size_t>(element)];
    for (int segment = 0; segment < p.segments; ++segment) {
        float& place = startOf(p, head, segment)[element];
        const float own = segment + 1 < p.segments ? place : 0.0f;
        place = s;
        s = factor * s + own;
    }
}

// The outputs of 16 tokens of a tile for 64 value columns.
__device__ __forceinline__ void tileOutputs(FragmentC (&o)[8], const Shared& shared, int row, int column) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const Tile q{&shared.q[0][0], kStride};
    const Tile k{&shared.k[0][0], kStride};
    const Tile v{&shared.v[0][0], kStride};
    const Tile s{&shared.s[0][0], kStride};
    FragmentC scores[kTile / 8] = {};
#pragma unroll
    for (int d = 0; d < kDim; d += 16) {
        FragmentA a;
        loadA(a, q, row, d);
#pragma unroll
        for (int n = 0; n < 64; n += 16) {
            std::uint32_t b[4];
            loadBTransposed(b, s, d, column + n);
            multiplyAdd(o[n / 8], a, b[0], b[1]);
            multiplyAdd(o[n / 8 + 1], a, b[2], b[3]);
        }
#pragma unroll
        for (int j = 0; j < kTile; j += 16) {
            if (j < row + 16) { // later tokens are not seen; the same for all lanes
                std::uint32_t b[4];
                loadB(b, k, d, j);
                multiplyAdd(scores[j / 8], a, b[0], b[1]);
                multiplyAdd(scores[j / 8 + 1], a, b[2], b[3]);
            }
        }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int t = row + lane / 4 + i / 2 * 8;
        const float start = shared.power[t + 1];
#pragma unroll
        for (int n = 0; n < 8; ++n) {
            o[n][i] *= start;
        }
#pragma unroll
        for (int n = 0; n < kTile / 8; ++n) {
            const int j = n * 8 + 2 * (lane % 4) + i % 2;
            scores[n][i] = j <= t ? scores[n][i] * shared.power[t - j] : 0.0f;
        }
    }
#pragma unroll
    for (int j = 0; j < kTile; j += 16) {
        if (j < row + 16) {
            const FragmentC& first = scores[j / 8];
            const FragmentC& second = scores[j / 8 + 1];
            const FragmentA a = {packBf16(first[0], first[1]), packBf16(first[2], first[3]),
                                 packBf16(second[0], second[1]), packBf16(second[2], second[3])};
#pragma unroll
            for (int n = 0; n < 64; n += 16) {
                std::uint32_t b[4];
                loadBTransposed(b, v, j, column + n);
                multiplyAdd(o[n / 8], a, b[0], b[1]);
                multiplyAdd(o[n / 8 + 1], a, b[2], b[3]);
            }
        }
    }
}

// Grid: segments, heads.
__global__ void __launch_bounds__(kThreads, 1) prefillKernel(Prefill p) {
    FG_SHARED(Shared, memory);
    Shared& shared = *memory;
    const int segment = static_cast<int>(blockIdx.x);
    const int head = static_cast<int>(blockIdx.y);
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int begin = segment * p.length;
    const int end = min(begin + p.length, p.rows);
    float* state = p.state + static_cast<std::size_t>(head) * kMatrix;
    fillPowers(shared, p.rates[head]);
    Slab s;
    loadState(s, p.segments > 1 ? startOf(p, head, segment) : state, warp);
    stage<0>(shared, p, head, begin, end);
    for (int first = begin; first < end; first += kTile) {
        waitCopies<0>();
        __syncthreads(); // the tile is there, and nobody reads the one before
        const int tokens = min(kTile, end - first);
        convert<0>(shared, tokens);
        eachPair(s, warp, [&](int row, int col, float a, float b) {
            *reinterpret_cast<StoredPair*>(&shared.s[row][col]) = packBf16(a, b);
        });
        __syncthreads();
        if (first + kTile < end) {
            stage<0>(shared, p, head, first + kTile, end);
        }
        const int row = warp % 4 * 16;
        const int column = warp / 4 * 64;
        FragmentC o[8] = {};
        tileOutputs(o, shared, row, column);
#pragma unroll
        for (int n = 0; n < 8; ++n) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int t = row + lane / 4 + 8 * half;
                if (t < tokens) {
                    float* to = p.out +
                                (static_cast<std::size_t>(first + t) * static_cast<std::size_t>(p.heads) +
                                 static_cast<std::size_t>(head)) *
                                    kDim +
                                column + n * 8 + 2 * (lane % 4);
                    *reinterpret_cast<float2*>(to) = make_float2(o[n][2 * half], o[n][2 * half + 1]);
                }
            }
        }
        updateState(s, shared, tokens, warp);
    }
    if (segment + 1 == p.segments) {
        storeState(s, state, warp);
    }
}

} // namespace

bool lightningPrefill(const LightningParams& params, CudaQueue& queue) {
    constexpr std::size_t kWorthIt = 16; // fewer tokens are faster one by one
    const bool aligned = reinterpret_cast<std::uintptr_t>(params.qkv) % 16 == 0 &&
                         reinterpret_cast<std::uintptr_t>(params.out) % 16 == 0;
    if (params.head_dim != kDim || params.rows < kWorthIt || !aligned) {
        return false;
    }
    // Two blocks for each multiprocessor in turn, so that the last ones to finish do not decide.
    const std::size_t tiles = ceilDiv(params.rows, kTile);
    const std::size_t wanted = ceilDiv(2 * static_cast<std::size_t>(queue.multiprocessors()), params.heads);
    const std::size_t per_segment = ceilDiv(tiles, std::clamp<std::size_t>(wanted, 1, tiles));
    const std::size_t segments = ceilDiv(tiles, per_segment);
    Prefill p{params.qkv,
              params.rates,
              params.state,
              nullptr,
              params.out,
              static_cast<int>(params.rows),
              static_cast<int>(params.heads),
              static_cast<int>(segments),
              static_cast<int>(per_segment * kTile)};
    const auto heads = static_cast<unsigned>(params.heads);
    if (segments > 1) {
        p.starts = static_cast<float*>(
            queue.scratch(CudaQueue::Slot::States, params.heads * segments * kMatrix * sizeof(float)));
        queue.allowShared(segmentSumKernel, sizeof(Shared));
        queue.launch(segmentSumKernel, dim3(static_cast<unsigned>(segments - 1), heads), kThreads, sizeof(Shared),
                     p);
        queue.launch(scanKernel, dim3(kMatrix / kThreads, heads), kThreads, 0, p);
    }
    queue.allowShared(prefillKernel, sizeof(Shared));
    queue.launch(prefillKernel, dim3(static_cast<unsigned>(segments), heads), kThreads, sizeof(Shared), p);
    return true;
}

} // namespace fulgurite::kernels::cuda
