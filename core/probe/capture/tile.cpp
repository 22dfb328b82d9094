// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/tile.h"

#include "core/base/error.h"
#include "core/probe/capture/loops.h"
#include "core/probe/capture/parallel.h"

#include <algorithm>
#include <cmath>
#include <thread>

namespace fulgurite::capture {

namespace {

constexpr float kNone = std::numeric_limits<float>::infinity();
// Query rows that share one packed block of keys.
constexpr std::size_t kBandRows = 64;

// One thread's work on a band of cell rows: walks over the blocks of source tokens and pools the weights.
class Band {
  public:
    Band(const HeadArrays& arrays, const TileRequest& request, AttentionTile& tile, Normalisers* known)
        : arrays_(arrays),
          request_(request),
          tile_(tile),
          known_(known),
          packed_(arrays.dim * kBlockCols),
          scale_(arrays.kind == LayerKind::Softmax
                     ? static_cast<float>(1 / std::sqrt(static_cast<double>(arrays.dim)))
                     : 1.0f) {
        for (std::size_t c = 0; c < kBlockCols; ++c) {
            decay_[c] = static_cast<float>(std::exp(-arrays.rate * static_cast<double>(kBlockCols - 1 - c)));
        }
    }

    // Returns the largest magnitude of the band's cells.
    float run(std::size_t first_cell_row, std::size_t cell_rows) {
        collectRows(first_cell_row, cell_rows);
        if (arrays_.kind == LayerKind::Softmax && !recallRows()) {
            sumRows();
        }
        const std::size_t end = std::min(request_.first_col + request_.cols, rows_.back().position + 1);
        for (std::size_t col = request_.first_col; col < end; col += kBlockCols) {
            poolBlock(col, std::min(kBlockCols, end - col));
        }
        return finish(first_cell_row, cell_rows);
    }

  private:
    struct Row {
        std::size_t position = 0;
        std::size_t cell = 0;
    };

    // Never none: see the clamp of row_step.
    void collectRows(std::size_t first_cell_row, std::size_t cell_rows) {
        rows_.clear();
        for (std::size_t cell = first_cell_row; cell < first_cell_row + cell_rows; ++cell) {
            const std::size_t begin = request_.first_row + cell * tile_.pool;
            const std::size_t end = std::min(begin + tile_.pool, request_.first_row + request_.rows);
            // Counted from the last row: the last token's row is never skipped.
            const std::size_t last = request_.first_row + request_.rows - 1;
            for (std::size_t t = begin; t < end; ++t) {
                if ((last - t) % request_.row_step == 0) {
                    rows_.push_back({t, cell});
                }
            }
        }
    }

    // Softmax cells hold logarithms until all blocks are through.
    float finish(std::size_t first_cell_row, std::size_t cell_rows) {
        float largest = 0;
        float* begin = tile_.cells.data() + first_cell_row * tile_.cols;
        for (float* cell = begin; cell != begin + cell_rows * tile_.cols; ++cell) {
            if (arrays_.kind == LayerKind::Softmax && !std::isnan(*cell)) {
                *cell = std::exp(*cell);
            }
            const float magnitude = std::abs(*cell);
            largest = magnitude > largest ? magnitude : largest; // false for NaN
        }
        return largest;
    }

    // Columns of the block at `col` that row `t` may see.
    static std::size_t visible(std::size_t t, std::size_t col, std::size_t cols) {
        return t < col ? 0 : std::min(cols, t - col + 1);
    }

    // Scores of rows [first, last) of the band against the packed block.
    void scoreRows(std::size_t first, std::size_t last) {
        scores_.resize(rows_.size() * kBlockCols);
        loops().block(arrays_.q + rows_[first].position * arrays_.dim, request_.row_step * arrays_.dim,
                      last - first, arrays_.dim, packed_.data(), scale_, scores_.data() + first * kBlockCols);
    }

    std::size_t firstRowThatSees(std::size_t col) const {
        const auto found = std::lower_bound(rows_.begin(), rows_.end(), col,
                                            [](const Row& row, std::size_t at) { return row.position < at; });
        return static_cast<std::size_t>(found - rows_.begin());
    }

