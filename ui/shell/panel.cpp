// SPDX-License-Identifier: GPL-3.0-or-later
// The header of a dockable panel.
#include "ui/shell/panel.h"

#include "ui/base/theme_manager.h"

#include <QFrame>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>

namespace fulgurite {
namespace {

QToolButton* smallButton(ThemeManager& themes, const QString& icon) {
    auto* button = new QToolButton;
    button->setIcon(themes.icon(icon));
    button->setIconSize({14, 14});
    button->setAutoRaise(true);
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

} // namespace

Panel::Panel(ThemeManager& themes, const QString& id, const QString& title, QWidget* parent)
    : QDockWidget(title, parent), themes_(themes) {
    setObjectName(QStringLiteral("panel-") + id);
    setAccessibleName(title);
    auto* frame = new QFrame(this);
    frame->setProperty("surface", "panelHeader");
    frame->setFixedHeight(std::max(metrics::kPanelHeader, themes.scaled(metrics::kPanelHeader)));
    header_ = new QHBoxLayout(frame);
    header_->setContentsMargins(10, 0, 4, 0);
    header_->setSpacing(2);
    title_ = new QLabel(title);
    title_->setProperty("tone", "heading");
    header_->addWidget(title_, 1);
    detach_ = smallButton(themes, QStringLiteral("detach"));
    hide_ = smallButton(themes, QStringLiteral("close"));
    header_->addWidget(detach_);
    header_->addWidget(hide_);
    setTitleBarWidget(frame);
    connect(detach_, &QToolButton::clicked, this, [this] { setFloating(!isFloating()); });
    connect(hide_, &QToolButton::clicked, this, &QWidget::hide);
    connect(this, &QDockWidget::topLevelChanged, this, &Panel::updateButtons);
    connect(&themes, &ThemeManager::changed, frame, [frame, &themes] {
        frame->setFixedHeight(std::max(metrics::kPanelHeader, themes.scaled(metrics::kPanelHeader)));
    });
    updateButtons(false);
}

void Panel::setHeaderWidget(QWidget* widget) {
    title_->hide();
    header_->insertWidget(0, widget, 1);
}

void Panel::addHeaderButton(QWidget* button) {
    header_->insertWidget(header_->indexOf(detach_), button);
}

void Panel::updateButtons(bool floating) {
    const QString detach = floating ? QStringLiteral("Put %1 back into the window") : QStringLiteral("Detach %1");
    detach_->setToolTip(detach.arg(windowTitle()));
    detach_->setAccessibleName(detach.arg(windowTitle()));
    hide_->setToolTip(QStringLiteral("Hide %1").arg(windowTitle()));
    hide_->setAccessibleName(QStringLiteral("Hide %1").arg(windowTitle()));
}

} // namespace fulgurite
