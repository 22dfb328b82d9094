// SPDX-License-Identifier: GPL-3.0-or-later
// The frame that all pages share.
#include "ui/shell/page.h"

#include "ui/base/theme_manager.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/panel.h"

#include <QAction>
#include <QTimer>

#include <utility>

namespace fulgurite {

// Below this width of the page the panels at right give way to the centre.
static constexpr int kRoomForBothSides = 1020;

Page::Page(const QString& id, const ShellContext& context, QWidget* parent)
    : QMainWindow(parent, Qt::Widget), id_(id), context_(context) {
    setObjectName(QStringLiteral("page-") + id);
    setDockNestingEnabled(true);
    setContextMenuPolicy(Qt::PreventContextMenu);
}

Panel* Page::addPanel(const QString& panel_id, const QString& title, QWidget* content, Qt::DockWidgetArea area,
                      int width, const QKeySequence& toggle) {
    auto* panel = new Panel(context_.themes, panel_id, title, this);
    panel->setWidget(content);
    addDockWidget(area, panel);
    panels_ << std::pair(panel, width);
    ActionSpec spec{.id = QStringLiteral("%1.panel.%2").arg(id_, panel_id),
                    .title = QStringLiteral("Show panel: %1").arg(title),
                    .category = QStringLiteral("View"),
                    .icon = area == Qt::RightDockWidgetArea ? QStringLiteral("dock-right")
                                                            : QStringLiteral("dock-left"),
                    .shortcut = toggle,
                    .page = id_,
                    .keywords = QStringLiteral("hide toggle dock"),
                    .checkable = true};
    QAction* action = context_.actions.add(spec, this, [panel] { panel->setVisible(!panel->isVisible()); });
    // The dock's own action follows it also when it is closed by its button or restored.
    connect(panel->toggleViewAction(), &QAction::toggled, action, &QAction::setChecked);
    action->setChecked(true);
    return panel;
}

void Page::applyPanelWidths() {
    QList<QDockWidget*> docks;
    QList<int> widths;
    for (const auto& [panel, width] : std::as_const(panels_)) {
        docks << panel;
        widths << std::max(width, context_.themes.scaled(width));
    }
    // Docks take new widths only once the layout knows its own.
    QTimer::singleShot(0, this, [this, docks, widths] { resizeDocks(docks, widths, Qt::Horizontal); });
}

void Page::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    fitPanels();
}

void Page::showEvent(QShowEvent* event) {
    QMainWindow::showEvent(event);
    if (std::exchange(widths_wanted_, false))
        applyPanelWidths();
}

void Page::fitPanels() {
    if (width() >= kRoomForBothSides) {
        was_narrow_ = false;
        const QList<Panel*> back = std::exchange(made_room_, {});
        for (Panel* panel : back)
            panel->show();
        if (!back.isEmpty())
            applyPanelWidths(); // what the layout gave them meanwhile is not what they need
        return;
    }
    // Only at the moment it gets narrow: a person who opens one again keeps it.
    if (std::exchange(was_narrow_, true))
        return;
    for (const auto& [panel, width] : std::as_const(panels_)) {
        if (dockWidgetArea(panel) == Qt::RightDockWidgetArea && !panel->isFloating() && !panel->isHidden()) {
            panel->hide();
            made_room_ << panel;
        }
    }
}

} // namespace fulgurite
