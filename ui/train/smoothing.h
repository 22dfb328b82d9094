// SPDX-License-Identifier: GPL-3.0-or-later
// Smoothing of curves. Values that are not finite pass through and touch nothing else, so that they stay visible.
#pragma once

#include <QString>

#include <span>
#include <vector>

namespace fulgurite {

enum class Smoothing { Off, Ema, TimeEma, Median };

struct SmoothingChoice {
    Smoothing kind = Smoothing::Ema;
    double weight = 0.6; // 0 to 0.999

    bool operator==(const SmoothingChoice&) const = default;
};

// TensorBoard's: last = s·last + (1 − s)·y, divided by 1 − sⁿ. A series of one value stays as it is, to the bit.
// `points_per_value`: of values that are means of buckets, so that the same weight forgets as fast as over points.
std::vector<double> emaSmoothed(std::span<const double> values, double weight, double points_per_value = 1);

// Weights fall with the distance in x instead of with the count: w = min(√s, 0.999), k = w^(1000·dx / range);
// last = last·k + y, d = d·k + 1, out = last / d. As Weights & Biases describes its default.
std::vector<double> timeEmaSmoothed(std::span<const double> x, std::span<const double> values, double weight,
                                    double x_range);

// Median of 2·half + 1 values around each, fewer at the ends.
std::vector<double> medianSmoothed(std::span<const double> values, int half);
int medianHalf(double weight); // 0 at weight 0, 50 at 1

std::vector<double> smoothed(std::span<const double> x, std::span<const double> values, SmoothingChoice choice,
                             double x_range, double points_per_value = 1);

QString smoothingName(Smoothing kind);

} // namespace fulgurite
