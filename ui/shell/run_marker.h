// SPDX-License-Identifier: GPL-3.0-or-later
// Marks that the program runs on a workspace: a lock against a second window on it, and a file that outlives a
// crash.
#pragma once

#include <QDateTime>
#include <QString>

#include <memory>
#include <optional>

class QLockFile;

namespace fulgurite {

class RunMarker {
  public:
    explicit RunMarker(const QString& state_folder);
    ~RunMarker(); // the clean end: takes the marker away

    // False: another window has this workspace; owner() is its process.
    bool acquired() const { return acquired_; }
    qint64 owner() const { return owner_; }
    // When the run before this one began, if it did not come to a clean end.
    const std::optional<QDateTime>& crashedRun() const { return crashed_run_; }

  private:
    QString file_;
    std::unique_ptr<QLockFile> lock_;
    bool acquired_ = false;
    qint64 owner_ = 0;
    std::optional<QDateTime> crashed_run_;
};

} // namespace fulgurite
