// SPDX-License-Identifier: Apache-2.0
// Exact search over rows of vectors: dot products with one or a few queries and the best k of them. Rows may be
// stored smaller (float16, int8 with a scale for each row); the few best of such a scan are then scored again from
// the float32 rows, so that the scores handed out are always those of the originals.
//
// A scan is bound by reading the rows. Every row is read once for all queries; rows may lie apart (one head's part
// of [documents, heads, width], say). No result depends on the number of threads: equal scores go to the lower row.
#pragma once

#include "kernels/dtype.h"
#include "kernels/ops.h"
#include "kernels/pool.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fulgurite::kernels {

// Row r starts `r * stride` elements after `data`. Usually a mapped file, so of any alignment.
struct VectorRows {
    const void* data = nullptr;
    DType dtype = DType::F32;      // F32, F16, BF16 or I8
    const float* scales = nullptr; // [count], I8 only: row r is scales[r] * integers
    std::size_t count = 0;
    std::size_t width = 0;
    std::size_t stride = 0; // in elements, at least width
};

struct ScanQueries {
    const float* data = nullptr; // query q starts q * stride elements after
    std::size_t count = 0;
    std::size_t stride = 0;
};

struct ScanHit {
    float score = 0;
    std::size_t row = 0;
};

// The order of every result: falling score, then rising row.
constexpr bool isBetter(const ScanHit& a, const ScanHit& b) {
    return a.score > b.score || (a.score == b.score && a.row < b.row);
}

// The products of consecutive rows with all queries, on one thread; one table per instruction set.
struct ScanTable {
    const char* name;
    // scores[q * score_stride + i] = queries[q] . rows[first + i] for i < count.
    void (*dots)(const VectorRows& rows, std::size_t first, std::size_t count, const ScanQueries& queries,
                 float* scores, std::size_t score_stride);
};

// Scalar, double accumulation: the truth.
const ScanTable& referenceScan();
// `level` must be supported.
const ScanTable& cpuScan(CpuLevel level);
const ScanTable& bestScan();

// scores[q * rows.count + r] = queries[q] . rows[r].
void scanDots(const VectorRows& rows, const ScanQueries& queries, float* scores, ThreadPool& pool,
              const ScanTable& table = bestScan());

// The best min(k, rows.count) rows of each query, best first. A row whose score is not a number is never among
// them.
std::vector<std::vector<ScanHit>> scanTop(const VectorRows& rows, const ScanQueries& queries, std::size_t k,
                                          ThreadPool& pool, const ScanTable& table = bestScan());

// Scores `candidates` (rows of any order) again from `exact` and returns the best k of them, best first.
std::vector<ScanHit> rescore(const VectorRows& exact, const float* query, std::span<const ScanHit> candidates,
                             std::size_t k, const ScanTable& table = bestScan());

// Symmetric quantisation of one row: out[i] = round(x[i] / scale) with scale = max |x| / 127, which is returned. A
// row of zeros has scale 0. The error of an element is at most scale / 2.
float quantizeRow(const float* x, std::size_t width, std::int8_t* out);

} // namespace fulgurite::kernels
