// SPDX-License-Identifier: GPL-3.0-or-later
// Where the points of a scene lie: on the horizontal axis, and between which values.
#include "ui/train/chart_scene.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fulgurite {
namespace {

constexpr double kAir = 0.05;
const double kNoRange = std::numeric_limits<double>::quiet_NaN();

} // namespace

std::vector<double> placesOf(const RunCurve& curve, const RunClock* clock, XAxis axis) {
    std::vector<double> places(curve.size(), kNoRange);
    const std::vector<qint64>& steps = *curve.steps;
    if (axis == XAxis::Step) {
        std::transform(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(places.size()), places.begin(),
                       [](qint64 step) { return static_cast<double>(step); });
        return places;
    }
    if (clock == nullptr || clock->steps.empty()) {
        return places;
    }
    const std::vector<double>& values = axis == XAxis::Tokens ? clock->tokens : clock->seconds;
    const double zero = axis == XAxis::Elapsed ? clock->seconds.front() : 0;
    std::size_t right = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
        while (right < clock->steps.size() && clock->steps[right] < steps[i]) {
            ++right;
        }
        if (right == clock->steps.size()) {
            places[i] = values.back() - zero;
        } else if (clock->steps[right] == steps[i] || right == 0) {
            places[i] = values[right] - zero;
        } else {
            const double share = static_cast<double>(steps[i] - clock->steps[right - 1]) /
                                 static_cast<double>(clock->steps[right] - clock->steps[right - 1]);
            places[i] = values[right - 1] + (values[right] - values[right - 1]) * share - zero;
        }
    }
    return places;
}

std::optional<std::size_t> indexAt(const std::vector<double>& x, double place) {
    const auto after = std::upper_bound(x.begin(), x.end(), place);
    if (after == x.begin()) {
        return {};
    }
    return static_cast<std::size_t>(after - x.begin()) - 1;
}

std::pair<double, double> Scene::yRange(double low, double high) const {
    double least = INFINITY;
    double most = -INFINITY;
    const auto take = [&](const Values& x, const Values& y) {
        if (y.empty()) {
            return;
        }
        const auto first = static_cast<std::size_t>(std::lower_bound(x.begin(), x.end(), low) - x.begin());
        for (std::size_t i = first; i < x.size() && x[i] <= high; ++i) {
            if (std::isfinite(y[i])) {
                least = std::min(least, y[i]);
                most = std::max(most, y[i]);
            }
        }
    };
    for (const SceneCurve& curve : curves) {
        take(curve.x, curve.y);
        take(curve.x, curve.least);
        take(curve.x, curve.most);
    }
    for (const SceneBand& band : bands) {
        take(band.x, band.low);
        take(band.x, band.high);
    }
    for (const ReferenceLine& line : references) {
        // A limit far away must not press the curves flat.
        if (least <= most && line.value >= least - 0.5 * (most - least) &&
            line.value <= most + 0.5 * (most - least)) {
            least = std::min(least, line.value);
            most = std::max(most, line.value);
        }
    }
    if (!(least <= most)) {
        return {0, 1};
    }
    if (least == most) {
        const double air = least == 0 ? 1 : std::abs(least) * 0.1;
        return {least - air, most + air};
    }
    const double air = (most - least) * kAir;
    // Shares, counts and norms that come near zero show it.
    const bool to_zero = !log_y && least >= 0 && least < 0.35 * most;
    return {to_zero ? 0 : least - air, most + air};
}

} // namespace fulgurite
