// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/run_look.h"

#include <QPainter>
#include <QPolygonF>

#include <algorithm>
#include <array>

namespace fulgurite {
namespace {

constexpr std::array kHues{Role::Run1, Role::Run2, Role::Run3};
constexpr std::array kTexts{Role::RunText1, Role::RunText2, Role::RunText3};

bool plain(int look) {
    return look < 0 || look >= kLooks;
}

} // namespace

QColor lookColor(const Theme& theme, int look) {
    return theme.color(plain(look) ? Role::Muted : kHues[static_cast<std::size_t>(look % 3)]);
}

QColor lookText(const Theme& theme, int look) {
    return theme.color(plain(look) ? Role::Muted : kTexts[static_cast<std::size_t>(look % 3)]);
}

QList<qreal> lookDash(int look) {
    if (plain(look) || look < 3) {
        return {};
    }
    return look < 6 ? QList<qreal>{6, 2} : QList<qreal>{2, 2};
}

QString lookName(int look) {
    static constexpr std::array kShapes{"circle", "triangle", "square"};
    if (plain(look)) {
        return QStringLiteral("diamond");
    }
    const QString shape = QLatin1String(kShapes[static_cast<std::size_t>(look % 3)]);
    return look < 3 ? shape : look < 6 ? QStringLiteral("open ") + shape : QStringLiteral("open dotted ") + shape;
}

void paintMark(QPainter& painter, QPointF centre, double size, int look, const QColor& color) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const bool open = !plain(look) && look >= 3;
    painter.setPen(open ? QPen(color, 1.5) : QPen(Qt::NoPen));
    painter.setBrush(open ? QBrush(Qt::NoBrush) : QBrush(color));
    const double half = size / 2;
    const double x = centre.x();
    const double y = centre.y();
    if (plain(look)) {
        painter.drawPolygon(QPolygonF{{x, y - half}, {x + half, y}, {x, y + half}, {x - half, y}});
    } else if (look % 3 == 0) {
        painter.drawEllipse(centre, half, half);
    } else if (look % 3 == 1) {
        painter.drawPolygon(
            QPolygonF{{x, y - half}, {x + half * 1.1, y + half * 0.85}, {x - half * 1.1, y + half * 0.85}});
    } else {
        painter.drawRect(QRectF(x - half * 0.9, y - half * 0.9, size * 0.9, size * 0.9));
    }
    if (open && look >= 6) {
        painter.setBrush(color);
        painter.setPen(Qt::NoPen);
        painter.drawEllipse(centre, 1.2, 1.2);
    }
    painter.restore();
}

QColor memberColor(const Theme& theme, int look, int member, int members) {
    const QColor color = lookColor(theme, look);
    const QColor ground = theme.color(Role::Panel);
    const double share = members < 2 ? 0 : 0.6 * member / (members - 1);
    const auto mix = [share](double a, double b) { return static_cast<float>(a * (1 - share) + b * share); };
    return QColor::fromRgbF(mix(color.redF(), ground.redF()), mix(color.greenF(), ground.greenF()),
                            mix(color.blueF(), ground.blueF()));
}

} // namespace fulgurite