    // False unless every row's normaliser is known.
    bool recallRows() {
        normaliser_.clear();
        for (std::size_t r = 0; known_ != nullptr && r < rows_.size(); ++r) {
            normaliser_.push_back(known_->at(rows_[r].position));
            if (std::isnan(normaliser_.back())) {
                return false;
            }
        }
        return known_ != nullptr;
    }

    // The logarithm of each row's softmax denominator, over every source and not only the rectangle's.
    void sumRows() {
        normaliser_.assign(rows_.size(), 0.0f);
        std::vector<float> highest(rows_.size(), -kNone);
        std::vector<double> sum(rows_.size(), 0.0);
        for (std::size_t col = 0; col <= rows_.back().position; col += kBlockCols) {
            const std::size_t cols = std::min(kBlockCols, arrays_.tokens - col);
            loops().pack(arrays_.k + col * arrays_.dim, cols, arrays_.dim, packed_.data());
            const std::size_t first = firstRowThatSees(col);
            scoreRows(first, rows_.size());
            for (std::size_t r = first; r < rows_.size(); ++r) {
                const std::size_t seen = visible(rows_[r].position, col, cols);
                const float* score = scores_.data() + r * kBlockCols;
                const float largest = loops().largest(score, seen);
                if (largest > highest[r]) {
                    sum[r] *= std::exp(static_cast<double>(highest[r]) - largest);
                    highest[r] = largest;
                }
                sum[r] += loops().sum_exp(score, highest[r], seen);
            }
        }
        for (std::size_t r = 0; r < rows_.size(); ++r) {
            normaliser_[r] = static_cast<float>(highest[r] + std::log(sum[r]));
            if (known_ != nullptr) {
                known_->set(rows_[r].position, normaliser_[r]);
            }
        }
    }

    void poolBlock(std::size_t col, std::size_t cols) {
        const std::size_t first = firstRowThatSees(col);
        const bool lightning = arrays_.kind == LayerKind::Lightning;
        // A block so far back that every factor is zero in float32 needs no products: its weights are zero.
        const bool faded = lightning && factorOf(rows_[first].position, col) == 0;
        if (!faded) {
            loops().pack(arrays_.k + col * arrays_.dim, cols, arrays_.dim, packed_.data());
            scoreRows(first, rows_.size());
        } else {
            scores_.assign(rows_.size() * kBlockCols, 0.0f);
        }
        for (std::size_t r = first; r < rows_.size();) {
            const std::size_t cell = rows_[r].cell;
            std::fill(std::begin(high_), std::end(high_), -kNone);
            std::fill(std::begin(low_), std::end(low_), kNone);
            for (; r < rows_.size() && rows_[r].cell == cell; ++r) {
                const std::size_t seen = visible(rows_[r].position, col, cols);
                const float* score = scores_.data() + r * kBlockCols;
                if (lightning) {
                    loops().pool(score, decay_, factorOf(rows_[r].position, col), seen, high_, low_);
                } else {
                    loops().pool_shifted(score, normaliser_[r], seen, high_);
                }
            }
            store(cell, col, cols);
        }
    }

    // exp(-rate * distance) is factor * decay_[c]: the distance to the block's last column, then within the block.
    float factorOf(std::size_t t, std::size_t col) const {
        const double distance = static_cast<double>(t) - static_cast<double>(col + kBlockCols - 1);
        return static_cast<float>(std::exp(-arrays_.rate * distance));
    }

    // Combines the block's extremes into the cells.
    void store(std::size_t cell, std::size_t col, std::size_t cols) {
        const std::size_t offset = col - request_.first_col;
        float* at = tile_.cells.data() + cell * tile_.cols + offset / tile_.pool;
        std::size_t left = tile_.pool - offset % tile_.pool; // columns of the cell that are to come
        for (std::size_t c = 0; c < cols; ++c) {
            float& kept = *at;
            if (--left == 0) {
                left = tile_.pool;
                ++at;
            }
            if (high_[c] == -kNone) {
                continue;
            }
            if (arrays_.kind == LayerKind::Softmax) {
                kept = kept >= high_[c] ? kept : high_[c];
            } else {
                const float found = high_[c] >= -low_[c] ? high_[c] : low_[c];
                kept = std::abs(kept) >= std::abs(found) ? kept : found;
            }
        }
    }

