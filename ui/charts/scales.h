// SPDX-License-Identifier: GPL-3.0-or-later
// From values to colours and to ticks. Colours come from the theme's roles; a scale is made anew when the theme
// changes.
#pragma once

#include "ui/base/theme.h"

#include <QRgb>
#include <QString>

#include <array>
#include <vector>

namespace fulgurite {

// A table of 256 colours between two ends; values outside take the colour of the end.
class ColorScale {
  public:
    // One hue, from "nothing" (Role::Zero) at `low` to the hue at `high`. For shares, probabilities, magnitudes.
    static ColorScale sequential(const Theme& theme, Role hue, double low, double high);
    // Over the logarithm of the value, 0 < low < high, and past the hue towards the text's colour at the high end:
    // for ranges of several powers of ten. Values at or under zero take the lowest colour.
    static ColorScale ramp(const Theme& theme, Role hue, double low, double high);
    // Role::Negative at -max_abs, Role::Zero at 0, Role::Positive at max_abs. Symmetric always: signed data is
    // never stretched to 0..1. A max_abs of 0 gives the colour of zero everywhere.
    static ColorScale diverging(const Theme& theme, double max_abs);

    QRgb at(double value) const; // NaN: transparent
    double low() const { return low_; }
    double high() const { return high_; }
    // Where a value stands between the ends, 0..1.
    double share(double value) const;
    double valueAt(double share) const;

  private:
    std::array<QRgb, 256> colors_{};
    double low_ = 0;
    double high_ = 1;
    bool log_ = false;
};

// About `count` round values from `low` to `high`: steps of 1, 2 or 5 times a power of ten.
std::vector<double> niceTicks(double low, double high, int count);
// Powers of ten, and where there are fewer than three also 2 and 5 times them.
std::vector<double> logTicks(double low, double high);
// Distance of the first two; 1 of fewer.
double tickStep(const std::vector<double>& ticks);
// As short as `step` allows: "1,500", "0.25", "1.5 K" from 10,000 on, "3e-5".
QString tickText(double value, double step = 1);
// Signed with three significant digits: "+4.82", "−0.29"; for values that people compare.
QString signedText(double value);

} // namespace fulgurite
