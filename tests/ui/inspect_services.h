// SPDX-License-Identifier: GPL-3.0-or-later
// What the Inspect page hands to its views, with an engine that was never started.
#pragma once

#include "ui/base/paths.h"
#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/local_engine.h"
#include "ui/inspect/inspect_view.h"
#include "ui/shell/action_registry.h"

#include <QTemporaryDir>

namespace fulgurite {

struct Services {
    explicit Services(ThemeManager& themes) : actions(settings, themes), all{themes, selection, actions, link} {}

    QTemporaryDir home;
    Settings settings{home.filePath(QStringLiteral("settings.ini"))};
    Paths paths = Paths::inside(home.path());
    LocalEngine engine{settings, paths};
    EngineLink link{engine};
    ActionRegistry actions;
    Selection selection;
    InspectServices all;
};

} // namespace fulgurite
