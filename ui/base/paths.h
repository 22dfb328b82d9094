// SPDX-License-Identifier: GPL-3.0-or-later
// Where the desktop keeps its files: the XDG folders, or one folder of its own for a separate workspace.
#pragma once

#include <QString>

namespace fulgurite {

struct Paths {
    QString config;    // settings.ini
    QString data;      // conversations and what belongs to them
    QString state;     // window layout, recent lists, run marker, engine log
    QString cache;     // safe to delete
    QString runtime;   // sockets and one-time tokens; mode 0700
    QString workspace; // the folder given with --workspace; empty: the person's default one

    // $XDG_CONFIG_HOME/fulgurite and so on, with the defaults of the specification.
    static Paths standard();
    // Everything under `folder`, except the runtime files.
    static Paths inside(const QString& folder);

    // Makes the folders. Throws Error{Io} naming the one that could not be made.
    void create() const;
    QString settingsFile() const { return config + QStringLiteral("/settings.ini"); }
};

// resources/<relative> beside the program: installed under share/fulgurite, or in the source tree it was built
// from. Empty when there is none.
QString findResource(const QString& relative);

} // namespace fulgurite
