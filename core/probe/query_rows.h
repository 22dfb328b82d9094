// SPDX-License-Identifier: Apache-2.0
// Everything that the figures of query positions are computed from, kept for one pass: the stream before, inside
// and after each layer, what each head hands to the output projection, and the block's output.
#pragma once

#include "core/checkpoint/model_config.h"
#include "core/probe/sequence_tap.h"

#include <cstddef>
#include <vector>

namespace fulgurite::probe {

// Q rows of a pass that are query positions. H heads, D head_dim, h hidden_size.
struct QueryRows {
    std::vector<std::size_t> positions;              // [Q], rising
    std::vector<std::vector<float>> hidden;          // [L + 1][Q, h]: 0 is the embedding
    std::vector<std::vector<float>> after_attention; // [L][Q, h]: the stream after the attention block
    std::vector<std::vector<float>> gated;           // [L][Q, H * D]: what the output projection takes in
    std::vector<std::vector<float>> attention;       // [L][Q, h]: the attention block's output

    // Bytes for each query position in a pass.
    static std::size_t bytesPerRow(const ModelConfig& config);
};

class QueryTap final : public SequenceTap {
  public:
    // `positions` rise. `inside`: also what happens inside the layers, not only the streams between them.
    QueryTap(std::vector<std::size_t> positions, const ModelConfig& config, bool inside);

    void begin(std::size_t first, std::size_t rows) override;
    bool wants(TapPoint point, int layer) const override;
    void onValues(TapPoint point, int layer, std::span<const float> values, std::size_t rows) override;

    // Of the pass that has just ended; empty when it had no query position.
    const QueryRows& rows() const { return rows_; }

  private:
    std::vector<std::size_t> positions_;
    bool inside_;
    QueryRows rows_;
};

} // namespace fulgurite::probe
