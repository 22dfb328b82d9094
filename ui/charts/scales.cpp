// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/scales.h"

#include "ui/base/format.h"

#include <QLocale>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

// The sign that is as wide as the plus, in place of the hyphen.
QString withMinus(QString text) {
    return text.replace(u'-', QChar(u'\u2212'));
}

} // namespace

ColorScale ColorScale::sequential(const Theme& theme, Role hue, double low, double high) {
    ColorScale scale;
    scale.low_ = low;
    scale.high_ = high;
    for (std::size_t i = 0; i < scale.colors_.size(); ++i) {
        scale.colors_[i] = theme.mix(Role::Zero, hue, static_cast<double>(i) / 255).rgb();
    }
    return scale;
}

ColorScale ColorScale::ramp(const Theme& theme, Role hue, double low, double high) {
    constexpr double kHueAt =
        0.72; // of the way; what is beyond it goes on to the text's colour, but not all the way
    ColorScale scale;
    scale.low_ = low;
    scale.high_ = high;
    scale.log_ = true;
    for (std::size_t i = 0; i < scale.colors_.size(); ++i) {
        const double share = static_cast<double>(i) / 255;
        const QColor color = share <= kHueAt ? theme.mix(Role::Zero, hue, 0.04 + 0.96 * share / kHueAt)
                                             : theme.mix(hue, Role::Text, 0.75 * (share - kHueAt) / (1 - kHueAt));
        scale.colors_[i] = color.rgb();
    }
    return scale;
}

ColorScale ColorScale::diverging(const Theme& theme, double max_abs) {
    ColorScale scale;
    scale.low_ = -max_abs;
    scale.high_ = max_abs;
    for (std::size_t i = 0; i < scale.colors_.size(); ++i) {
        const double signed_share = (static_cast<double>(i) - 127.5) / 127.5;
        const Role end = signed_share < 0 ? Role::Negative : Role::Positive;
        scale.colors_[i] = theme.mix(Role::Zero, end, std::abs(signed_share)).rgb();
    }
    return scale;
}

double ColorScale::share(double value) const {
    if (log_) {
        return value <= low_ ? 0 : std::min(std::log(value / low_) / std::log(high_ / low_), 1.0);
    }
    return high_ > low_ ? std::clamp((value - low_) / (high_ - low_), 0.0, 1.0) : 0.5;
}

double ColorScale::valueAt(double share) const {
    return log_ ? low_ * std::pow(high_ / low_, share) : low_ + (high_ - low_) * share;
}

QRgb ColorScale::at(double value) const {
    if (std::isnan(value)) {
        return qRgba(0, 0, 0, 0);
    }
    return colors_[static_cast<std::size_t>(std::lround(share(value) * 255))];
}

std::vector<double> niceTicks(double low, double high, int count) {
    std::vector<double> ticks;
    if (!(high > low) || count < 1) {
        return ticks;
    }
    const double rough = (high - low) / count;
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    const double part = rough / power;
    const double step = (part > 5 ? 10 : part > 2 ? 5 : part > 1 ? 2 : 1) * power;
    for (double index = std::ceil(low / step - 1e-9); index * step <= high + 1e-9 * step; ++index) {
        ticks.push_back(index * step);
    }
    return ticks;
}

std::vector<double> logTicks(double low, double high) {
    std::vector<double> ticks;
    if (!(low > 0) || !(high > low)) {
        return ticks;
    }
    const bool few = std::log10(high / low) < 3;
    for (double power = std::floor(std::log10(low)); power <= std::log10(high); ++power) {
        for (const double factor : few ? std::vector<double>{1, 2, 5} : std::vector<double>{1}) {
            const double tick = factor * std::pow(10.0, power);
            if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) {
                ticks.push_back(tick);
            }
        }
    }
    return ticks;
}

double tickStep(const std::vector<double>& ticks) {
    return ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
}

QString tickText(double value, double step) {
    if (std::isinf(value)) {
        return QStringLiteral("∞");
    }
    const double size = std::abs(value);
    if (size >= 1e4 && size < 1e9) {
        return withMinus(value < 0 ? QStringLiteral("-") + compactCount(static_cast<std::int64_t>(size))
                                   : compactCount(static_cast<std::int64_t>(size)));
    }
    if (size != 0 && (size < 1e-3 || size >= 1e9)) {
        return withMinus(QLocale().toString(value, 'e', 0));
    }
    const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(std::max(step, 1e-9)) - 1e-9)), 0, 6);
    return withMinus(QLocale().toString(value, 'f', decimals));
}

QString signedText(double value) {
    if (std::isnan(value)) {
        return QStringLiteral("–");
    }
    const double size = std::abs(value);
    const QString digits = size != 0 && (size < 1e-3 || size >= 1e5) ? QLocale().toString(size, 'e', 1)
                                                                     : QLocale().toString(size, 'f',
                                                                                          size < 0.1   ? 4
                                                                                          : size < 10  ? 2
                                                                                          : size < 100 ? 1
                                                                                                       : 0);
    return (value < 0 ? QStringLiteral("−") : value > 0 ? QStringLiteral("+") : QString()) + digits;
}

} // namespace fulgurite
