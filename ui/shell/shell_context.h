// SPDX-License-Identifier: GPL-3.0-or-later
// What the shell hands to every page. The application owns all of it and outlives the pages.
#pragma once

#include "ui/base/paths.h"

namespace fulgurite {

class ActionRegistry;
class EngineLink;
class Handoff;
class LocalEngine;
class Notices;
class Settings;
class StatusModel;
class ThemeManager;

struct ShellContext {
    ThemeManager& themes;
    Settings& settings;
    ActionRegistry& actions;
    Notices& notices;
    StatusModel& status;
    LocalEngine& engine;
    EngineLink& link;
    Handoff& handoff; // what one page asks of another
    Paths paths;
};

} // namespace fulgurite
