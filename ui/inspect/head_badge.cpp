// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/head_badge.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"

#include <QCoreApplication>
#include <QLocale>
#include <QPainter>
#include <QRegularExpression>

#include <cmath>

namespace fulgurite {

Role kindRole(LayerKind kind) {
    return kind == LayerKind::Lightning ? Role::Lightning : Role::Softmax;
}

QString kindName(LayerKind kind) {
    return kind == LayerKind::Lightning ? QCoreApplication::translate("fulgurite", "lightning")
                                        : QCoreApplication::translate("fulgurite", "softmax");
}

QString headText(capture::HeadRef head) {
    return QStringLiteral("L%1 H%2").arg(head.layer).arg(head.head);
}

std::vector<capture::HeadRef> headsNamed(const QString& text, const capture::DecayMap& decay) {
    static const QRegularExpression form(QStringLiteral("^[Ll]?(\\d{1,6})(?:[\\s:,]+[Hh]?(\\d{1,6}))?\\s*$"));
    const QRegularExpressionMatch match = form.match(text.trimmed());
    std::vector<capture::HeadRef> heads;
    const int layer = match.captured(1).toInt();
    if (!match.hasMatch() || layer >= static_cast<int>(decay.layers.size())) {
        return heads;
    }
    const bool one = !match.captured(2).isEmpty();
    for (int head = 0; head < decay.heads; ++head) {
        if (!one || head == match.captured(2).toInt()) {
            heads.push_back({layer, head});
        }
    }
    return heads;
}

void paintHeadBadge(QPainter& painter, const QRectF& rect, LayerKind kind, const ThemeManager& themes) {
    const bool lightning = kind == LayerKind::Lightning;
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(themes.color(kindRole(kind)), 1.2));
    painter.setBrush(themes.color(kindRole(kind), 0.12));
    const QRectF frame = rect.adjusted(0.6, 0.6, -0.6, -0.6);
    if (lightning) {
        painter.drawRoundedRect(frame, 2.5, 2.5);
    } else {
        painter.drawEllipse(frame);
    }
    QFont font = themes.uiFont(10, QFont::DemiBold);
    font.setPixelSize(std::max(7, static_cast<int>(rect.height() * 0.66)));
    painter.setFont(font);
    painter.setPen(themes.color(kindRole(kind)));
    painter.drawText(rect, Qt::AlignCenter, lightning ? QStringLiteral("L") : QStringLiteral("S"));
    painter.restore();
}

QString distanceText(double tokens) {
    if (std::isnan(tokens)) {
        return QStringLiteral("–");
    }
    if (std::isinf(tokens)) {
        return QStringLiteral("∞");
    }
    if (tokens >= 9'999.5) {
        return compactCount(static_cast<std::int64_t>(std::lround(tokens)));
    }
    return QLocale().toString(tokens, 'f', tokens < 9.995 ? 2 : tokens < 99.95 ? 1 : 0);
}

HeadBadge::HeadBadge(const ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    hide();
}

void HeadBadge::setKind(LayerKind kind) {
    kind_ = kind;
    setAccessibleName(kindName(kind));
    setToolTip(kind == LayerKind::Lightning ? tr("Lightning attention: decays, signed, not normalised")
                                            : tr("Softmax attention: probabilities, no decay"));
    show();
    update();
}

QSize HeadBadge::sizeHint() const {
    return {themes_.scaled(16), themes_.scaled(16)};
}

void HeadBadge::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintHeadBadge(painter, rect(), kind_, themes_);
}

} // namespace fulgurite
