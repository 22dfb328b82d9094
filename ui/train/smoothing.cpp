// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/smoothing.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kMostWeight = 0.999;
constexpr double kTimeScale = 1000; // units of the visible range that the time-weighted form counts in
constexpr int kMostHalf = 50;

bool constant(std::span<const double> values) {
    const auto first = std::find_if(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
    return std::all_of(first, values.end(), [&](double v) { return !std::isfinite(v) || v == *first; });
}

} // namespace

std::vector<double> emaSmoothed(std::span<const double> values, double weight, double points_per_value) {
    std::vector<double> result(values.begin(), values.end());
    const double s = std::pow(std::clamp(weight, 0.0, kMostWeight), points_per_value);
    if (s <= 0 || constant(values)) {
        return result;
    }
    double last = 0;
    double left = 1; // sⁿ
    for (double& value : result) {
        if (!std::isfinite(value)) {
            continue;
        }
        last = s * last + (1 - s) * value;
        left *= s;
        value = last / (1 - left);
    }
    return result;
}

std::vector<double> timeEmaSmoothed(std::span<const double> x, std::span<const double> values, double weight,
                                    double x_range) {
    std::vector<double> result(values.begin(), values.end());
    const double w = std::min(std::sqrt(std::clamp(weight, 0.0, 1.0)), kMostWeight);
    if (w <= 0 || !(x_range > 0)) {
        return result;
    }
    double last = 0;
    double sum = 0;
    double before = x.empty() ? 0 : x.front();
    for (std::size_t i = 0; i < result.size(); ++i) {
        if (!std::isfinite(result[i]) || !std::isfinite(x[i])) {
            continue;
        }
        const double kept = std::pow(w, std::max(0.0, x[i] - before) / x_range * kTimeScale);
        last = last * kept + result[i];
        sum = sum * kept + 1;
        result[i] = last / sum;
        before = x[i];
    }
    return result;
}

int medianHalf(double weight) {
    return static_cast<int>(std::lround(std::clamp(weight, 0.0, 1.0) * kMostHalf));
}

std::vector<double> medianSmoothed(std::span<const double> values, int half) {
    std::vector<double> result(values.begin(), values.end());
    if (half <= 0) {
        return result;
    }
    std::vector<double> window; // sorted, finite values only
    const auto add = [&](double v) {
        if (std::isfinite(v)) {
            window.insert(std::lower_bound(window.begin(), window.end(), v), v);
        }
    };
    const auto remove = [&](double v) {
        if (std::isfinite(v)) {
            window.erase(std::lower_bound(window.begin(), window.end(), v));
        }
    };
    const auto reach = static_cast<std::size_t>(half);
    for (std::size_t i = 0; i < std::min(reach, values.size()); ++i) {
        add(values[i]);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i + reach < values.size()) {
            add(values[i + reach]);
        }
        if (i > reach) {
            remove(values[i - reach - 1]);
        }
        if (std::isfinite(values[i])) {
            const std::size_t middle = window.size() / 2;
            result[i] = window.size() % 2 == 1 ? window[middle] : (window[middle - 1] + window[middle]) / 2;
        }
    }
    return result;
}

std::vector<double> smoothed(std::span<const double> x, std::span<const double> values, SmoothingChoice choice,
                             double x_range, double points_per_value) {
    switch (choice.kind) {
    case Smoothing::Ema:
        return emaSmoothed(values, choice.weight, points_per_value);
    case Smoothing::TimeEma:
        return timeEmaSmoothed(x, values, choice.weight, x_range);
    case Smoothing::Median:
        return medianSmoothed(values, static_cast<int>(std::lround(medianHalf(choice.weight) / points_per_value)));
    case Smoothing::Off:
        break;
    }
    return {values.begin(), values.end()};
}

QString smoothingName(Smoothing kind) {
    switch (kind) {
    case Smoothing::Ema:
        return QStringLiteral("EMA");
    case Smoothing::TimeEma:
        return QStringLiteral("Time EMA");
    case Smoothing::Median:
        return QStringLiteral("Median");
    case Smoothing::Off:
        break;
    }
    return QStringLiteral("Off");
}

} // namespace fulgurite
