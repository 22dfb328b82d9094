// SPDX-License-Identifier: GPL-3.0-or-later
// The frame that all pages share.
#include "ui/shell/page.h"

#include "ui/shell/action_registry.h"
#include "ui/shell/panel.h"

#include <QAction>

namespace fulgurite {

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
    resizeDocks({panel}, {width}, Qt::Horizontal);
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

} // namespace fulgurite
