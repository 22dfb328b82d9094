// SPDX-License-Identifier: GPL-3.0-or-later
// Theme files: reading, checking and mixing colours.
#include "ui/base/theme.h"

#include "core/base/error.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr std::array<const char*, static_cast<std::size_t>(Role::Count)> kRoleNames = {
    "background",    "panel",         "raised",         "line",        "grid",      "text",        "muted",
    "faint",         "accent",        "accent_hover",   "on_accent",   "lightning", "softmax",     "good",
    "bad",           "warn",          "selection",      "focus",       "surprise",  "probability", "positive",
    "negative",      "zero",          "notice_ground",  "notice_line", "weights",   "workspace",   "run_1",
    "run_2",         "run_3",         "stage_1",        "stage_2",     "stage_3",   "fell",        "run_text_1",
    "run_text_2",    "run_text_3",    "ratio_below",    "ratio_above", "capped",    "on_capped",   "standard",
    "split",         "aspect_a",      "aspect_b",       "aspect_c",    "aspect_d",  "aspect_e",    "syntax_keyword",
    "syntax_string", "syntax_number", "syntax_comment", "shadow"};

double toLinear(double channel) {
    return channel <= 0.04045 ? channel / 12.92 : std::pow((channel + 0.055) / 1.055, 2.4);
}

double toGamma(double channel) {
    return channel <= 0.0031308 ? channel * 12.92 : 1.055 * std::pow(channel, 1 / 2.4) - 0.055;
}

double luminance(const QColor& color) {
    return 0.2126 * toLinear(color.redF()) + 0.7152 * toLinear(color.greenF()) + 0.0722 * toLinear(color.blueF());
}

} // namespace

QString roleName(Role role) {
    return QString::fromLatin1(kRoleNames[static_cast<std::size_t>(role)]);
}

Theme Theme::load(const QString& path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        fail(ErrorKind::NotFound, "theme {}: {}", path.toStdString(), file.errorString().toStdString());
    const QJsonObject root = QJsonDocument::fromJson(file.readAll()).object();
    const QJsonObject colors = root["colors"].toObject();
    Theme theme;
    theme.name_ = root["name"].toString();
    theme.dark_ = root["dark"].toBool();
    for (std::size_t i = 0; i < theme.colors_.size(); ++i) {
        const QColor color(colors[QLatin1String(kRoleNames[i])].toString());
        if (!color.isValid())
            fail(ErrorKind::Corrupt, "theme {}: no valid colour for \"{}\"; write it as #rrggbb",
                 path.toStdString(), kRoleNames[i]);
        theme.colors_[i] = color;
    }
    return theme;
}

QColor Theme::color(Role role, double alpha) const {
    QColor result = color(role);
    result.setAlphaF(static_cast<float>(std::clamp(alpha, 0.0, 1.0)));
    return result;
}

QColor Theme::mix(Role from, Role to, double share) const {
    const QColor a = color(from);
    const QColor b = color(to);
    const double t = std::clamp(share, 0.0, 1.0);
    auto channel = [t](double x, double y) {
        return static_cast<float>(std::clamp(toGamma(toLinear(x) * (1 - t) + toLinear(y) * t), 0.0, 1.0));
    };
    return QColor::fromRgbF(channel(a.redF(), b.redF()), channel(a.greenF(), b.greenF()),
                            channel(a.blueF(), b.blueF()));
}

double contrastRatio(const QColor& a, const QColor& b) {
    const double bright = std::max(luminance(a), luminance(b));
    const double dim = std::min(luminance(a), luminance(b));
    return (bright + 0.05) / (dim + 0.05);
}

} // namespace fulgurite
