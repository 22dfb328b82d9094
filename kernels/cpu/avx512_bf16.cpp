// SPDX-License-Identifier: Apache-2.0
// Compiled with the flags of one instruction set; see simd_kernels.h for why it holds nothing else.
#include "kernels/cpu/simd_bf16.h"

#include <immintrin.h>

namespace fulgurite::kernels {

namespace {

constexpr std::size_t kW = 16;
constexpr std::size_t kVectors = kBf16Panel / kW;

inline __mmask16 firstOf(std::size_t count) {
    return count >= kW ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1u << count) - 1u);
}

inline __m512i widened(__m512 x) {
    return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
}

// One pair of each of 16 columns, from two rows of them.
inline __m512i pairsOfRows(__m512 earlier, __m512 later) {
    return _mm512_or_si512(widened(earlier), _mm512_slli_epi32(widened(later), 16));
}

// 16 pairs of one column: 32 floats one after the other, of which `count` exist.
inline __m512i pairsOfRun(const float* x, std::size_t count) {
    const __m512 low = _mm512_maskz_loadu_ps(firstOf(count), x);
    const __m512 high = count > kW ? _mm512_maskz_loadu_ps(firstOf(count - kW), x + kW) : _mm512_setzero_ps();
    return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

// Of columns that lie apart, `stride` pairs from one pair to the next.
void packRuns(const float* x, std::size_t x_stride, std::size_t count, std::size_t depth, std::uint32_t* out,
              std::size_t stride) {
    alignas(64) std::uint32_t pairs[kW];
    for (std::size_t i = 0; i < count; ++i) {
        const float* run = x + i * x_stride;
        for (std::size_t d = 0; d < depth; d += 2 * kW) {
            _mm512_store_si512(pairs, pairsOfRun(run + d, depth - d));
            const std::size_t length = pairsOf(depth - d) < kW ? pairsOf(depth - d) : kW;
            for (std::size_t p = 0; p < length; ++p) {
                out[(d / 2 + p) * stride + i] = pairs[p];
            }
        }
    }
}

void packRows(const float* x, std::size_t x_stride, std::size_t count, std::size_t depth, std::uint32_t* out,
              std::size_t stride) {
    for (std::size_t d = 0; d < depth; d += 2) {
        const float* earlier = x + d * x_stride;
        for (std::size_t j = 0; j < count; j += kW) {
            const __mmask16 there = firstOf(count - j);
            const __m512 low = _mm512_maskz_loadu_ps(there, earlier + j);
            const __m512 high =
                d + 1 < depth ? _mm512_maskz_loadu_ps(there, earlier + x_stride + j) : _mm512_setzero_ps();
            _mm512_mask_storeu_epi32(out + d / 2 * stride + j, there, pairsOfRows(low, high));
        }
    }
}

void packB(const float* b, std::size_t b_row, std::size_t b_col, std::size_t depth, std::size_t cols,
           std::size_t begin, std::size_t end, std::uint32_t* packed) {
    for (std::size_t panel = begin; panel < end; ++panel) {
        std::uint32_t* out = packed + panel * pairsOf(depth) * kBf16Panel;
        const std::size_t first = panel * kBf16Panel;
        const std::size_t count = cols - first < kBf16Panel ? cols - first : kBf16Panel;
        if (count < kBf16Panel) {
            __builtin_memset(out, 0, pairsOf(depth) * kBf16Panel * sizeof(std::uint32_t));
        }
        if (b_col == 1) {
            packRows(b + first, b_row, count, depth, out, kBf16Panel);
        } else {
            packRuns(b + first * b_col, b_col, count, depth, out, kBf16Panel);
        }
    }
}

template <std::size_t kUsed>
inline void tile(const std::uint32_t* a, const std::uint32_t* b, std::size_t pairs, float* c, std::size_t c_stride,
                 std::size_t rows, std::size_t cols, bool add) {
    __m512 sums[kBf16Tile][kUsed];
#pragma GCC unroll 6
    for (std::size_t i = 0; i < kBf16Tile; ++i) {
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kUsed; ++v) {
            sums[i][v] = add && i < rows ? _mm512_maskz_loadu_ps(firstOf(cols - v * kW), c + i * c_stride + v * kW)
                                         : _mm512_setzero_ps();
        }
    }
    for (std::size_t p = 0; p < pairs; ++p) {
        __m512bh right[kUsed];
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kUsed; ++v) {
            right[v] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + p * kBf16Panel + v * kW));
        }
#pragma GCC unroll 6
        for (std::size_t i = 0; i < kBf16Tile; ++i) {
            const auto left = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(a[p * kBf16Tile + i])));
#pragma GCC unroll 4
            for (std::size_t v = 0; v < kUsed; ++v) {
                sums[i][v] = _mm512_dpbf16_ps(sums[i][v], left, right[v]);
            }
        }
    }
#pragma GCC unroll 6
    for (std::size_t i = 0; i < kBf16Tile; ++i) {
        if (i < rows) {
#pragma GCC unroll 4
            for (std::size_t v = 0; v < kUsed; ++v) {
                _mm512_mask_storeu_ps(c + i * c_stride + v * kW, firstOf(cols - v * kW), sums[i][v]);
            }
        }
    }
}

void block(const Bf16Block& p) {
    const std::size_t pairs = pairsOf(p.depth);
    for (std::size_t i = 0; i < p.rows; i += kBf16Tile) {
        const std::size_t rows = p.rows - i < kBf16Tile ? p.rows - i : kBf16Tile;
        if (rows < kBf16Tile) {
            __builtin_memset(p.a_buffer, 0, pairs * kBf16Tile * sizeof(std::uint32_t));
        }
        if (p.a_col == 1) {
            packRuns(p.a + i * p.a_row, p.a_row, rows, p.depth, p.a_buffer, kBf16Tile);
        } else {
            packRows(p.a + i, p.a_col, rows, p.depth, p.a_buffer, kBf16Tile);
        }
        for (std::size_t first = 0; first < p.cols; first += kBf16Panel) {
            const std::uint32_t* b = p.packed_b + first * pairs;
            float* c = p.c + i * p.c_stride + first;
            const std::size_t cols = p.cols - first;
            const auto run = cols > 3 * kW   ? tile<kVectors>
                             : cols > 2 * kW ? tile<3>
                             : cols > kW     ? tile<2>
                                             : tile<1>;
            run(p.a_buffer, b, pairs, c, p.c_stride, rows, cols < kBf16Panel ? cols : kBf16Panel, p.add);
        }
    }
}

constexpr Bf16Kernels kKernels{packB, block};

} // namespace

const Bf16Kernels* avx512Bf16Kernels() {
    return &kKernels;
}

} // namespace fulgurite::kernels
