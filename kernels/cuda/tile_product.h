// SPDX-License-Identifier: Apache-2.0
// Products of tiles in float32 whose factors come from anywhere: arrays of any stride, or numbers that a kernel has
// just computed. A block of 256 threads holds 64 rows by kCols columns of sums; thread (ty, tx) of 16 by 16 has the
// rows ty + 16 i and the columns tx + 16 j.
#pragma once

#include "kernels/cuda/api.h"

namespace fulgurite::kernels::cuda {

inline constexpr int kTileSide = 16;
inline constexpr int kTileRows = 64;
inline constexpr int kTileCols = 128; // the most
inline constexpr int kTileDepth = 32; // of what lies in shared memory at one time
inline constexpr unsigned kTileThreads = kTileSide * kTileSide;
inline constexpr int kTileEach = kTileRows / kTileSide; // rows of a thread

// One more than a power of two between rows: neither order of filling meets a bank twice.
struct TileMemory {
    float a[kTileRows][kTileDepth + 1];
    float b[kTileDepth * (kTileCols + 1)];
};

// 64 by 64 numbers of a block that become a factor of its next product.
using TileScores = float[kTileRows][kTileRows + 1];

template <int kCols>
using TileSums = float[kTileEach][kCols / kTileSide];

__device__ __forceinline__ int tileRow(int i) {
    return static_cast<int>(threadIdx.x) / kTileSide + kTileSide * i;
}
__device__ __forceinline__ int tileCol(int j) {
    return static_cast<int>(threadIdx.x) % kTileSide + kTileSide * j;
}

// In which direction neighbouring threads fetch a factor: along the sum, or along the rows or columns of the
// result.
enum class Fetch { AlongDepth, AcrossDepth };

// sums[row, col] += sum over k < depth of a(row, k) b(k, col). Both give zero outside of what they stand for. What
// other threads wrote to shared memory before the call may be read by a and b, and may be overwritten after it.
template <int kCols, Fetch kA, Fetch kB, class LoadA, class LoadB>
__device__ __forceinline__ void addProduct(TileSums<kCols>& sums, TileMemory& memory, int depth, const LoadA& a,
                                           const LoadB& b) {
    constexpr int kStride = kCols + 1;
    const int tid = static_cast<int>(threadIdx.x);
    for (int first = 0; first < depth; first += kTileDepth) {
        __syncthreads();
        for (int e = tid; e < kTileRows * kTileDepth; e += static_cast<int>(kTileThreads)) {
            const int row = kA == Fetch::AlongDepth ? e / kTileDepth : e % kTileRows;
            const int k = kA == Fetch::AlongDepth ? e % kTileDepth : e / kTileRows;
            memory.a[row][k] = first + k < depth ? a(row, first + k) : 0.0f;
        }
        for (int e = tid; e < kTileDepth * kCols; e += static_cast<int>(kTileThreads)) {
            const int col = kB == Fetch::AlongDepth ? e / kTileDepth : e % kCols;
            const int k = kB == Fetch::AlongDepth ? e % kTileDepth : e / kCols;
            memory.b[k * kStride + col] = first + k < depth ? b(first + k, col) : 0.0f;
        }
        __syncthreads();
#pragma unroll 4
        for (int k = 0; k < kTileDepth; ++k) {
            float left[kTileEach];
            float right[kCols / kTileSide];
#pragma unroll
            for (int i = 0; i < kTileEach; ++i) {
                left[i] = memory.a[tileRow(i)][k];
            }
#pragma unroll
            for (int j = 0; j < kCols / kTileSide; ++j) {
                right[j] = memory.b[k * kStride + tileCol(j)];
            }
#pragma unroll
            for (int i = 0; i < kTileEach; ++i) {
#pragma unroll
                for (int j = 0; j < kCols / kTileSide; ++j) {
                    sums[i][j] += left[i] * right[j];
                }
            }
        }
    }
}

} // namespace fulgurite::kernels::cuda
