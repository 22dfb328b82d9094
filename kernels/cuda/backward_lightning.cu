// SPDX-License-Identifier: Apache-2.0
// The gradient of lightning attention in float32, chunk by chunk of 64 tokens.
//
// Forwards, S_c = decay^64 S_(c-1) + sum over the chunk of decay^(63 - j) k_j (x) v_j is what chunk c hands on, and
// backwards R_c = decay^64 R_(c+1) + sum over the chunk of decay^i q_i (x) do_i. All three gradients then have one
// form:
//     out_j = sum over i of decay^|i - j| (l_j . m_i) n_i + decay^f(j) l_j State
// with i <= j for dq (l, m, n = do, v, k; S from the chunk before) and i >= j for dk (v, do, q) and dv (k, q, do),
// which take R from the chunk behind. The parts of all chunks are computed at once, a scan over the chunks makes
// states of them, and again all chunks at once give the outputs. A long sequence goes through in groups of chunks,
// because the states of all of them would not fit.
#include "kernels/cuda/ops_backward_cuda.h"
#include "kernels/cuda/tile_product.h"
#include "kernels/cuda/warp.h"

#include <algorithm>

namespace fulgurite::kernels::cuda {

namespace {

constexpr int kChunk = kTileRows;
constexpr unsigned kThreads = kTileThreads;
// Blocks of a group for each multiprocessor: enough to fill it several times over, few enough that their states
// fit.
constexpr std::size_t kBlocks = 16;

// One of q, k, v, do: rows of all heads.
struct HeadRows {
    const float* data;
    std::size_t token_stride;
    std::size_t head_stride;

