// SPDX-License-Identifier: Apache-2.0
// What an instruction set with bfloat16 products offers: single-threaded kernels over plain pointers, under the
// rules of simd_kernels.h. Two neighbours in depth make one pair of 32 bits, the earlier one in the lower half.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fulgurite::kernels {

inline constexpr std::size_t kBf16Panel = 64;  // columns of b side by side
inline constexpr std::size_t kBf16Tile = 6;    // rows of c in one register tile
inline constexpr std::size_t kBf16Depth = 512; // of one pass: a panel stays in the second-level cache

constexpr std::size_t pairsOf(std::size_t depth) {
    return (depth + 1) / 2;
}

// Some rows of c[rows, cols] (+)= a[rows, depth] b[depth, cols]; element (i, d) of a lies at a[i * a_row + d *
// a_col], where one of the strides is 1.
struct Bf16Block {
    const float* a = nullptr;
    std::size_t a_row = 0;
    std::size_t a_col = 0;
    std::size_t rows = 0;
    std::size_t depth = 0;                   // at most kBf16Depth
    const std::uint32_t* packed_b = nullptr; // by pack_b
    std::size_t cols = 0;
    std::uint32_t* a_buffer = nullptr; // kBf16Tile * pairsOf(kBf16Depth) pairs
    float* c = nullptr;
    std::size_t c_stride = 0;
    bool add = false;
};

struct Bf16Kernels {
    // Packs panels [begin, end) of b [depth, cols] as [panel][pair][kBf16Panel], filled up with zeros. Element (d,
    // j) lies at b[d * b_row + j * b_col], where one of the strides is 1.
    void (*pack_b)(const float* b, std::size_t b_row, std::size_t b_col, std::size_t depth, std::size_t cols,
                   std::size_t begin, std::size_t end, std::uint32_t* packed);
    void (*block)(const Bf16Block& block);
};

const Bf16Kernels* avx512Bf16Kernels();

} // namespace fulgurite::kernels
