// SPDX-License-Identifier: GPL-3.0-or-later
// Key caps.
#include "ui/base/key_caps.h"

#include "ui/base/theme_manager.h"

#include <QFontMetrics>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>

namespace fulgurite {

QStringList keyNames(const QKeySequence& keys) {
    if (keys.isEmpty())
        return {};
    const QString text = QKeySequence(keys[0]).toString(QKeySequence::NativeText);
    // "Ctrl++" ends in the key "+" itself.
    QStringList names = text.split(QLatin1Char('+'), Qt::SkipEmptyParts);
    if (text.endsWith(QLatin1Char('+')))
        names << QStringLiteral("+");
    return names;
}

QWidget* makeKeyCaps(const QKeySequence& keys, QWidget* parent) {
    auto* row = new QWidget(parent);
    row->setAttribute(Qt::WA_TransparentForMouseEvents);
    auto* layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    for (const QString& name : keyNames(keys)) {
        auto* cap = new QLabel(name);
        cap->setProperty("tone", "key");
        layout->addWidget(cap, 0, Qt::AlignVCenter);
    }
    return row;
}

int paintKeyCaps(QPainter& painter, const ThemeManager& themes, const QRect& rect, const QStringList& names) {
    painter.save();
    painter.setFont(themes.uiFont(10.5));
    painter.setRenderHint(QPainter::Antialiasing);
    const QFontMetrics metrics(painter.font());
    const int height = metrics.height() + 3;
    int right = rect.right() + 1;
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
        const int width = std::max(height, metrics.horizontalAdvance(*name) + 10);
        const QRect cap(right - width, rect.center().y() - height / 2, width, height);
        painter.setPen(themes.color(Role::Line));
        painter.setBrush(themes.color(Role::Panel));
        painter.drawRoundedRect(QRectF(cap).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
        painter.setPen(themes.color(Role::Muted));
        painter.drawText(cap, Qt::AlignCenter, *name);
        right = cap.left() - 4;
    }
    painter.restore();
    return rect.right() + 1 - right;
}

} // namespace fulgurite
