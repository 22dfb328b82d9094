// SPDX-License-Identifier: GPL-3.0-or-later
// The actions that belong to the window itself, and the menus made from all actions.
#include "core/base/version.h"
#include "ui/base/notices.h"
#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/local_engine.h"
#include "ui/manual/manual_page.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/main_window.h"

#include <QApplication>
#include <QClipboard>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QMenuBar>

namespace fulgurite {
namespace {

const char* const kMenus[] = {"File",    "Edit",  "View",  "Prompt", "Inspect", "Retrieve",
                              "Cascade", "Train", "Nodes", "Engine", "Help"};

QKeySequence keysOf(const char* text) {
    return QKeySequence(QString::fromLatin1(text), QKeySequence::PortableText);
}

} // namespace

void MainWindow::registerActions() {
    ActionRegistry& actions = context_.actions;
    Settings& settings = context_.settings;
    int digit = 1;
    for (const PageInfo& info : registry_.pages()) {
        const bool is_settings = info.id == QStringLiteral("settings");
        if (info.id == QStringLiteral("manual"))
            continue; // F1
        actions.add(
            {.id = QStringLiteral("view.page.%1").arg(info.id),
             .title = is_settings ? QStringLiteral("Settings") : QStringLiteral("Go to %1").arg(info.title),
             .category = is_settings ? QStringLiteral("Edit") : QStringLiteral("View"),
             .icon = info.icon,
             .shortcut = is_settings ? keysOf("Ctrl+,") : keysOf(qPrintable(QStringLiteral("Ctrl+%1").arg(digit))),
             .keywords = is_settings ? QStringLiteral("preferences options") : QString()},
            this, [this, id = info.id] { showPage(id); });
        digit += is_settings ? 0 : 1;
    }
    actions.add({.id = "view.palette",
                 .title = "Command palette",
                 .category = "View",
                 .icon = "command",
                 .shortcut = keysOf("Ctrl+Shift+P")},
                this, [this] { palette_->open(); });
    for (const auto& [value, title] : {std::pair{"system", "Theme: follow the system"},
                                       std::pair{"dark", "Theme: dark"}, std::pair{"light", "Theme: light"}})
        actions.add({.id = QStringLiteral("view.theme.%1").arg(QLatin1String(value)),
                     .title = QString::fromLatin1(title),
                     .category = "View",
                     .icon = "theme",
                     .keywords = "colour color mode appearance"},
                    this, [&settings, value = QString::fromLatin1(value)] { settings.set(keys::kTheme, value); });
    actions.add(
        {.id = "view.theme.switch",
         .title = "Switch between dark and light",
         .category = "View",
         .icon = "theme",
         .shortcut = keysOf("Ctrl+Shift+L"),
         .keywords = "theme mode"},
        this, [this, &settings] { settings.set(keys::kTheme, context_.themes.theme().dark() ? "light" : "dark"); });
    auto step = [&settings](int by) {
        const int now = settings.value(keys::kFontScale).toInt();
        settings.set(keys::kFontScale, std::clamp(by == 0 ? 100 : now + by, 80, 200));
    };
    actions.add({.id = "view.larger",
                 .title = "Larger text",
                 .category = "View",
                 .icon = "plus",
                 .shortcut = keysOf("Ctrl++"),
                 .keywords = "zoom in font size"},
                this, [step] { step(10); });
    actions.add({.id = "view.smaller",
                 .title = "Smaller text",
                 .category = "View",
                 .icon = "minus",
                 .shortcut = keysOf("Ctrl+-"),
                 .keywords = "zoom out font size"},
                this, [step] { step(-10); });
    actions.add({.id = "view.normal",
                 .title = "Normal text size",
                 .category = "View",
                 .icon = "reset",
                 .shortcut = keysOf("Ctrl+0"),
                 .keywords = "zoom font size"},
                this, [step] { step(0); });
    actions.add({.id = "view.reset_layout",
                 .title = "Reset the layout",
                 .category = "View",
                 .icon = "reset",
                 .keywords = "panels docks default"},
                this, [this] { resetLayout(); });
    registerLayouts();
    actions.add({.id = "view.full_screen",
                 .title = "Full screen",
                 .category = "View",
                 .icon = "fit",
                 .shortcut = keysOf("F11")},
                this, [this] { setWindowState(windowState() ^ Qt::WindowFullScreen); });
    actions.add({.id = "view.menu_bar",
                 .title = "Open the menu bar",
                 .category = "View",
                 .icon = "window",
                 .shortcut = keysOf("F10")},
                this, [this] {
                    menuBar()->show();
                    menuBar()->setFocus(Qt::MenuBarFocusReason);
                    menuBar()->setActiveAction(menuBar()->actions().first());
                });
    actions.add({.id = "file.quit",
                 .title = "Quit",
                 .category = "File",
                 .icon = "exit",
                 .shortcut = keysOf("Ctrl+Q"),
                 .keywords = "exit close"},
                this, [this] { close(); });
}

void MainWindow::registerHelpActions() {
    ActionRegistry& actions = context_.actions;
    LocalEngine& engine = context_.engine;
    actions.add({.id = "engine.open_checkpoint",
                 .title = "Open checkpoint...",
                 .category = "File",
                 .icon = "folder-open",
                 .shortcut = keysOf("Ctrl+O"),
                 .keywords = "model folder load"},
                this, [this, &engine] {
                    const QString folder = QFileDialog::getExistingDirectory(
                        this, QStringLiteral("Open a checkpoint folder"), engine.modelFolder());
                    if (!folder.isEmpty())
                        openCheckpoint(folder);
                });
    actions.add({.id = "engine.included",
                 .title = "Use the included model",
                 .category = "File",
                 .icon = "flame",
                 .keywords = "ember default checkpoint"},
                this, [this] { openCheckpoint({}); });
    actions.add({.id = "engine.restart",
                 .title = "Restart the engine",
                 .category = "Engine",
                 .icon = "regenerate",
                 .keywords = "start again"},
                this, [&engine] { engine.start(); });
    actions.add({.id = "engine.stop", .title = "Stop the engine", .category = "Engine", .icon = "stop"}, this,
                [&engine] { engine.stop(); });
    actions.add({.id = "engine.copy_log", .title = "Copy the engine's log", .category = "Engine", .icon = "copy"},
                this, [&engine] { QApplication::clipboard()->setText(engine.logTail(400)); });
    connect(&engine, &LocalEngine::stateChanged, this, [&actions, &engine] {
        const bool off = engine.state() == EngineState::Off;
        actions.setEnabled(QStringLiteral("engine.stop"), !off, QStringLiteral("the engine is not running"));
    });
    actions.setEnabled(QStringLiteral("engine.stop"), engine.state() != EngineState::Off,
                       QStringLiteral("the engine is not running"));
    const bool has_manual = pageIds().contains(QStringLiteral("manual"));
    actions.add({.id = "help.manual",
                 .title = "Manual",
                 .category = "Help",
                 .icon = "help",
                 .shortcut = keysOf("F1"),
                 .keywords = "help documentation guide"},
                this, [this] {
                    const QString about = currentPage() ? currentPage()->id() : QString();
                    showPage(QStringLiteral("manual"));
                    if (auto* manual = qobject_cast<ManualPage*>(currentPage()); manual && about != manual->id())
                        manual->openFor(about);
                });
    actions.setEnabled(QStringLiteral("help.manual"), has_manual, QStringLiteral("the manual is not installed"));
    actions.add({.id = "help.about",
                 .title = "About Fulgurite",
                 .category = "Help",
                 .icon = "info",
                 .keywords = "version licence"},
                this, [this] {
                    context_.notices.post(
                        {.id = "about",
                         .severity = Severity::Info,
                         .text = QStringLiteral("Fulgurite %1. Desktop GPL-3.0-or-later; engine "
                                                "Apache-2.0. Qt %2.")
                                     .arg(QString::fromUtf8(kVersion), QString::fromLatin1(qVersion())),
                         .details = {}});
                });
}

QString MainWindow::pageFor(const QString& path) const {
    const QFileInfo file(path);
    if (file.isDir())
        return {};
    for (const PageInfo& page : registry_.pages()) {
        if (page.suffixes.contains(file.suffix(), Qt::CaseInsensitive))
            return page.id;
    }
    return {};
}

void MainWindow::open(const QString& path) {
    const QString id = pageFor(path);
    if (id.isEmpty()) {
        openCheckpoint(path);
        return;
    }
    showPage(id);
    page(id)->openFile(path);
}

void MainWindow::openCheckpoint(const QString& folder) {
    if (!folder.isEmpty() && !QFileInfo::exists(folder + QStringLiteral("/config.json"))) {
        context_.notices.post(
            {.id = "open-checkpoint",
             .severity = Severity::Error,
             .text = QStringLiteral("%1 has no config.json, so it is not a checkpoint in Hugging Face "
                                    "form. Choose the folder that holds config.json and the "
                                    "safetensors files.")
                         .arg(QDir::toNativeSeparators(folder)),
             .details = {}});
        return;
    }
    context_.engine.setModelForThisRun({});
    context_.settings.set(keys::kModelFolder, folder);
    context_.engine.start();
}

void MainWindow::buildMenus() {
    for (const char* name : kMenus) {
        const QString title = QString::fromLatin1(name);
        QMenu* menu = menuBar()->addMenu(QStringLiteral("&%1").arg(title));
        connect(menu, &QMenu::aboutToShow, menu, [menu, title, this] {
            menu->clear();
            for (const QString& id : context_.actions.ids()) {
                if (context_.actions.spec(id).category == title)
                    menu->addAction(context_.actions.action(id));
            }
            menu->setToolTipsVisible(true);
        });
    }
    // A menu with nothing in it is not shown: pages bring their own actions.
    auto fit = [this] {
        QSet<QString> used;
        for (const QString& id : context_.actions.ids())
            used << context_.actions.spec(id).category;
        for (QAction* menu : menuBar()->actions())
            menu->setVisible(used.contains(menu->text().mid(1)));
    };
    connect(&context_.actions, &ActionRegistry::listChanged, menuBar(), fit);
    fit();
}

} // namespace fulgurite
