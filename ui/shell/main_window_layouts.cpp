// SPDX-License-Identifier: GPL-3.0-or-later
// Named layouts: saved, opened and deleted from the View menu and the palette.
#include "ui/base/notices.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/main_window.h"

#include <QInputDialog>

namespace fulgurite {
namespace {

const QString kPanels = QStringLiteral("panels");

QString actionOf(const QString& layout) {
    return QStringLiteral("view.layout.") + layout;
}

} // namespace

void MainWindow::registerLayouts() {
    ActionRegistry& actions = context_.actions;
    actions.add({.id = "view.save_layout",
                 .title = tr("Save the layout as..."),
                 .category = "View",
                 .icon = "save",
                 .keywords = "panels docks name arrangement"},
                this, [this] {
                    const QString name =
                        QInputDialog::getText(this, tr("Save the layout"), tr("Name of the layout")).simplified();
                    if (!name.isEmpty())
                        saveLayout(name);
                });
    actions.add({.id = "view.delete_layout",
                 .title = tr("Delete a saved layout..."),
                 .category = "View",
                 .icon = "trash",
                 .keywords = "panels docks arrangement remove"},
                this, [this] {
                    bool accepted = false;
                    const QString name = QInputDialog::getItem(this, tr("Delete a saved layout"), tr("Layout"),
                                                               layouts_.names(), 0, false, &accepted);
                    if (accepted)
                        deleteLayout(name);
                });
    for (const QString& name : layouts_.names())
        addLayoutAction(name);
    followLayouts();
}

void MainWindow::addLayoutAction(const QString& name) {
    if (!context_.actions.action(actionOf(name)))
        context_.actions.add({.id = actionOf(name),
                              .title = tr("Open layout “%1”").arg(name),
                              .category = "View",
                              .icon = "window",
                              .keywords = "panels docks arrangement"},
                             this, [this, name] { openLayout(name); });
}

void MainWindow::followLayouts() {
    context_.actions.setEnabled(QStringLiteral("view.delete_layout"), !layouts_.names().isEmpty(),
                                tr("No layout is saved"));
}

bool MainWindow::saveLayout(const QString& name) {
    QJsonObject pages;
    for (auto it = pages_.cbegin(); it != pages_.cend(); ++it)
        pages[it.key()] = QString::fromLatin1(it.value()->saveState(kLayoutVersion).toBase64());
    const QJsonObject layout{{"page", currentPage() ? currentPage()->id() : QString()}, {kPanels, pages}};
    if (!layouts_.save(name, layout)) {
        context_.notices.post(
            {.id = "layout",
             .severity = Severity::Error,
             .text = tr("The layout was not saved: its file cannot be written. Free some space, or "
                        "choose another data folder in the settings."),
             .details = {}});
        return false;
    }
    addLayoutAction(name);
    followLayouts();
    return true;
}

bool MainWindow::openLayout(const QString& name) {
    const QJsonObject layout = layouts_.layout(name);
    if (layout.isEmpty())
        return false;
    showPage(layout[QStringLiteral("page")].toString());
    const QJsonObject panels = layout[kPanels].toObject();
    for (auto it = panels.begin(); it != panels.end(); ++it) {
        const QByteArray state = QByteArray::fromBase64(it.value().toString().toLatin1());
        if (Page* made = pages_.value(it.key()); made && made->restoreState(state, kLayoutVersion))
            made->keepPanelWidths();
        // A page that was not shown yet takes it when it is.
        QJsonObject pages = session_[QStringLiteral("pages")].toObject();
        QJsonObject page = pages[it.key()].toObject();
        page[kPanels] = it.value();
        pages[it.key()] = page;
        session_[QStringLiteral("pages")] = pages;
    }
    return true;
}

void MainWindow::deleteLayout(const QString& name) {
    if (layouts_.remove(name)) {
        delete context_.actions.action(actionOf(name));
        followLayouts();
    }
}

} // namespace fulgurite
