// SPDX-License-Identifier: Apache-2.0
// Bodies of raw_loops.h, compiled once for each instruction set. Eight numbers at a time in the compiler's own
// vectors; nothing from the standard library, so that no function compiled here can be picked by the linker for
// others.
#include "core/retrieval/raw_loops.h"

namespace fulgurite::retrieval {
namespace {

typedef double Doubles __attribute__((vector_size(64)));
typedef float Floats __attribute__((vector_size(32)));
typedef float UnalignedFloats __attribute__((vector_size(32), aligned(4), may_alias));
typedef double UnalignedDoubles __attribute__((vector_size(64), aligned(8), may_alias));

constexpr std::size_t kLanes = 8;
// The hardware prefetcher stops at page borders; the rows that follow are asked for this far ahead.
constexpr std::size_t kAhead = 4096;

#define FG_WIDE(address) __builtin_convertvector((Floats)(*reinterpret_cast<const UnalignedFloats*>(address)), Doubles)

inline double sumOf(const Doubles& x) {
    return ((x[0] + x[4]) + (x[1] + x[5])) + ((x[2] + x[6]) + (x[3] + x[7]));
}

void products(const float* row, const float* query, std::size_t dim, double* with_query, double* with_itself) {
    Doubles q[2] = {};
    Doubles r[2] = {};
    std::size_t d = 0;
    for (; d + 2 * kLanes <= dim; d += 2 * kLanes) {
        __builtin_prefetch(reinterpret_cast<const char*>(row + d) + kAhead);
        const Doubles first = FG_WIDE(row + d);
        const Doubles second = FG_WIDE(row + d + kLanes);
        q[0] += first * FG_WIDE(query + d);
        q[1] += second * FG_WIDE(query + d + kLanes);
        r[0] += first * first;
        r[1] += second * second;
    }
    double rest_q = 0;
    double rest_r = 0;
    for (; d < dim; ++d) {
        rest_q += static_cast<double>(row[d]) * query[d];
        rest_r += static_cast<double>(row[d]) * row[d];
    }
    *with_query = sumOf(q[0] + q[1]) + rest_q;
    *with_itself = sumOf(r[0] + r[1]) + rest_r;
}

void add(const float* row, std::size_t dim, double scale, double* sum) {
    std::size_t d = 0;
    for (; d + kLanes <= dim; d += kLanes) {
        UnalignedDoubles& at = *reinterpret_cast<UnalignedDoubles*>(sum + d);
        at = (Doubles)at + scale * FG_WIDE(row + d);
    }
    for (; d < dim; ++d) {
        sum[d] += scale * row[d];
    }
}

constexpr RawLoops kLoops{FG_LOOPS_NAME, products, add};

} // namespace
} // namespace fulgurite::retrieval
