// SPDX-License-Identifier: Apache-2.0
// Token x token maps, computed for the rectangle that is looked at. Memory is that of the cells and a few blocks;
// time is tokens under the rectangle times dim.
#pragma once

#include "core/probe/capture/row.h"

#include <atomic>
#include <stop_token>
#include <vector>

namespace fulgurite::capture {

// Half-open rectangle in tokens; rows are queries, columns sources.
struct TileRequest {
    std::size_t first_row = 0;
    std::size_t rows = 0;
    std::size_t first_col = 0;
    std::size_t cols = 0;
    std::size_t max_cells_a_side = 512; // the pool is the smallest that keeps both sides within
    std::size_t row_step = 1;           // every how many query rows one is computed, at most the pool
    std::size_t pool = 0;               // tokens a cell, whatever max_cells_a_side says; 0: as above
};

// The pool that was asked for, or the smallest with which the rectangle has at most max_cells_a_side cells a side.
std::size_t poolOf(const TileRequest& request);

inline constexpr std::size_t kMaxTileCells = std::size_t{1} << 26; // 256 MiB

// Logarithms of the softmax denominators of one head's rows. A row's takes all its sources, however small the
// rectangle: kept between tiles, panning costs only what comes into view. Any thread may read and set.
class Normalisers {
  public:
    explicit Normalisers(std::size_t tokens);
    float at(std::size_t row) const { return values_[row].load(std::memory_order_relaxed); } // NaN: not known yet
    void set(std::size_t row, float value) { values_[row].store(value, std::memory_order_relaxed); }

  private:
    std::vector<std::atomic<float>> values_;
};

// Throws Error{InvalidInput} for a rectangle that is empty or leaves the tokens or has more than kMaxTileCells
// cells, Error{Cancelled} once `stop` asks. Uses up to `threads` threads; 0: as many as the machine has. `known`:
// of this head, for softmax heads; may be null.
AttentionTile attentionTile(HeadRef head, const HeadArrays& arrays, const TileRequest& request,
                            const std::stop_token& stop = {}, unsigned threads = 0, Normalisers* known = nullptr);

} // namespace fulgurite::capture
