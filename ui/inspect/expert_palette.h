// SPDX-License-Identifier: GPL-3.0-or-later
// One colour for each expert and its shades by gate weight, as tables: made once for a theme on the window's
// thread, then read by the workers that fill images.
#pragma once

#include "ui/base/theme.h"

#include <QRgb>

#include <vector>

namespace fulgurite {

class ExpertPalette {
  public:
    ExpertPalette() = default;
    // Neighbours in number are far apart in hue; hues that come near each other differ in lightness.
    ExpertPalette(const Theme& theme, int experts);

    QColor color(int expert) const { return QColor::fromRgb(shade(expert, 1)); }
    // weight 0..1. Nobody (an expert that does not exist) has the ground's colour.
    QRgb shade(int expert, float weight) const;
    // A token of some other expert while one is looked at: grey, by weight.
    QRgb grey(float weight) const;
    QRgb ground() const { return ground_; }
    int experts() const { return experts_; }

  private:
    static constexpr int kShades = 32;
    int experts_ = 0;
    QRgb ground_ = 0;
    std::vector<QRgb> shades_; // [experts + 1, kShades]; the last row is grey
};

} // namespace fulgurite