    __device__ __forceinline__ const float* at(std::size_t token, std::size_t head) const {
        return data + token * token_stride + head * head_stride;
    }
};

struct Group {
    const float* rates;
    float* states;     // [heads, chunks, dim, dim]: a chunk's own part, then what it starts with
    float* carry;      // [heads, dim, dim], from group to group
    std::size_t first; // token
    int rows;          // tokens of the group
    int dim;
    int chunks;
};

__device__ __forceinline__ std::size_t matrixOf(const Group& g) {
    return static_cast<std::size_t>(g.dim) * static_cast<std::size_t>(g.dim);
}

__device__ __forceinline__ float* stateOf(const Group& g, int head, int chunk) {
    return g.states +
           (static_cast<std::size_t>(head) * static_cast<std::size_t>(g.chunks) + static_cast<std::size_t>(chunk)) *
               matrixOf(g);
}

__device__ __forceinline__ int tokensOf(const Group& g, int chunk) {
    return min(kChunk, g.rows - chunk * kChunk);
}

__device__ __forceinline__ void fillPowers(float (&power)[kChunk + 1], float rate) {
    for (int i = static_cast<int>(threadIdx.x); i <= kChunk; i += static_cast<int>(kThreads)) {
        power[i] = static_cast<float>(exp(-static_cast<double>(rate) * i));
    }
}

// What a chunk adds to the state: sum of w_t x_t (x) y_t. Grid: chunks, heads, tiles of the matrix.
template <bool kReverse>
__global__ void __launch_bounds__(kThreads) partKernel(Group g, HeadRows x, HeadRows y) {
    __shared__ TileMemory memory;
    __shared__ float power[kChunk + 1];
    const int chunk = static_cast<int>(blockIdx.x);
    const int head = static_cast<int>(blockIdx.y);
    const int across = (g.dim + kTileCols - 1) / kTileCols;
    const int row0 = static_cast<int>(blockIdx.z) / across * kTileRows;
    const int col0 = static_cast<int>(blockIdx.z) % across * kTileCols;
    const int tokens = tokensOf(g, chunk);
    const std::size_t first = g.first + static_cast<std::size_t>(chunk) * kChunk;
    fillPowers(power, g.rates[head]);
    TileSums<kTileCols> sums = {};
    addProduct<kTileCols, Fetch::AcrossDepth, Fetch::AcrossDepth>(
        sums, memory, tokens,
        [&](int row, int t) {
            const float weight = power[kReverse ? t : tokens - 1 - t];
            return row0 + row < g.dim ? weight * x.at(first + static_cast<std::size_t>(t),
                                                      static_cast<std::size_t>(head))[row0 + row]
                                      : 0.0f;
        },
        [&](int t, int col) {
            return col0 + col < g.dim
                       ? y.at(first + static_cast<std::size_t>(t), static_cast<std::size_t>(head))[col0 + col]
                       : 0.0f;
        });
    float* part = stateOf(g, head, chunk);
#pragma unroll
    for (int i = 0; i < kTileEach; ++i) {
#pragma unroll
        for (int j = 0; j < kTileCols / kTileSide; ++j) {
            const int row = row0 + tileRow(i);
            const int col = col0 + tileCol(j);
            if (row < g.dim && col < g.dim) {
                part[static_cast<std::size_t>(row) * static_cast<std::size_t>(g.dim) +
                     static_cast<std::size_t>(col)] = sums[i][j];
            }
        }
    }
}

// One thread for each element of each head's state. Grid: blocks of elements, heads.
template <bool kReverse>
__global__ void __launch_bounds__(kThreads) scanKernel(Group g) {
    const std::size_t element = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
    const int head = static_cast<int>(blockIdx.y);
    if (element >= matrixOf(g)) {
        return;
    }
    // In two parts, as in lightning.cu: a slow head remembers thousands of chunks.
    const double decay = exp(-static_cast<double>(g.rates[head]) * kChunk);
    const auto high = static_cast<float>(decay);
    const auto low = static_cast<float>(decay - static_cast<double>(high));
    float* carry = g.carry + static_cast<std::size_t>(head) * matrixOf(g) + element;
    float state = *carry;
    for (int step = 0; step < g.chunks; ++step) {
        const int chunk = kReverse ? g.chunks - 1 - step : step;
        float* place = stateOf(g, head, chunk) + element;
        const float own = *place;
        *place = state;
        // A short chunk is the sequence's last: nothing comes before it backwards, nothing follows it forwards.
        state = high * state + (low * state + own);
    }
    *carry = state;
}

// kTransposed: the state's columns are summed over, else its rows. Grid: chunks, heads, blocks of output channels.
template <bool kReverse, bool kTransposed>
__global__ void __launch_bounds__(kThreads) outputKernel(Group g, HeadRows l, HeadRows m, HeadRows n, float* out,
                                                         std::size_t token_stride, std::size_t head_stride) {
    __shared__ TileMemory memory;
    __shared__ TileScores scores;
    __shared__ float power[kChunk + 1];
    const int chunk = static_cast<int>(blockIdx.x);
    const auto head = static_cast<std::size_t>(blockIdx.y);
    const int col0 = static_cast<int>(blockIdx.z) * kTileCols;
    const int tokens = tokensOf(g, chunk);
    const std::size_t first = g.first + static_cast<std::size_t>(chunk) * kChunk;
    fillPowers(power, g.rates[head]);
    const auto element = [&](const HeadRows& of, int token, int channel) {
        return token < tokens && channel < g.dim ? of.at(first + static_cast<std::size_t>(token), head)[channel]
                                                 : 0.0f;
    };
    TileSums<kChunk> pairs = {};
    addProduct<kChunk, Fetch::AlongDepth, Fetch::AlongDepth>(
        pairs, memory, g.dim, [&](int j, int d) { return element(l, j, d); },
        [&](int d, int i) { return element(m, i, d); });
#pragma unroll
    for (int r = 0; r < kTileEach; ++r) {
#pragma unroll
        for (int c = 0; c < kChunk / kTileSide; ++c) {
            const int j = tileRow(r);
            const int i = tileCol(c);
            const int apart = kReverse ? i - j : j - i;
            scores[j][i] = apart >= 0 ? pairs[r][c] * power[apart] : 0.0f;
        }
    }
    TileSums<kTileCols> sums = {};
    addProduct<kTileCols, Fetch::AlongDepth, Fetch::AcrossDepth>(
        sums, memory, tokens, [&](int j, int i) { return scores[j][i]; },
        [&](int i, int col) { return element(n, i, col0 + col); });
    const float* state = stateOf(g, static_cast<int>(head), chunk);
    const auto fromStart = [&](int j, int d) {
        return j < tokens ? power[kReverse ? tokens - j : j + 1] * element(l, j, d) : 0.0f;
    };
    if constexpr (kTransposed) {
        addProduct<kTileCols, Fetch::AlongDepth, Fetch::AlongDepth>(
            sums, memory, g.dim, fromStart,
            [&](int d, int col) { return col0 + col < g.dim ? state[(col0 + col) * g.dim + d] : 0.0f; });
    } else {
        addProduct<kTileCols, Fetch::AlongDepth, Fetch::AcrossDepth>(
            sums, memory, g.dim, fromStart,
            [&](int d, int col) { return col0 + col < g.dim ? state[d * g.dim + col0 + col] : 0.0f; });
    }
#pragma unroll
    for (int i = 0; i < kTileEach; ++i) {
#pragma unroll
        for (int j = 0; j < kTileCols / kTileSide; ++j) {
            const int token = tileRow(i);
            const int channel = col0 + tileCol(j);
            if (token < tokens && channel < g.dim) {
                out[(first + static_cast<std::size_t>(token)) * token_stride + head * head_stride +
                    static_cast<std::size_t>(channel)] = sums[i][j];
            }
        }
    }
}

struct Gradient {
    const LightningGrad& p;
    CudaQueue& queue;
    std::size_t group_chunks;
    float* states;
    float* carry;

