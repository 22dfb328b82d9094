// SPDX-License-Identifier: Apache-2.0
// The gradient of softmax attention in float32, tile by tile of 64 queries and 64 keys; scores are computed again
// in each of three passes:
//     sums:    log sum exp of a query's scores, and do . o
//     keys:    for a tile of keys, dv = sum of p do and dk = sum of ds q over its group's query heads and later
//     queries queries: for a tile of queries, dq = sum of ds k
// with p = exp(s - log sum), ds = scale p (do . v - do . o). Nothing is added up by several blocks, so that the
// bits are the same in every run.
#include "kernels/cuda/ops_backward_cuda.h"
#include "kernels/cuda/tile_product.h"
#include "kernels/cuda/warp.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr int kTile = kTileRows;
constexpr unsigned kThreads = kTileThreads;

struct Attention {
    SoftmaxAttentionGrad p;
    float* log_sums; // [rows, heads]
    float* means;    // [rows, heads]: do . o
    float scale;
};

// Rows of one head, from a first one on; zero outside.
struct TileView {
    const float* data; // of row 0
    std::size_t stride;
    std::size_t first;
    int rows; // that there are
    int dim;

    __device__ __forceinline__ float at(int row, int channel) const {
        return row < rows && channel < dim
                   ? data[(first + static_cast<std::size_t>(row)) * stride + static_cast<std::size_t>(channel)]
                   : 0.0f;
    }
};

__device__ __forceinline__ TileView viewOf(const Attention& a, const float* data, std::size_t stride, int head,
                                           std::size_t first) {
    const auto dim = static_cast<int>(a.p.head_dim);
    const std::size_t left = a.p.rows - first;
    return {data + static_cast<std::size_t>(head) * a.p.head_dim, stride, first,
            left < static_cast<std::size_t>(kTile) ? static_cast<int>(left) : kTile, dim};
}

// The four arrays as a tile of queries of head `head` and a tile of keys meet them.
struct Tiles {
    TileView q, dout, k, v;
};

__device__ __forceinline__ Tiles tilesOf(const Attention& a, int head, std::size_t query, std::size_t key) {
    const auto kv = static_cast<int>(static_cast<std::size_t>(head) / (a.p.heads / a.p.kv_heads));
    return {viewOf(a, a.p.q, a.p.stride, head, query), viewOf(a, a.p.dout, a.p.heads * a.p.head_dim, head, query),
            viewOf(a, a.p.k, a.p.stride, kv, key), viewOf(a, a.p.v, a.p.stride, kv, key)};
}

// sums[query, key] = left . right
__device__ __forceinline__ void dots(TileSums<kTile>& sums, TileMemory& memory, const TileView& left,
                                     const TileView& right) {
    addProduct<kTile, Fetch::AlongDepth, Fetch::AlongDepth>(
        sums, memory, left.dim, [&](int row, int d) { return left.at(row, d); },
        [&](int d, int col) { return right.at(col, d); });
}

__device__ __forceinline__ bool isSeen(const Tiles& t, int query, int key) {
    return query < t.q.rows && key < t.k.rows &&
           t.k.first + static_cast<std::size_t>(key) <= t.q.first + static_cast<std::size_t>(query);
}

// Over the sixteen threads that share rows.
__device__ __forceinline__ float rowMax(float x) {
#pragma unroll
    for (int step = kTileSide / 2; step > 0; step /= 2) {
        x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, step));
    }
    return x;
}
__device__ __forceinline__ float rowSum(float x) {
#pragma unroll
    for (int step = kTileSide / 2; step > 0; step /= 2) {
        x += __shfl_xor_sync(kAllLanes, x, step);
    }
    return x;
}

