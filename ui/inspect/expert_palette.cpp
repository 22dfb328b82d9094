// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/expert_palette.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fulgurite {
namespace {

// OKLCH (Ottosson 2020) to sRGB: colours of one lightness look equally light, which HSL's do not.
QColor fromOklch(double lightness, double chroma, double hue) {
    const double a = chroma * std::cos(hue);
    const double b = chroma * std::sin(hue);
    const auto cubed = [](double x) { return x * x * x; };
    const double l = cubed(lightness + 0.3963377774 * a + 0.2158037573 * b);
    const double m = cubed(lightness - 0.1055613458 * a - 0.0638541728 * b);
    const double s = cubed(lightness - 0.0894841775 * a - 1.2914855480 * b);
    const auto gamma = [](double x) {
        x = std::clamp(x, 0.0, 1.0);
        return static_cast<float>(x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055);
    };
    return QColor::fromRgbF(gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
                            gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
                            gamma(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s));
}

QRgb between(const QColor& from, const QColor& to, double share) {
    const auto channel = [share](int a, int b) { return static_cast<int>(std::lround(a + (b - a) * share)); };
    return qRgb(channel(from.red(), to.red()), channel(from.green(), to.green()), channel(from.blue(), to.blue()));
}

} // namespace

ExpertPalette::ExpertPalette(const Theme& theme, int experts)
    : experts_(experts), ground_(theme.color(Role::Zero).rgb()) {
    shades_.reserve(static_cast<std::size_t>(experts + 1) * kShades);
    const QColor ground = theme.color(Role::Zero);
    const auto add = [&](const QColor& full) {
        for (int shade = 0; shade < kShades; ++shade) {
            shades_.push_back(between(ground, full, 0.18 + 0.82 * shade / (kShades - 1)));
        }
    };
    for (int expert = 0; expert < experts; ++expert) {
        const double hue = expert * std::numbers::pi * (3 - std::sqrt(5.0)) + 0.5; // golden angle
        const double step = (expert % 3 - 1) * 0.08;
        add(fromOklch((theme.dark() ? 0.74 : 0.56) + step, theme.dark() ? 0.13 : 0.14, hue));
    }
    add(theme.mix(Role::Zero, Role::Muted, 0.55));
}

QRgb ExpertPalette::shade(int expert, float weight) const {
    if (expert < 0 || expert >= experts_) {
        return ground_;
    }
    const int shade = static_cast<int>(std::clamp(weight, 0.0F, 1.0F) * (kShades - 1) + 0.5F);
    return shades_[static_cast<std::size_t>(expert) * kShades + static_cast<std::size_t>(shade)];
}

QRgb ExpertPalette::grey(float weight) const {
    const int shade = static_cast<int>(std::clamp(weight, 0.0F, 1.0F) * (kShades - 1) + 0.5F);
    return shades_[static_cast<std::size_t>(experts_) * kShades + static_cast<std::size_t>(shade)];
}

} // namespace fulgurite
