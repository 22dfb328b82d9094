// SPDX-License-Identifier: GPL-3.0-or-later
// The run marker is a small JSON file beside the lock.
#include "ui/shell/run_marker.h"

#include <QCoreApplication>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLockFile>

namespace fulgurite {

RunMarker::RunMarker(const QString& state_folder)
    : file_(state_folder + QStringLiteral("/running.json")),
      lock_(std::make_unique<QLockFile>(state_folder + QStringLiteral("/window.lock"))) {
    lock_->setStaleLockTime(0); // a window may stay open for weeks; only a dead owner makes the lock stale
    if (!lock_->tryLock(0)) {
        QString host;
        QString program;
        // A folder that cannot be written to has no lock either, and no second window to protect against.
        acquired_ = lock_->error() != QLockFile::LockFailedError;
        lock_->getLockInfo(&owner_, &host, &program);
        if (!acquired_)
            return;
    }
    acquired_ = true;
    QFile file(file_);
    if (file.open(QIODevice::ReadOnly)) {
        const QJsonObject run = QJsonDocument::fromJson(file.readAll()).object();
        crashed_run_ = QDateTime::fromString(run["started"].toString(), Qt::ISODate);
        file.close();
    }
    const QJsonObject run{{"pid", QCoreApplication::applicationPid()},
                          {"started", QDateTime::currentDateTime().toString(Qt::ISODate)}};
    if (file.open(QIODevice::WriteOnly | QIODevice::Truncate))
        file.write(QJsonDocument(run).toJson(QJsonDocument::Compact));
}

RunMarker::~RunMarker() {
    if (acquired_)
        QFile::remove(file_);
}

} // namespace fulgurite
