// SPDX-License-Identifier: GPL-3.0-or-later
// A curve of any length as few enough line pieces to paint: at most four points a pixel column (first, least, most,
// last), so that what is painted covers every pixel that the whole curve would, and no spike is ever lost.
#pragma once

#include <QPolygonF>

#include <span>
#include <vector>

namespace fulgurite {

// From data to pixels, one factor and one shift a direction.
struct PixelMap {
    double x_scale = 1;
    double x_shift = 0;
    double y_scale = -1;
    double y_shift = 0;

    double x(double data) const { return data * x_scale + x_shift; }
    double y(double data) const { return data * y_scale + y_shift; }
    QPointF point(double px, double py) const { return {x(px), y(py)}; }
};

// Indices [first, last) of the rising `x` that are needed to paint [low, high]: one more at each side, so that
// lines run on to the edges.
struct IndexRange {
    std::size_t first = 0;
    std::size_t last = 0;
};
IndexRange visibleRange(std::span<const double> x, double low, double high);

// Lines through the finite points; values that are not finite end a line. `least` and `most` may be empty: a value
// is its own. Points whose x is not finite are left out.
std::vector<QPolygonF> reducedLines(std::span<const double> x, std::span<const double> y,
                                    std::span<const double> least, std::span<const double> most, IndexRange range,
                                    const PixelMap& map);

// The outline of the area between two curves over the same x, one piece for each unbroken stretch.
std::vector<QPolygonF> reducedBand(std::span<const double> x, std::span<const double> low,
                                   std::span<const double> high, IndexRange range, const PixelMap& map);

} // namespace fulgurite