// Grid: tiles of queries, heads.
__global__ void __launch_bounds__(kThreads) sumsKernel(Attention a) {
    __shared__ TileMemory memory;
    const std::size_t query = static_cast<std::size_t>(blockIdx.x) * kTile;
    const auto head = static_cast<int>(blockIdx.y);
    float top[kTileEach];
    float sum[kTileEach];
#pragma unroll
    for (int i = 0; i < kTileEach; ++i) {
        top[i] = -INFINITY;
        sum[i] = 0;
    }
    for (std::size_t key = 0; key <= query; key += kTile) {
        const Tiles t = tilesOf(a, head, query, key);
        TileSums<kTile> scores = {};
        dots(scores, memory, t.q, t.k);
#pragma unroll
        for (int i = 0; i < kTileEach; ++i) {
            float best = top[i];
#pragma unroll
            for (int j = 0; j < kTile / kTileSide; ++j) {
                scores[i][j] = isSeen(t, tileRow(i), tileCol(j)) ? a.scale * scores[i][j] : -INFINITY;
                best = fmaxf(best, scores[i][j]);
            }
            best = rowMax(best);
            if (tileRow(i) < t.q.rows) { // the first tile has key 0, which everybody sees
                float part = 0;
#pragma unroll
                for (int j = 0; j < kTile / kTileSide; ++j) {
                    part += expf(scores[i][j] - best);
                }
                sum[i] = sum[i] * expf(top[i] - best) + part;
                top[i] = best;
            }
        }
    }
    const Tiles t = tilesOf(a, head, query, 0);
#pragma unroll
    for (int i = 0; i < kTileEach; ++i) {
        const float all = rowSum(sum[i]);
        if (tileRow(i) < t.q.rows && tileCol(0) == 0) {
            a.log_sums[(query + static_cast<std::size_t>(tileRow(i))) * a.p.heads +
                       static_cast<std::size_t>(head)] = top[i] + logf(all);
        }
    }
    const TileView out = viewOf(a, a.p.out, a.p.heads * a.p.head_dim, head, query);
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    for (int row = static_cast<int>(threadIdx.x) / kWarp; row < out.rows;
         row += static_cast<int>(kThreads) / kWarp) {
        float dot = 0;
        for (int d = lane; d < out.dim; d += kWarp) {
            dot += out.at(row, d) * t.dout.at(row, d);
        }
        dot = warpSum(dot);
        if (lane == 0) {
            a.means[(query + static_cast<std::size_t>(row)) * a.p.heads + static_cast<std::size_t>(head)] = dot;
        }
    }
}

// The weights of a tile, and the gradients of its scores.
__device__ __forceinline__ void weights(const Attention& a, const Tiles& t, int head, TileMemory& memory,
                                        TileSums<kTile>& p, TileSums<kTile>& ds) {
    dots(p, memory, t.q, t.k);
    dots(ds, memory, t.dout, t.v);
#pragma unroll
    for (int i = 0; i < kTileEach; ++i) {
        const int row = tileRow(i);
        const std::size_t at =
            (t.q.first + static_cast<std::size_t>(row)) * a.p.heads + static_cast<std::size_t>(head);
        const float log_sum = row < t.q.rows ? a.log_sums[at] : 0.0f;
        const float mean = row < t.q.rows ? a.means[at] : 0.0f;
#pragma unroll
        for (int j = 0; j < kTile / kTileSide; ++j) {
            const bool seen = isSeen(t, row, tileCol(j));
            p[i][j] = seen ? expf(a.scale * p[i][j] - log_sum) : 0.0f;
            ds[i][j] = seen ? a.scale * p[i][j] * (ds[i][j] - mean) : 0.0f;
        }
    }
}

__device__ __forceinline__ void keep(TileScores& scores, const TileSums<kTile>& values) {
#pragma unroll
    for (int i = 0; i < kTileEach; ++i) {
#pragma unroll
        for (int j = 0; j < kTile / kTileSide; ++j) {
            scores[tileRow(i)][tileCol(j)] = values[i][j];
        }
    }
}

__device__ __forceinline__ void writeTile(const TileSums<kTileCols>& sums, const TileView& like, int col0,
                                          float* out, std::size_t stride, std::size_t head) {
#pragma unroll
    for (int i = 0; i < kTileEach; ++i) {
#pragma unroll
        for (int j = 0; j < kTileCols / kTileSide; ++j) {
            const int channel = col0 + tileCol(j);
            if (tileRow(i) < like.rows && channel < like.dim) {
                out[(like.first + static_cast<std::size_t>(tileRow(i))) * stride +
                    head * static_cast<std::size_t>(like.dim) + static_cast<std::size_t>(channel)] = sums[i][j];
            }
        }
    }
}