    const HeadArrays& arrays_;
    const TileRequest& request_;
    AttentionTile& tile_;
    Normalisers* known_;
    std::vector<float> packed_; // [dim, kBlockCols]
    float scale_;
    float decay_[kBlockCols];
    float high_[kBlockCols];
    float low_[kBlockCols];
    std::vector<Row> rows_;
    std::vector<float> scores_;     // [rows, kBlockCols]
    std::vector<float> normaliser_; // [rows], softmax only
};

void checkRequest(const TileRequest& request, std::size_t tokens) {
    const auto outside = [&](std::size_t first, std::size_t count) {
        return count == 0 || first >= tokens || count > tokens - first;
    };
    if (outside(request.first_row, request.rows) || outside(request.first_col, request.cols)) {
        fail(ErrorKind::InvalidInput,
             "map: rows {} + {} and columns {} + {} are not a rectangle within the {} tokens of the capture",
             request.first_row, request.rows, request.first_col, request.cols, tokens);
    }
    if (request.max_cells_a_side == 0 || request.row_step == 0) {
        fail(ErrorKind::InvalidInput, "map: the number of cells a side and the row step must be at least 1");
    }
    const std::size_t pool = poolOf(request);
    if (const double cells = std::ceil(static_cast<double>(request.rows) / static_cast<double>(pool)) *
                             std::ceil(static_cast<double>(request.cols) / static_cast<double>(pool));
        cells > static_cast<double>(kMaxTileCells)) {
        fail(ErrorKind::InvalidInput, "map: {:.0f} cells, at most {} at once; ask for fewer cells a side", cells,
             kMaxTileCells);
    }
}

} // namespace

Normalisers::Normalisers(std::size_t tokens) : values_(tokens) {
    for (auto& value : values_) {
        value.store(std::numeric_limits<float>::quiet_NaN(), std::memory_order_relaxed);
    }
}

std::size_t poolOf(const TileRequest& request) {
    if (request.pool > 0) {
        return request.pool;
    }
    const std::size_t longest = std::max(request.rows, request.cols);
    return std::max<std::size_t>(1, (longest + request.max_cells_a_side - 1) / request.max_cells_a_side);
}

AttentionTile attentionTile(HeadRef head, const HeadArrays& arrays, const TileRequest& wanted,
                            const std::stop_token& stop, unsigned threads, Normalisers* known) {
    checkRequest(wanted, arrays.tokens);
    TileRequest request = wanted;
    AttentionTile tile;
    tile.pool = poolOf(request);
    request.row_step = std::min(request.row_step, tile.pool); // so that every row of cells has a computed one
    tile.head = head;
    tile.kind = arrays.kind;
    tile.first_row = request.first_row;
    tile.first_col = request.first_col;
    tile.rows = (request.rows + tile.pool - 1) / tile.pool;
    tile.cols = (request.cols + tile.pool - 1) / tile.pool;
    tile.row_step = request.row_step;
    tile.provenance = request.row_step > 1 ? Provenance::Approximated : Provenance::Recomputed;
    tile.cells.assign(tile.rows * tile.cols, std::numeric_limits<float>::quiet_NaN());
    const std::size_t band = std::max<std::size_t>(1, kBandRows * request.row_step / tile.pool);
    const std::size_t bands = (tile.rows + band - 1) / band;
    std::vector<float> largest(bands);
    forEachParallel(bands, threads, stop, [&](std::size_t i) {
        // From the last: under the causal edge it is the longest.
        const std::size_t first = (bands - 1 - i) * band;
        largest[i] = Band(arrays, request, tile, known).run(first, std::min(band, tile.rows - first));
    });
    tile.max_abs = *std::max_element(largest.begin(), largest.end());
    return tile;
}

} // namespace fulgurite::capture
