// SPDX-License-Identifier: Apache-2.0
// Sixteen-lane vocabulary for the kernel bodies (*.inl). Include only from avx512.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <immintrin.h>

namespace {

struct Simd {
    using V = __m512;
    static constexpr std::size_t kWidth = 16;
    static constexpr std::size_t kTileColumns = 12; // rows of W in the register tile: 24 accumulators of 32 registers
    static constexpr const char* kName = "AVX-512";

    static V zero() { return _mm512_setzero_ps(); }
    static V set1(float x) { return _mm512_set1_ps(x); }
    static V load(const float* p) { return _mm512_loadu_ps(p); }
    static void store(float* p, V v) { _mm512_storeu_ps(p, v); }
    static V add(V a, V b) { return _mm512_add_ps(a, b); }
    static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
    static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
    static V div(V a, V b) { return _mm512_div_ps(a, b); }
    static V max(V a, V b) { return _mm512_max_ps(a, b); }
    static V min(V a, V b) { return _mm512_min_ps(a, b); }
    static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
    static V roundNearest(V a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    // 2^n for integral n in [-126, 127].
    static V pow2(V n) {
        const __m512i bias = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
        return _mm512_castsi512_ps(_mm512_slli_epi32(bias, 23));
    }
    static __mmask16 laneMask(std::size_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
    // The first n lanes; the others are zero and their memory is not touched.
    static V loadPart(const float* p, std::size_t n) { return _mm512_maskz_loadu_ps(laneMask(n), p); }
    static void storePart(float* p, V v, std::size_t n) { _mm512_mask_storeu_ps(p, laneMask(n), v); }
    static V loadBf16(const std::uint16_t* p) {
        const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
    }
    static V loadF16(const std::uint16_t* p) {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    }
    static V loadI8(const std::int8_t* p) {
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
    }
    static float sum(V v) { return _mm512_reduce_add_ps(v); }
    static float largest(V v) { return _mm512_reduce_max_ps(v); }
    static void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
};

} // namespace
