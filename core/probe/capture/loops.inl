// SPDX-License-Identifier: Apache-2.0
// Bodies of loops.h, compiled once for each instruction set. Eight floats at a time in the compiler's own vectors;
// nothing from the standard library, so that no function compiled here can be picked by the linker for others.
#include "core/probe/capture/loops.h"

#include <stdint.h>

namespace fulgurite::capture {
namespace {

typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));
typedef float Unaligned __attribute__((vector_size(32), aligned(4), may_alias));

constexpr std::size_t kLanes = 8;

#define FG_LOAD(address) (Floats)(*reinterpret_cast<const Unaligned*>(address))
#define FG_STORE(address, value) (*reinterpret_cast<Unaligned*>(address) = (value))

inline float sumOf(const Floats& x) {
    return ((x[0] + x[4]) + (x[1] + x[5])) + ((x[2] + x[6]) + (x[3] + x[7]));
}

void scores(const float* q, const float* k, std::size_t rows, std::size_t dim, float scale, float* score) {
    const std::size_t whole = dim / kLanes * kLanes;
    for (std::size_t j = 0; j < rows; ++j, k += dim) {
        Floats even = {};
        Floats odd = {};
        std::size_t d = 0;
        for (; d + 2 * kLanes <= whole; d += 2 * kLanes) {
            even += FG_LOAD(q + d) * FG_LOAD(k + d);
            odd += FG_LOAD(q + d + kLanes) * FG_LOAD(k + d + kLanes);
        }
        if (d < whole) {
            even += FG_LOAD(q + d) * FG_LOAD(k + d);
        }
        even += odd;
        float sum = sumOf(even);
        for (d = whole; d < dim; ++d) {
            sum += q[d] * k[d];
        }
        score[j] = scale * sum;
    }
}

void accumulate(const float* weight, const float* v, std::size_t rows, std::size_t dim, float* sum) {
    for (std::size_t j = 0; j < rows; ++j, v += dim) {
        const float w = weight[j];
        for (std::size_t d = 0; d < dim; ++d) {
            sum[d] += w * v[d];
        }
    }
}

void pack(const float* k, std::size_t cols, std::size_t dim, float* packed) {
    for (std::size_t d = 0; d < dim; ++d) {
        for (std::size_t c = 0; c < cols; ++c) {
            packed[d * kBlockCols + c] = k[c * dim + d];
        }
        for (std::size_t c = cols; c < kBlockCols; ++c) {
            packed[d * kBlockCols + c] = 0;
        }
    }
}

// kRows query rows against two vectors of columns: the sums stay in registers.
template <std::size_t kRows>
inline void panel(const float* q, std::size_t q_stride, std::size_t dim, const float* packed, float scale,
                  float* score) {
    Floats sum[kRows][2] = {};
    for (std::size_t d = 0; d < dim; ++d) {
        const Floats left = FG_LOAD(packed + d * kBlockCols);
        const Floats right = FG_LOAD(packed + d * kBlockCols + kLanes);
        for (std::size_t r = 0; r < kRows; ++r) {
            const float x = q[r * q_stride + d];
            sum[r][0] += x * left;
            sum[r][1] += x * right;
        }
    }
    for (std::size_t r = 0; r < kRows; ++r) {
        FG_STORE(score + r * kBlockCols, scale * sum[r][0]);
        FG_STORE(score + r * kBlockCols + kLanes, scale * sum[r][1]);
    }
}

void block(const float* q, std::size_t q_stride, std::size_t rows, std::size_t dim, const float* packed,
           float scale, float* score) {
    constexpr std::size_t kRows = 4;
    for (std::size_t c = 0; c < kBlockCols; c += 2 * kLanes) {
        std::size_t r = 0;
        for (; r + kRows <= rows; r += kRows) {
            panel<kRows>(q + r * q_stride, q_stride, dim, packed + c, scale, score + r * kBlockCols + c);
        }
        for (; r < rows; ++r) {
            panel<1>(q + r * q_stride, q_stride, dim, packed + c, scale, score + r * kBlockCols + c);
        }
    }
}

void pool(const float* score, const float* decay, float factor, std::size_t cols, float* high, float* low) {
    for (std::size_t c = 0; c < cols; ++c) {
        const float weight = score[c] * (factor * decay[c]);
        high[c] = weight > high[c] ? weight : high[c];
        low[c] = weight < low[c] ? weight : low[c];
    }
}

void poolShifted(const float* score, float shift, std::size_t cols, float* high) {
    for (std::size_t c = 0; c < cols; ++c) {
        const float shifted = score[c] - shift;
        high[c] = shifted > high[c] ? shifted : high[c];
    }
}

// exp(x) = 2^n * exp(r) with n = round(x / ln 2), |r| <= ln(2) / 2; ln 2 in two parts so that r is exact enough.
// The Taylor polynomial of degree 7 leaves r^8 / 8! < 6e-9.
inline Floats expOf(Floats x) {
    const Floats lowest = {-87, -87, -87, -87, -87, -87, -87, -87};
    x = x > lowest ? x : lowest;
    const Floats shifted = x * 1.44269504f - 0.5f; // x <= 0: conversion truncates towards zero
    const Ints n = __builtin_convertvector(shifted, Ints);
    const Floats whole = __builtin_convertvector(n, Floats);
    const Floats r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    Floats p = r * (1.0f / 5040) + (1.0f / 720);
    p = p * r + (1.0f / 120);
    p = p * r + (1.0f / 24);
    p = p * r + (1.0f / 6);
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return p * (Floats)((n + 127) << 23);
}

float sumExp(const float* score, float shift, std::size_t cols) {
    Floats sum = {};
    std::size_t c = 0;
    for (; c + kLanes <= cols; c += kLanes) {
        sum += expOf(FG_LOAD(score + c) - shift);
    }
    float total = sumOf(sum);
    if (c < cols) {
        Floats rest = {};
        for (std::size_t i = 0; c + i < cols; ++i) {
            rest[i] = score[c + i] - shift;
        }
        rest = expOf(rest);
        for (std::size_t i = 0; c + i < cols; ++i) {
            total += rest[i];
        }
    }
    return total;
}

float largest(const float* score, std::size_t cols) {
    float best = score[0];
    for (std::size_t c = 1; c < cols; ++c) {
        best = score[c] > best ? score[c] : best;
    }
    return best;
}

constexpr Loops kLoops{scores, accumulate, pack, block, pool, poolShifted, sumExp, largest};

} // namespace
} // namespace fulgurite::capture
