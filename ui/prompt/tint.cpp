// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/tint.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace fulgurite {

double bits(double nats) {
    return nats / std::numbers::ln2;
}

double surpriseBits(const TokenView& token) {
    return token.scored ? std::max(0.0, bits(-token.logprob)) : 0;
}

double probability(double logprob) {
    return std::exp(std::min(logprob, 0.0));
}

bool uncertain(const TokenView& token) {
    return token.scored && token.channel != TokenChannel::Marker &&
           (surpriseBits(token) >= kUncertainBits || bits(token.entropy) >= kUncertainBits);
}

double tintStrength(const TokenView& token, TintMode mode) {
    if (!token.scored) {
        return 0;
    }
    switch (mode) {
    case TintMode::Probability:
        return probability(token.logprob);
    case TintMode::Surprise:
        return std::clamp(surpriseBits(token) / kFullTintBits, 0.0, 1.0);
    case TintMode::Entropy:
        return std::clamp(bits(token.entropy) / kFullTintBits, 0.0, 1.0);
    case TintMode::Off:
        break;
    }
    return 0;
}

Role tintRole(TintMode mode) {
    return mode == TintMode::Probability ? Role::Probability : Role::Surprise;
}

QColor tintColor(double strength, TintMode mode, const ThemeManager& themes) {
    if (mode == TintMode::Off || strength < 0.02) {
        return Qt::transparent;
    }
    // A little steeper at first, so that one or two bits are visible; never so strong that text is hard to read.
    // Nearly every token is likely: that scale stays paler, or the page would be one block of colour.
    const double most = (themes.theme().dark() ? 0.62 : 0.42) * (mode == TintMode::Probability ? 0.6 : 1);
    return themes.color(tintRole(mode), most * std::pow(std::clamp(strength, 0.0, 1.0), 0.75));
}

QColor tintColor(const TokenView& token, TintMode mode, const ThemeManager& themes) {
    return tintColor(tintStrength(token, mode), mode, themes);
}

bool tintUnderlines(const TokenView& token, TintMode mode) {
    return token.scored && ((mode == TintMode::Surprise && surpriseBits(token) >= kUnderlineBits) ||
                            (mode == TintMode::Entropy && bits(token.entropy) >= kUnderlineBits));
}

QString readableToken(const QString& text) {
    if (text.isEmpty()) {
        return QCoreApplication::translate("fulgurite", "(no text)");
    }
    QString shown = text;
    shown.replace(u' ', QChar(0x2423)).replace(u'\n', QChar(0x21b5)).replace(u'\t', QChar(0x21e5));
    return shown;
}

QString grouped(std::int64_t value) {
    return QLocale().toString(static_cast<qlonglong>(value));
}

QString bytesText(std::int64_t bytes) {
    static constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1000 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    const int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return QLocale().toString(value, 'f', decimals) + u' ' + QLatin1String(kUnits[unit]);
}

QString compactCount(std::int64_t value) {
    if (value < 1000) {
        return QString::number(value);
    }
    const bool millions = value >= 999'950;
    const double scaled = static_cast<double>(value) / (millions ? 1e6 : 1e3);
    return QLocale().toString(scaled, 'f', scaled >= 99.95 ? 0 : 1) +
           (millions ? QStringLiteral(" M") : QStringLiteral(" K"));
}

QString secondsText(double seconds) {
    if (seconds < 0.9995) {
        return QCoreApplication::translate("fulgurite", "%1 ms").arg(std::lround(seconds * 1000));
    }
    if (seconds < 60) {
        return QCoreApplication::translate("fulgurite", "%1 s").arg(QLocale().toString(seconds, 'f', 1));
    }
    const auto whole = static_cast<long>(std::lround(seconds));
    return QCoreApplication::translate("fulgurite", "%1 min %2 s").arg(whole / 60).arg(whole % 60);
}

} // namespace fulgurite
