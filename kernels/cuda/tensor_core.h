// SPDX-License-Identifier: Apache-2.0
// Matrix fragments of a warp, as PTX's mma.m16n8k16 and ldmatrix define them, and asynchronous copies to shared
// memory.
//
// Lane l of a warp holds: of the sums C [16, 8] elements (l/4, 2(l%4)), (l/4, 2(l%4)+1) and the same 8 rows below;
// of A [16, 16] pairs along k at (l/4, 2(l%4)), (l/4+8, ...), then both again 8 further along k; of B [16, 8] pairs
// along k at (2(l%4), l/4) and 8 further along k.
#pragma once

#include "kernels/cuda/warp.h"

namespace fulgurite::kernels::cuda {

using FragmentA = std::uint32_t[4];
using FragmentB = std::uint32_t[2];
using FragmentC = float[4];

// c += a b, bfloat16 factors, float32 sums.
__device__ __forceinline__ void multiplyAdd(FragmentC& c, const FragmentA& a, const std::uint32_t b0,
                                            const std::uint32_t b1) {
#ifdef FULGURITE_CUDA_EMULATED
    emulator::multiplyAdd(c, a, b0, b1);
#else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// Four 8 x 8 matrices of 16-bit elements from shared memory: lanes 8i .. 8i+7 name the rows of matrix i.
// `transposed` hands out columns for rows.
template <bool kTransposed>
__device__ __forceinline__ void loadMatrices(std::uint32_t (&r)[4], const std::uint16_t* row) {
#ifdef FULGURITE_CUDA_EMULATED
    emulator::loadMatrices<kTransposed>(r, row);
#else
    const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
    if constexpr (kTransposed) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(address)
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(address)
                     : "memory");
    }
#endif
}

// A tile of bfloat16 in shared memory, rows `stride` elements apart. With the stride an odd number of 16 bytes the
// eight rows of a matrix lie in different banks.
struct Tile {
    const std::uint16_t* data;
    int stride;

    __device__ const std::uint16_t* at(int row, int col) const { return data + row * stride + col; }
};

// A [16, 16] at (m, k) of a tile stored [m][k].
__device__ __forceinline__ void loadA(FragmentA& a, const Tile& tile, int m, int k) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    loadMatrices<false>(a, tile.at(m + lane / 8 % 2 * 8 + lane % 8, k + lane / 16 * 8));
}
// The same of a tile stored [k][m].
__device__ __forceinline__ void loadATransposed(FragmentA& a, const Tile& tile, int m, int k) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    loadMatrices<true>(a, tile.at(k + lane / 16 * 8 + lane % 8, m + lane / 8 % 2 * 8));
}
// B [16, 16] at (k, n), two fragments: b[0], b[1] for the first 8 columns, b[2], b[3] for the next. Stored [n][k].
__device__ __forceinline__ void loadB(std::uint32_t (&b)[4], const Tile& tile, int k, int n) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    loadMatrices<false>(b, tile.at(n + lane / 16 * 8 + lane % 8, k + lane / 8 % 2 * 8));
}
// The same, stored [k][n].
__device__ __forceinline__ void loadBTransposed(std::uint32_t (&b)[4], const Tile& tile, int k, int n) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    loadMatrices<true>(b, tile.at(k + lane / 8 % 2 * 8 + lane % 8, n + lane / 16 * 8));
}

// Sixteen bytes from global to shared memory, both aligned to 16; zeros when `from` is null.
__device__ __forceinline__ void copyAsync(void* shared, const void* from) {
#ifdef FULGURITE_CUDA_EMULATED
    emulator::copyAsync(shared, from, 16);
#else
    const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
    const int bytes = from != nullptr ? 16 : 0;
    // With no source bytes the address is not read, but it has to be one.
    asm volatile("{ .reg .u64 g; cvta.to.global.u64 g, %1; cp.async.cg.shared.global [%0], [g], 16, %2; }"
                 :
                 : "r"(address), "l"(from != nullptr ? from : shared), "r"(bytes)
                 : "memory");
#endif
}
__device__ __forceinline__ void commitCopies() {
#ifdef FULGURITE_CUDA_EMULATED
    emulator::commitCopies();
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
// Until at most kPending of this thread's groups are under way. Other threads' copies are seen behind a barrier.
template <int kPending>
__device__ __forceinline__ void waitCopies() {
#ifdef FULGURITE_CUDA_EMULATED
    emulator::waitCopies(kPending);
#else
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

} // namespace fulgurite::kernels::cuda
