// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/level_of_detail.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fulgurite {
namespace {

// The points of one pixel column.
struct Column {
    double pixel = 0; // its left edge
    QPointF first;
    QPointF last;
    QPointF least; // in data: least value, whichever way pixels grow
    QPointF most;
    double low = 0;
    double high = 0;
    int count = 0;

    void start(double column, QPointF at, double value) {
        pixel = column;
        first = last = least = most = at;
        low = high = value;
        count = 0;
    }
    void take(QPointF at, double value) {
        last = at;
        ++count;
        if (value < low) {
            low = value;
            least = at;
        }
        if (value > high) {
            high = value;
            most = at;
        }
    }
    void writeTo(QPolygonF& line) const {
        line << first;
        const auto& [a, b] = least.x() <= most.x() ? std::pair(least, most) : std::pair(most, least);
        for (const QPointF& point : {a, b, last}) {
            if (point != line.last()) {
                line << point;
            }
        }
    }
};

} // namespace

IndexRange visibleRange(std::span<const double> x, double low, double high) {
    const auto first = std::lower_bound(x.begin(), x.end(), low);
    const auto last = std::upper_bound(first, x.end(), high);
    return {static_cast<std::size_t>(first - x.begin()) - (first == x.begin() ? 0 : 1),
            static_cast<std::size_t>(last - x.begin()) + (last == x.end() ? 0 : 1)};
}

std::vector<QPolygonF> reducedLines(std::span<const double> x, std::span<const double> y,
                                    std::span<const double> least, std::span<const double> most, IndexRange range,
                                    const PixelMap& map) {
    std::vector<QPolygonF> lines;
    QPolygonF line;
    Column column;
    bool open = false;
    const auto endLine = [&] {
        if (open) {
            column.writeTo(line);
            open = false;
        }
        if (!line.isEmpty()) {
            lines.push_back(std::exchange(line, {}));
        }
    };
    for (std::size_t i = range.first; i < range.last; ++i) {
        if (!std::isfinite(x[i])) {
            continue;
        }
        if (!std::isfinite(y[i])) {
            endLine();
            continue;
        }
        const QPointF at = map.point(x[i], y[i]);
        if (!open || std::floor(at.x()) != column.pixel) {
            if (open) {
                column.writeTo(line);
            }
            column.start(std::floor(at.x()), at, y[i]);
            open = true;
        }
        if (!least.empty()) {
            column.take({at.x(), map.y(least[i])}, least[i]);
            column.take({at.x(), map.y(most[i])}, most[i]);
        }
        column.take(at, y[i]);
    }
    endLine();
    return lines;
}

std::vector<QPolygonF> reducedBand(std::span<const double> x, std::span<const double> low,
                                   std::span<const double> high, IndexRange range, const PixelMap& map) {
    std::vector<QPolygonF> bands;
    std::vector<QPointF> upper;
    std::vector<QPointF> lower;
    double column = 0;
    const auto endBand = [&] {
        if (!upper.empty()) {
            QPolygonF band;
            band.reserve(static_cast<qsizetype>(upper.size() + lower.size()));
            std::copy(upper.begin(), upper.end(), std::back_inserter(band));
            std::copy(lower.rbegin(), lower.rend(), std::back_inserter(band));
            bands.push_back(std::move(band));
            upper.clear();
            lower.clear();
        }
    };
    for (std::size_t i = range.first; i < range.last; ++i) {
        if (!std::isfinite(x[i])) {
            continue;
        }
        if (!std::isfinite(low[i]) || !std::isfinite(high[i])) {
            endBand();
            continue;
        }
        const QPointF above = map.point(x[i], high[i]);
        const QPointF below = map.point(x[i], low[i]);
        if (upper.empty() || std::floor(above.x()) != column) {
            column = std::floor(above.x());
            upper.push_back(above);
            lower.push_back(below);
        } else { // widest in the column
            upper.back().setY(std::min(upper.back().y(), above.y()));
            lower.back().setY(std::max(lower.back().y(), below.y()));
        }
    }
    endBand();
    return bands;
}

} // namespace fulgurite
