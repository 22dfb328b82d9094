// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/head_colouring.h"

#include "ui/base/format.h"
#include "ui/inspect/head_badge.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

QString phrase(const char* source) {
    return QCoreApplication::translate("fulgurite", source);
}

// Ends of the scale and the histogram over it.
void measure(HeadColouring& grid) {
    std::vector<double> finite;
    std::copy_if(grid.values.begin(), grid.values.end(), std::back_inserter(finite),
                 [](double value) { return std::isfinite(value); });
    grid.count = finite.size();
    grid.histogram.assign(HeadColouring::kBins, 0);
    if (finite.empty()) {
        return;
    }
    const auto [least, most] = std::minmax_element(finite.begin(), finite.end());
    switch (grid.scale) {
    case HeadColouring::Scale::Distance:
        grid.high = std::max(2.0, *most);
        grid.low = std::min(std::max(1.0, *least), grid.high / 2);
        break;
    case HeadColouring::Scale::FromZero:
        grid.low = 0;
        grid.high = *most > 0 ? *most : 1;
        break;
    case HeadColouring::Scale::Signed:
        grid.high = std::max(std::abs(*least), std::abs(*most));
        grid.high = grid.high > 0 ? grid.high : 1;
        grid.low = -grid.high;
        break;
    }
    const ColorScale scale = grid.colors(Theme(), LayerKind::Lightning);
    for (const double value : finite) {
        ++grid.histogram[static_cast<std::size_t>(
            std::min(scale.share(value) * HeadColouring::kBins, HeadColouring::kBins - 1.0))];
    }
}

} // namespace

ColorScale HeadColouring::colors(const Theme& theme, LayerKind kind) const {
    const Role hue = kindRole(kind);
    return scale == Scale::Signed     ? ColorScale::diverging(theme, high)
           : scale == Scale::Distance ? ColorScale::ramp(theme, hue, low, high)
                                      : ColorScale::sequential(theme, hue, low, high);
}

std::vector<double> HeadColouring::ticks() const {
    return scale == Scale::Distance ? logTicks(low, high) : niceTicks(low, high, 5);
}

QString HeadColouring::tickLabel(double tick) const {
    if (scale != Scale::Distance) {
        return scale == Scale::Signed && tick != 0 ? signedText(tick) : tickText(tick, high / 5);
    }
    return tick >= 1000 ? compactCount(static_cast<std::int64_t>(tick))
                        : distanceText(tick).section(QLocale().decimalPoint(), 0, 0);
}

QString HeadColouring::text(double value) const {
    if (std::isnan(value)) {
        return QStringLiteral("–");
    }
    const QString number = scale == Scale::Distance ? distanceText(value)
                           : scale == Scale::Signed ? signedText(value)
                                                    : QLocale().toString(value, 'g', 3);
    return unit.isEmpty() ? number : number + u' ' + unit;
}

HeadColouring reachGrid(const capture::DecayMap& decay, double fraction, const QString& title) {
    HeadColouring grid;
    grid.title = title;
    grid.unit = phrase("tokens");
    for (const double rate : decay.rates) {
        grid.values.push_back(capture::reach(rate, fraction));
    }
    measure(grid);
    return grid;
}

HeadColouring figureGrid(const HeadColumn& figure, const capture::HeadTable& table) {
    HeadColouring grid;
    grid.title = figure.title;
    grid.unit = figure.unit;
    grid.figure = &figure;
    grid.scale = figure.look == HeadColumn::Look::Distance    ? HeadColouring::Scale::Distance
                 : figure.look == HeadColumn::Look::SignedBar ? HeadColouring::Scale::Signed
                                                  : HeadColouring::Scale::FromZero;
    for (const capture::HeadFigures& head : table.heads) {
        grid.values.push_back(static_cast<double>(head.*figure.value));
    }
    measure(grid);
    return grid;
}

} // namespace fulgurite
