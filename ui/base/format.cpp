// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/base/format.h"

#include <QCoreApplication>
#include <QLocale>

#include <array>
#include <cmath>

namespace fulgurite {

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
