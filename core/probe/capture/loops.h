// SPDX-License-Identifier: Apache-2.0
// The inner loops of rows and maps, once for every processor and once for those with AVX2. As with the kernels of
// the engine, the file compiled with instruction-set flags contains nothing else.
#pragma once

#include <cstddef>

namespace fulgurite::capture {

inline constexpr std::size_t kBlockCols = 64; // source tokens of a block of scores

struct Loops {
    // score[j] = scale * (q . k_j); k: [rows, dim].
    void (*scores)(const float* q, const float* k, std::size_t rows, std::size_t dim, float scale, float* score);
    // sum[d] += weight_j * v_jd over j; v: [rows, dim].
    void (*accumulate)(const float* weight, const float* v, std::size_t rows, std::size_t dim, float* sum);
    // packed[d][c] = k[c][d] for c < cols, 0 beyond; packed: [dim, kBlockCols].
    void (*pack)(const float* k, std::size_t cols, std::size_t dim, float* packed);
    // score[r][c] = scale * (q_r . k_c); q rows are q_stride floats apart; score: [rows, kBlockCols].
    void (*block)(const float* q, std::size_t q_stride, std::size_t rows, std::size_t dim, const float* packed,
                  float scale, float* score);
    // high = max(high, score * factor * decay), low = min(...), for each of the first cols columns.
    void (*pool)(const float* score, const float* decay, float factor, std::size_t cols, float* high, float* low);
    // high = max(high, score - shift), for each of the first cols columns.
    void (*pool_shifted)(const float* score, float shift, std::size_t cols, float* high);
    // sum of exp(score - shift) over the first cols columns; scores at most shift. Relative error of a term below
    // 4e-7; terms below exp(-87) count as exp(-87).
    float (*sum_exp)(const float* score, float shift, std::size_t cols);
    // The largest of the first cols scores; cols > 0.
    float (*largest)(const float* score, std::size_t cols);
};

// The fastest that this processor runs; chosen once.
const Loops& loops();

} // namespace fulgurite::capture