    HeadRows part(std::size_t which) const {
        return {p.qkv + which * p.head_dim, p.heads * 3 * p.head_dim, 3 * p.head_dim};
    }
    HeadRows outputs() const { return {p.dout, p.heads * p.head_dim, p.head_dim}; }
    float* target(std::size_t which) const { return p.dqkv + which * p.head_dim; }

    Group group(std::size_t first) const {
        const std::size_t rows = std::min(p.rows - first, group_chunks * kChunk);
        return {p.rates,
                states,
                carry,
                first,
                static_cast<int>(rows),
                static_cast<int>(p.head_dim),
                static_cast<int>(ceilDiv(rows, kChunk))};
    }
    dim3 grid(const Group& g, std::size_t tiles) const {
        return dim3(static_cast<unsigned>(g.chunks), static_cast<unsigned>(p.heads), static_cast<unsigned>(tiles));
    }

    void clearCarry() const {
        check(cudaMemsetAsync(carry, 0, p.heads * p.head_dim * p.head_dim * sizeof(float), queue.stream()),
              "to clear memory");
    }
    template <bool kReverse>
    void statesOf(const Group& g, const HeadRows& x, const HeadRows& y) const {
        queue.launch(partKernel<kReverse>, grid(g, ceilDiv(p.head_dim, kTileRows) * ceilDiv(p.head_dim, kTileCols)),
                     kThreads, 0, g, x, y);
        queue.launch(
            scanKernel<kReverse>,
            dim3(static_cast<unsigned>(ceilDiv(p.head_dim * p.head_dim, kThreads)), static_cast<unsigned>(p.heads)),
            kThreads, 0, g);
    }
    template <bool kReverse, bool kTransposed>
    void write(const Group& g, const HeadRows& l, const HeadRows& m, const HeadRows& n, float* out) const {
        queue.launch(outputKernel<kReverse, kTransposed>, grid(g, ceilDiv(p.head_dim, kTileCols)), kThreads, 0, g,
                     l, m, n, out, p.heads * 3 * p.head_dim, 3 * p.head_dim);
    }
};

} // namespace

void lightningGrad(const LightningGrad& p, Queue& q) {
    if (p.rows == 0) {
        return;
    }
    CudaQueue& queue = CudaQueue::of(q);
    const std::size_t state_bytes = p.heads * p.head_dim * p.head_dim * sizeof(float);
    const std::size_t chunks = ceilDiv(p.rows, kChunk);
    const std::size_t group_chunks = std::clamp<std::size_t>(
        ceilDiv(kBlocks * static_cast<std::size_t>(queue.multiprocessors()), p.heads), 1, chunks);
    const Gradient gradient{p, queue, group_chunks,
                            static_cast<float*>(queue.scratch(CudaQueue::Slot::States, group_chunks * state_bytes)),
                            static_cast<float*>(queue.scratch(CudaQueue::Slot::Carry, state_bytes))};
    const HeadRows queries = gradient.part(0);
    const HeadRows keys = gradient.part(1);
    const HeadRows values = gradient.part(2);
    const HeadRows outputs = gradient.outputs();
    const std::size_t step = group_chunks * kChunk;
    gradient.clearCarry();
    for (std::size_t first = 0; first < p.rows; first += step) {
        const Group g = gradient.group(first);
        gradient.statesOf<false>(g, keys, values);
        gradient.write<false, true>(g, outputs, values, keys, gradient.target(0));
    }
    gradient.clearCarry();
    for (std::size_t first = (p.rows - 1) / step * step + step; first > 0;) {
        first -= step;
        const Group g = gradient.group(first);
        gradient.statesOf<true>(g, queries, outputs);
        gradient.write<true, true>(g, values, outputs, queries, gradient.target(1));
        gradient.write<true, false>(g, keys, queries, outputs, gradient.target(2));
    }
}

} // namespace fulgurite::kernels::cuda
