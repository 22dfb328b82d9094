// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/routing_image.h"

#include <algorithm>
#include <limits>

namespace fulgurite {
namespace {

// The tokens of one column in one layer, added up.
class Tally {
  public:
    Tally(const RoutingLook& look, int top_k)
        : look_(look),
          top_k_(top_k),
          counts_(static_cast<std::size_t>(look.palette.experts()), 0),
          weights_(counts_.size(), 0.0F) {}

    // `experts` and `weights`: [top_k] of one token. rank as in RoutingLook, but not -1.
    void add(const std::int16_t* experts, const float* weights, int rank) {
        if (look_.expert) {
            for (int k = 0; k < top_k_; ++k) {
                if (experts[k] == *look_.expert && weights[k] >= look_.least) {
                    chosen_ = std::max(chosen_, weights[k]);
                }
            }
        }
        const int expert = experts[rank];
        const float weight = weights[rank];
        if (expert < 0 || expert >= static_cast<int>(counts_.size()) || weight < look_.least) {
            return;
        }
        const auto index = static_cast<std::size_t>(expert);
        if (counts_[index]++ == 0) {
            seen_.push_back(expert);
        }
        weights_[index] += weight;
    }

    // The colour of the cell; begins anew.
    QRgb take() {
        int best = -1;
        for (const int expert : seen_) {
            const auto [a, b] = std::pair(static_cast<std::size_t>(expert), static_cast<std::size_t>(best));
            if (best < 0 || counts_[a] > counts_[b] || (counts_[a] == counts_[b] && weights_[a] > weights_[b])) {
                best = expert;
            }
        }
        QRgb color = look_.palette.ground();
        if (best >= 0) {
            const auto index = static_cast<std::size_t>(best);
            const float weight = weights_[index] / static_cast<float>(counts_[index]);
            color = look_.expert ? look_.palette.grey(weight * 0.5F) : look_.palette.shade(best, weight);
        }
        if (chosen_ >= 0) {
            color = look_.palette.shade(*look_.expert, chosen_);
        }
        for (const int expert : seen_) {
            counts_[static_cast<std::size_t>(expert)] = 0;
            weights_[static_cast<std::size_t>(expert)] = 0;
        }
        seen_.clear();
        chosen_ = -1;
        return color;
    }

  private:
    const RoutingLook& look_;
    int top_k_;
    std::vector<unsigned> counts_;
    std::vector<float> weights_;
    std::vector<int> seen_;
    float chosen_ = -1;
};

} // namespace

float routingMargin(const capture::RoutingSlice& slice, std::size_t token, std::optional<int> layer) {
    const float* margins = slice.margin.data() + token * static_cast<std::size_t>(slice.layers);
    if (layer && *layer < slice.layers) {
        return margins[*layer];
    }
    float sum = 0;
    for (int l = 0; l < slice.layers; ++l) {
        sum += margins[l];
    }
    return sum / static_cast<float>(std::max(slice.layers, 1));
}

RoutingStrip routingStrip(const std::vector<RoutingChunk>& chunks, std::size_t first, std::size_t columns,
                          std::size_t per_column, const RoutingLook& look) {
    RoutingStrip strip;
    if (chunks.empty() || columns == 0) {
        return strip;
    }
    const auto layers = static_cast<std::size_t>(chunks.front()->layers);
    const auto top_k = static_cast<std::size_t>(chunks.front()->top_k);
    const std::size_t ranks = look.rank < 0 ? top_k : 1;
    const std::size_t rows = layers * ranks;
    strip.cells = QImage(static_cast<int>(columns), static_cast<int>(rows), QImage::Format_RGB32);
    strip.cells.fill(look.palette.ground());
    strip.margin_low.assign(columns, std::numeric_limits<float>::infinity());
    strip.margin_high.assign(columns, -std::numeric_limits<float>::infinity());
    const auto stride = static_cast<std::size_t>(strip.cells.bytesPerLine()) / sizeof(QRgb);
    auto* pixels = reinterpret_cast<QRgb*>(strip.cells.bits());
    std::vector<Tally> tallies(rows, Tally(look, static_cast<int>(top_k)));
    std::size_t chunk = 0;
    for (std::size_t column = 0; column < columns; ++column) {
        std::size_t token = first + column * per_column;
        const std::size_t end = token + per_column;
        bool any = false;
        for (; token < end; ++token) {
            while (chunk < chunks.size() && token >= chunks[chunk]->first + chunks[chunk]->count) {
                ++chunk;
            }
            if (chunk == chunks.size() || token < chunks[chunk]->first) {
                break;
            }
            const capture::RoutingSlice& slice = *chunks[chunk];
            const std::size_t at = token - slice.first;
            const float margin = routingMargin(slice, at, look.layer);
            strip.margin_low[column] = std::min(strip.margin_low[column], margin);
            strip.margin_high[column] = std::max(strip.margin_high[column], margin);
            for (std::size_t layer = 0; layer < layers; ++layer) {
                const std::size_t base = (at * layers + layer) * top_k;
                for (std::size_t rank = 0; rank < ranks; ++rank) {
                    const auto shown = look.rank < 0 ? rank : std::min<std::size_t>(look.rank, top_k - 1);
                    tallies[layer * ranks + rank].add(slice.experts.data() + base, slice.weights.data() + base,
                                                      static_cast<int>(shown));
                }
            }
            any = true;
        }
        for (std::size_t row = 0; any && row < rows; ++row) {
            pixels[row * stride + column] = tallies[row].take();
        }
    }
    return strip;
}

} // namespace fulgurite
