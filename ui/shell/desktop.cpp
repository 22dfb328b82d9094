// SPDX-License-Identifier: GPL-3.0-or-later
// Composition root of the desktop.
#include "ui/shell/desktop.h"

#include "core/base/error.h"
#include "ui/base/notices.h"
#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/engine_report.h"
#include "ui/engine/local_engine.h"
#include "ui/manual/manual_page.h"
#include "ui/nodes/node_hub.h"
#include "ui/pages/cascade_page.h"
#include "ui/pages/inspect_page.h"
#include "ui/pages/nodes_page.h"
#include "ui/pages/prompt_page.h"
#include "ui/pages/retrieve_page.h"
#include "ui/pages/train_page.h"
#include "ui/settings/settings_page.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/activation.h"
#include "ui/shell/handoff.h"
#include "ui/shell/main_window.h"
#include "ui/shell/run_marker.h"
#include "ui/shell/status_model.h"

#include <QApplication>
#include <QTimer>

namespace fulgurite {
namespace {

Paths choosePaths(const DesktopOptions& options) {
    Paths paths = options.workspace.isEmpty() ? Paths::standard() : Paths::inside(options.workspace);
    paths.create();
    return paths;
}

ThemeMode modeOf(const QString& name) {
    return name == QStringLiteral("dark")    ? ThemeMode::Dark
           : name == QStringLiteral("light") ? ThemeMode::Light
                                             : ThemeMode::System;
}

void applyAppearance(const Settings& settings, ThemeManager& themes) {
    themes.setMode(modeOf(settings.value(keys::kTheme).toString()));
    themes.setFontScale(settings.value(keys::kFontScale).toInt() / 100.0);
    themes.setFontFamilies(settings.value(keys::kUiFont).toString(), settings.value(keys::kCodeFont).toString());
}

// Where the person asked to keep the conversations, if that is not the standard place.
Paths withDataFolder(Paths paths, const Settings& settings) {
    const QString chosen = settings.value(keys::kDataFolder).toString();
    if (!chosen.isEmpty() && paths.workspace.isEmpty()) {
        paths.data = chosen;
        paths.create();
    }
    return paths;
}

PageRegistry makePages() {
    PageRegistry pages;
    pages.add(
        {.id = "prompt", .title = "Prompt", .icon = "prompt", .make = [](const ShellContext& context) -> Page* {
             return new PromptPage(context);
         }});
    pages.add(
        {.id = "inspect", .title = "Inspect", .icon = "inspect", .suffixes = {"fcap"}, .make = [](const ShellContext& context) -> Page* {
             return new InspectPage(context);
         }});
    pages.add({.id = "retrieve",
               .title = "Retrieve",
               .icon = "retrieve",
               .make = [](const ShellContext& context) -> Page* { return new RetrievePage(context); }});
    pages.add(
        {.id = "cascade", .title = "Cascade", .icon = "filter", .make = [](const ShellContext& context) -> Page* {
             return new CascadePage(context);
         }});
    pages.add({.id = "train", .title = "Train", .icon = "train", .suffixes = {"fulgurite"}, .make = [](const ShellContext& context) -> Page* {
                   return new TrainPage(context);
               }});
    pages.add({.id = "nodes", .title = "Nodes", .icon = "nodes", .make = [](const ShellContext& context) -> Page* {
                   return new NodesPage(context);
               }});
    if (const QString manual = findManual(); !manual.isEmpty())
        pages.add(
            {.id = "manual",
             .title = "Manual",
             .icon = "help",
             .at_bottom = true,
             .make = [manual](const ShellContext& context) -> Page* { return new ManualPage(context, manual); }});
    pages.add({.id = "settings",
               .title = "Settings",
               .icon = "settings",
               .at_bottom = true,
               .make = [](const ShellContext& context) -> Page* { return new SettingsPage(context); }});
    return pages;
}

} // namespace

struct Desktop::Parts {
    explicit Parts(const DesktopOptions& options)
        : base_paths(choosePaths(options)),
          marker(base_paths.state),
          settings(base_paths.settingsFile()),
          paths(withDataFolder(base_paths, settings)),
          actions(settings, themes),
          engine(settings, paths),
          link(engine),
          nodes(link, engine, base_paths.config),
          report(engine, link, status, notices),
          activation(paths.workspace),
          context{themes, settings, actions, notices, status, engine, link, handoff, paths} {}

    Paths base_paths;
    RunMarker marker;
    Settings settings;
    Paths paths;
    ThemeManager themes;
    Notices notices;
    StatusModel status;
    ActionRegistry actions;
    LocalEngine engine;
    EngineLink link;
    NodeHub nodes;
    EngineReport report;
    Activation activation;
    Handoff handoff;
    ShellContext context;
    std::unique_ptr<MainWindow> window;
};

Desktop::Desktop(const DesktopOptions& options) : parts_(std::make_unique<Parts>(options)) {
    Parts& parts = *parts_;
    if (!parts.marker.acquired()) {
        if (parts.activation.askOther(options.open))
            return;
        fail(ErrorKind::Unavailable,
             "Fulgurite is already open on this workspace (process {}). Use that window, or choose another "
             "workspace "
             "with --workspace DIR.",
             parts.marker.owner());
    }
    parts.activation.offer();
    applyAppearance(parts.settings, parts.themes);
    parts.themes.apply();
    QObject::connect(&parts.settings, &Settings::changed, &parts.themes, [&parts](const QString& key) {
        if (key.startsWith(QStringLiteral("appearance/")))
            applyAppearance(parts.settings, parts.themes);
    });
    parts.window = std::make_unique<MainWindow>(parts.context, makePages());
    const bool for_page = !parts.window->pageFor(options.open).isEmpty();
    if (!options.open.isEmpty() && !for_page)
        parts.engine.setModelForThisRun(options.open);
    parts.window->restoreSession();
    if (for_page)
        parts.window->open(options.open);
    if (parts.marker.crashedRun())
        parts.notices.post(
            {.id = "crash",
             .severity = Severity::Warning,
             .text = QStringLiteral("Fulgurite did not close in order last time (it was started %1). "
                                    "Everything up to the last second before is in place.")
                         .arg(QLocale().toString(*parts.marker.crashedRun(), QLocale::ShortFormat)),
             .details = {}});
    QObject::connect(&parts.activation, &Activation::raiseWanted, parts.window.get(), &MainWindow::bringToFront);
    const bool with_engine = options.with_engine && parts.settings.value(keys::kStartEngine).toBool();
    if (with_engine)
        QObject::connect(parts.window.get(), &MainWindow::painted, &parts.engine,
                         [&parts] { parts.engine.start(); });
}

Desktop::~Desktop() = default;

bool Desktop::handedOver() const {
    return !parts_->window;
}

MainWindow& Desktop::window() {
    return *parts_->window;
}

const ShellContext& Desktop::context() const {
    return parts_->context;
}

void Desktop::show() {
    parts_->window->show();
}

} // namespace fulgurite
