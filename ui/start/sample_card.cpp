// SPDX-License-Identifier: GPL-3.0-or-later
// Painting of a sample card.
#include "ui/start/sample_card.h"

#include "ui/base/key_caps.h"
#include "ui/base/theme_manager.h"

#include <QEvent>
#include <QPainter>

namespace fulgurite {

SampleCard::SampleCard(ThemeManager& themes, const SamplePrompt& sample, int number, QWidget* parent)
    : QAbstractButton(parent), themes_(themes), sample_(sample), number_(number) {
    setFocusPolicy(Qt::StrongFocus);
    setCursor(Qt::PointingHandCursor);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(QStringLiteral("Sample prompt, %1: %2").arg(sample.category, sample.title));
    setAccessibleDescription(sample.look);
    setToolTip(QStringLiteral("Send \"%1\"").arg(sample.title));
}

QSize SampleCard::sizeHint() const {
    return {200, std::max(92, themes_.scaled(92))};
}

bool SampleCard::event(QEvent* event) {
    if (event->type() == QEvent::Enter || event->type() == QEvent::Leave)
        update();
    return QAbstractButton::event(event);
}

void SampleCard::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool focus = hasFocus();
    painter.setPen(QPen(themes_.color(focus ? Role::Focus : Role::Line), focus ? 2 : 1));
    painter.setBrush(themes_.color(isDown() ? Role::Line : underMouse() ? Role::Raised : Role::Panel));
    const double inset = focus ? 1 : 0.5;
    painter.drawRoundedRect(QRectF(rect()).adjusted(inset, inset, -inset, -inset), 6, 6);

    const QRect inside = rect().adjusted(13, 10, -13, -10);
    const int third = inside.height() / 3;
    const QRect top(inside.left(), inside.top(), inside.width(), third);
    const int caps = paintKeyCaps(painter, themes_, top, {QStringLiteral("Alt"), QString::number(number_)});
    painter.setFont(themes_.uiFont(11));
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(
        top.adjusted(0, 0, -caps - 6, 0), Qt::AlignVCenter | Qt::AlignLeft,
        QFontMetrics(painter.font()).elidedText(sample_.category, Qt::ElideRight, top.width() - caps - 6));

    const QRect middle(inside.left(), inside.top() + third, inside.width(), third);
    painter.setFont(themes_.uiFont(13.5));
    painter.setPen(themes_.color(Role::Text));
    painter.drawText(middle, Qt::AlignVCenter | Qt::AlignLeft,
                     QFontMetrics(painter.font()).elidedText(sample_.title, Qt::ElideRight, middle.width()));

    const QRect bottom(inside.left(), inside.bottom() - third + 4, inside.width(), third);
    painter.setPen(Qt::NoPen);
    painter.setBrush(themes_.color(sample_.mark));
    painter.drawRoundedRect(QRectF(bottom.left(), bottom.center().y() - 3.5, 8, 8), 2, 2);
    painter.setFont(themes_.uiFont(11.5));
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(bottom.adjusted(14, 0, 0, 0), Qt::AlignVCenter | Qt::AlignLeft,
                     QFontMetrics(painter.font()).elidedText(sample_.look, Qt::ElideRight, bottom.width() - 14));
}

} // namespace fulgurite
