// SPDX-License-Identifier: GPL-3.0-or-later
// Owns everything of a running desktop: paths, settings, theme, engine, window. Made once by the entry point.
#pragma once

#include "ui/base/paths.h"

#include <memory>

#include <QString>

namespace fulgurite {

struct DesktopOptions {
    QString workspace; // a folder of its own; empty: the person's
    QString open;      // a checkpoint for this run only, or a file for a page; empty: as the settings say
    bool with_engine = true;
};

class MainWindow;
struct ShellContext;

class Desktop {
  public:
    // Throws Error{Io} when a folder cannot be made, Error{Unavailable} when another window has the workspace and
    // could not be asked to come to the front.
    explicit Desktop(const DesktopOptions& options);
    ~Desktop();

    // Another window has the workspace and has taken over: there is nothing to show.
    bool handedOver() const;
    MainWindow& window();
    const ShellContext& context() const;
    // Shows the window, then starts the engine behind it.
    void show();

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

} // namespace fulgurite
