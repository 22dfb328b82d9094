// SPDX-License-Identifier: GPL-3.0-or-later
// XDG base directories and the program's own resource folders.
#include "ui/base/paths.h"

#include "core/base/error.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <unistd.h>

namespace fulgurite {
namespace {

QString xdg(const char* variable, const QString& below_home) {
    const QString value = qEnvironmentVariable(variable);
    const QString base = QDir::isAbsolutePath(value) ? value : QDir::homePath() + QLatin1Char('/') + below_home;
    return base + QStringLiteral("/fulgurite");
}

QString runtimeFolder() {
    const QString value = qEnvironmentVariable("XDG_RUNTIME_DIR");
    if (QDir::isAbsolutePath(value) && QFileInfo(value).isWritable())
        return value + QStringLiteral("/fulgurite");
    return QDir::tempPath() + QStringLiteral("/fulgurite-%1").arg(::getuid());
}

} // namespace

Paths Paths::standard() {
    return {.config = xdg("XDG_CONFIG_HOME", QStringLiteral(".config")),
            .data = xdg("XDG_DATA_HOME", QStringLiteral(".local/share")),
            .state = xdg("XDG_STATE_HOME", QStringLiteral(".local/state")),
            .cache = xdg("XDG_CACHE_HOME", QStringLiteral(".cache")),
            .runtime = runtimeFolder(),
            .workspace = {}};
}

Paths Paths::inside(const QString& folder) {
    const QString root = QDir(folder).absolutePath();
    return {.config = root + QStringLiteral("/config"),
            .data = root,
            .state = root + QStringLiteral("/state"),
            .cache = root + QStringLiteral("/cache"),
            .runtime = runtimeFolder(),
            .workspace = root};
}

void Paths::create() const {
    for (const QString& folder : {config, data, state, cache, runtime}) {
        if (!QDir().mkpath(folder))
            fail(ErrorKind::Io,
                 "cannot make the folder {}: check its permissions and the free space, or choose "
                 "another with --workspace",
                 folder.toStdString());
    }
    QFile::setPermissions(runtime, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
}

QString findResource(const QString& relative) {
    const QString program = QCoreApplication::applicationDirPath();
    QStringList places = {program + QStringLiteral("/../share/fulgurite/")};
    // A build folder lies inside the source tree: look upwards from the program.
    for (QDir folder(program); !folder.isRoot() && folder.cdUp();) {
        if (folder.exists(QStringLiteral("resources/themes/application.qss")))
            places << folder.filePath(QStringLiteral("resources/"));
    }
    for (const QString& place : places) {
        const QFileInfo found(place + relative);
        if (found.exists())
            return found.canonicalFilePath();
    }
    return {};
}

} // namespace fulgurite