// Grid: tiles of keys, key heads, blocks of channels.
__global__ void __launch_bounds__(kThreads) keysKernel(Attention a) {
    __shared__ TileMemory memory;
    __shared__ TileScores scores;
    const std::size_t key = static_cast<std::size_t>(blockIdx.x) * kTile;
    const auto kv = static_cast<int>(blockIdx.y);
    const int col0 = static_cast<int>(blockIdx.z) * kTileCols;
    const auto group = static_cast<int>(a.p.heads / a.p.kv_heads);
    TileSums<kTileCols> dk = {};
    TileSums<kTileCols> dv = {};
    const auto turned = [&](int row, int i) { return scores[i][row]; };
    for (int head = kv * group; head < (kv + 1) * group; ++head) {
        for (std::size_t query = key; query < a.p.rows; query += kTile) {
            const Tiles t = tilesOf(a, head, query, key);
            TileSums<kTile> p = {};
            TileSums<kTile> ds = {};
            weights(a, t, head, memory, p, ds);
            keep(scores, p);
            addProduct<kTileCols, Fetch::AcrossDepth, Fetch::AcrossDepth>(
                dv, memory, kTile, turned, [&](int i, int col) { return t.dout.at(i, col0 + col); });
            keep(scores, ds);
            addProduct<kTileCols, Fetch::AcrossDepth, Fetch::AcrossDepth>(
                dk, memory, kTile, turned, [&](int i, int col) { return t.q.at(i, col0 + col); });
        }
    }
    const TileView like = viewOf(a, a.p.k, a.p.stride, kv, key);
    writeTile(dk, like, col0, a.p.dk, a.p.dstride, static_cast<std::size_t>(kv));
    writeTile(dv, like, col0, a.p.dv, a.p.dstride, static_cast<std::size_t>(kv));
}

// Grid: tiles of queries, heads, blocks of channels.
__global__ void __launch_bounds__(kThreads) queriesKernel(Attention a) {
    __shared__ TileMemory memory;
    __shared__ TileScores scores;
    const std::size_t query = static_cast<std::size_t>(blockIdx.x) * kTile;
    const auto head = static_cast<int>(blockIdx.y);
    const int col0 = static_cast<int>(blockIdx.z) * kTileCols;
    TileSums<kTileCols> dq = {};
    for (std::size_t key = 0; key <= query; key += kTile) {
        const Tiles t = tilesOf(a, head, query, key);
        TileSums<kTile> p = {};
        TileSums<kTile> ds = {};
        weights(a, t, head, memory, p, ds);
        keep(scores, ds);
        addProduct<kTileCols, Fetch::AlongDepth, Fetch::AcrossDepth>(
            dq, memory, kTile, [&](int row, int j) { return scores[row][j]; },
            [&](int j, int col) { return t.k.at(j, col0 + col); });
    }
    writeTile(dq, viewOf(a, a.p.q, a.p.stride, head, query), col0, a.p.dq, a.p.dstride,
              static_cast<std::size_t>(head));
}

} // namespace

void softmaxAttentionGrad(const SoftmaxAttentionGrad& p, Queue& q) {
    if (p.rows == 0) {
        return;
    }
    CudaQueue& queue = CudaQueue::of(q);
    const std::size_t count = p.rows * p.heads;
    auto* sums = static_cast<float*>(queue.scratch(CudaQueue::Slot::Partial, 2 * count * sizeof(float)));
    const Attention a{p, sums, sums + count, static_cast<float>(1.0 / std::sqrt(static_cast<double>(p.head_dim)))};
    const auto tiles = static_cast<unsigned>(ceilDiv(p.rows, kTile));
    const auto blocks = static_cast<unsigned>(ceilDiv(p.head_dim, kTileCols));
    queue.launch(sumsKernel, dim3(tiles, static_cast<unsigned>(p.heads)), kThreads, 0, a);
    queue.launch(keysKernel, dim3(tiles, static_cast<unsigned>(p.kv_heads), blocks), kThreads, 0, a);
    queue.launch(queriesKernel, dim3(tiles, static_cast<unsigned>(p.heads), blocks), kThreads, 0, a);
}

} // namespace fulgurite::kernels::cuda
