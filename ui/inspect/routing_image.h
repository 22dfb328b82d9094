// SPDX-License-Identifier: GPL-3.0-or-later
// A stretch of the routing as an image: a column for one token or for several, a row for each layer. Pure, for
// workers.
#pragma once

#include "core/probe/capture/views.h"
#include "ui/inspect/expert_palette.h"

#include <QImage>

#include <memory>
#include <optional>
#include <vector>

namespace fulgurite {

using RoutingChunk = std::shared_ptr<const capture::RoutingSlice>;

struct RoutingLook {
    ExpertPalette palette;
    int rank = 0;              // which of a token's experts: 0 the strongest; -1: all, a row each
    std::optional<int> expert; // alone keeps its colour, in any rank
    std::optional<int> layer;  // of the margin line; unset: mean over the layers
    float least = 0;           // weights below it are left out
    int stamp = 0;             // another one whenever something above differs
};

struct RoutingStrip {
    // [columns x layers * sub-rows]. Where a column stands for several tokens: the expert that is chosen most
    // often, by its mean weight; the chosen expert wherever it occurs even once, by its greatest weight.
    QImage cells;
    // Router margin of each column: the smallest and the largest of its tokens.
    std::vector<float> margin_low;
    std::vector<float> margin_high;
};

// Columns of `per_column` tokens from `first` on; the chunks follow each other and hold them (the last column may
// be short at the end of the text).
RoutingStrip routingStrip(const std::vector<RoutingChunk>& chunks, std::size_t first, std::size_t columns,
                          std::size_t per_column, const RoutingLook& look);

// Margin of one token: of one layer, or the mean over all.
float routingMargin(const capture::RoutingSlice& slice, std::size_t token_in_slice, std::optional<int> layer);

} // namespace fulgurite
