// SPDX-License-Identifier: GPL-3.0-or-later
// Painting of an action's row.
#include "ui/start/action_row.h"

#include "ui/base/key_caps.h"
#include "ui/base/theme_manager.h"

#include <QAction>
#include <QEvent>
#include <QPainter>

namespace fulgurite {
namespace {

constexpr int kHeight = 54;
constexpr int kCapsFrom = 270; // below this width the words need the room

} // namespace

ActionRow::ActionRow(ThemeManager& themes, QAction* action, const QString& icon, const QString& note,
                     QWidget* parent)
    : QAbstractButton(parent), themes_(themes), action_(action), icon_(icon), note_(note) {
    setFocusPolicy(Qt::StrongFocus);
    setCursor(Qt::PointingHandCursor);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setAccessibleName(action->text());
    setAccessibleDescription(note);
    connect(action, &QAction::changed, this, [this] {
        setEnabled(action_->isEnabled());
        setToolTip(action_->toolTip());
        update();
    });
    setEnabled(action->isEnabled());
    setToolTip(action->toolTip());
}

QSize ActionRow::sizeHint() const {
    return {200, std::max(kHeight, themes_.scaled(kHeight))};
}

bool ActionRow::event(QEvent* event) {
    if (event->type() == QEvent::Enter || event->type() == QEvent::Leave)
        update();
    return QAbstractButton::event(event);
}

void ActionRow::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF frame = QRectF(rect()).adjusted(1, 1, -1, -1);
    if (underMouse() || isDown()) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(themes_.color(isDown() ? Role::Line : Role::Raised));
        painter.drawRoundedRect(frame, 5, 5);
    }
    if (hasFocus()) {
        painter.setPen(QPen(themes_.color(Role::Focus), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(frame, 5, 5);
    }
    const int icon_size = themes_.scaled(18);
    const QRect icon(14, rect().center().y() - icon_size / 2, icon_size, icon_size);
    themes_.icon(icon_, Role::Accent)
        .paint(&painter, icon, Qt::AlignCenter, isEnabled() ? QIcon::Normal : QIcon::Disabled);

    QRect words = rect().adjusted(icon.right() + 15, 0, -12, 0);
    if (words.width() > themes_.scaled(kCapsFrom - 60))
        words.setRight(words.right() - 10 - paintKeyCaps(painter, themes_, words, keyNames(action_->shortcut())));
    painter.setFont(themes_.uiFont(13, QFont::DemiBold));
    const QFontMetrics title(painter.font());
    painter.setPen(themes_.color(isEnabled() ? Role::Text : Role::Muted));
    const int middle = rect().center().y();
    painter.drawText(words.left(), middle - 3, title.elidedText(action_->text(), Qt::ElideRight, words.width()));
    painter.setFont(themes_.uiFont(11));
    const QFontMetrics note(painter.font());
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(words.left(), middle + note.ascent() + 3,
                     note.elidedText(note_, Qt::ElideRight, words.width()));
}

} // namespace fulgurite
