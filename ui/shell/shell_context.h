// SPDX-License-Identifier: GPL-3.0-or-later
// What the shell hands to every page. The application owns all of it and outlives the pages.
#pragma once

#include "ui/base/paths.h"

namespace fulgurite {

class ActionRegistry;
class EngineLink;
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
    Paths paths;
};

} // namespace fulgurite
