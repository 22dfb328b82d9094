// SPDX-License-Identifier: Apache-2.0
// Token x token maps, computed for the rectangle that is looked at. Memory is that of the cells and a few blocks;
// time is tokens under the rectangle times dim.
#pragma once

#include "core/probe/capture/row.h"

#include <stop_token>

namespace fulgurite::capture {

// Half-open rectangle in tokens; rows are queries, columns sources.
struct TileRequest {
    std::size_t first_row = 0;
    std::size_t rows = 0;
    std::size_t first_col = 0;
    std::size_t cols = 0;
    std::size_t max_cells_a_side = 512; // the pool is the smallest that keeps both sides within
    std::size_t row_step = 1;           // every how many query rows one is computed, at most the pool
};

// The smallest pool with which a rectangle has at most max_cells_a_side cells a side; at least 1.
std::size_t poolOf(const TileRequest& request);

// Throws Error{InvalidInput} for a rectangle that is empty or leaves the tokens, Error{Cancelled} once `stop` asks.
// Uses up to `threads` threads; 0: as many as the machine has.
AttentionTile attentionTile(HeadRef head, const HeadArrays& arrays, const TileRequest& request,
                            const std::stop_token& stop = {}, unsigned threads = 0);

} // namespace fulgurite::capture
