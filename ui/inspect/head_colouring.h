// SPDX-License-Identifier: GPL-3.0-or-later
// What colours the grid of layers x heads: how far a head's decay reaches, or one of the figures of the table.
// Values, their scale, and the words for both.
#pragma once

#include "core/probe/capture/decay.h"
#include "ui/charts/scales.h"
#include "ui/inspect/head_columns.h"

#include <vector>

namespace fulgurite {

struct HeadColouring {
    enum class Scale {
        Distance, // tokens, over their logarithm
        FromZero, // shares, norms, nats
        Signed    // symmetric about zero
    };

    QString title;                      // "Entropy"
    QString unit;                       // "nats"; empty where there is none
    const HeadColumn* figure = nullptr; // null: the reach
    std::vector<double> values;         // [L, H]; NaN: not captured or not defined, infinite: unbounded
    Scale scale = Scale::Distance;
    double low = 1; // of the scale
    double high = 10;
    std::size_t count = 0;      // of finite values
    std::vector<int> histogram; // of them over the scale

    static constexpr int kBins = 48;

    // Both kinds of head have a hue of their own unless the values have a sign.
    ColorScale colors(const Theme& theme, LayerKind kind) const;
    std::vector<double> ticks() const;
    QString tickLabel(double tick) const;
    QString text(double value) const; // "12.4 tokens", "–" where there is none
};

// `title`: of this reach, "10 % reach". fraction: what is left of a weight.
HeadColouring reachGrid(const capture::DecayMap& decay, double fraction, const QString& title);
HeadColouring figureGrid(const HeadColumn& figure, const capture::HeadTable& table);

} // namespace fulgurite
