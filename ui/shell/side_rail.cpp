// SPDX-License-Identifier: GPL-3.0-or-later
// Buttons of the rail: icon over name, one checked.
#include "ui/shell/side_rail.h"

#include "ui/base/theme_manager.h"
#include "ui/shell/page_registry.h"

#include <QKeyEvent>
#include <QToolButton>
#include <QVBoxLayout>

namespace fulgurite {

SideRail::SideRail(ThemeManager& themes, const QList<PageInfo>& pages, QWidget* parent)
    : QFrame(parent), themes_(themes) {
    setObjectName(QStringLiteral("rail"));
    setAccessibleName(QStringLiteral("Pages"));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(4, 10, 4, 10);
    column->setSpacing(4);
    auto addButton = [this, column](const PageInfo& info) {
        auto* button = new QToolButton;
        button->setText(info.title);
        button->setIcon(themes_.icon(info.icon));
        button->setIconSize({20, 20});
        button->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
        button->setCheckable(true);
        button->setFocusPolicy(Qt::TabFocus);
        button->setAccessibleName(info.title);
        button->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
        button->setMinimumHeight(50);
        connect(button, &QToolButton::clicked, this, [this, id = info.id] { emit pageChosen(id); });
        buttons_[info.id] = button;
        column->addWidget(button);
    };
    for (const PageInfo& info : pages) {
        if (!info.at_bottom)
            addButton(info);
    }
    column->addStretch(1);
    for (const PageInfo& info : pages) {
        if (info.at_bottom)
            addButton(info);
    }
    connect(&themes, &ThemeManager::changed, this, &SideRail::fitToText);
    fitToText();
}

void SideRail::fitToText() {
    setFixedWidth(std::max(metrics::kRail, themes_.scaled(metrics::kRail)));
}

void SideRail::select(const QString& page) {
    // No exclusive group: that would take all but one button out of the Tab order.
    for (auto it = buttons_.cbegin(); it != buttons_.cend(); ++it)
        it.value()->setChecked(it.key() == page);
}

void SideRail::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Down || event->key() == Qt::Key_Up)
        focusNextPrevChild(event->key() == Qt::Key_Down);
    else
        QFrame::keyPressEvent(event);
}

} // namespace fulgurite
