// SPDX-License-Identifier: GPL-3.0-or-later
// Tells the person about the local engine: the fields of the status bar, and notices when it fails or is lost.
#pragma once

#include <QObject>
#include <QString>

namespace fulgurite {

class EngineLink;
class LocalEngine;
class Notices;
class StatusModel;

class EngineReport : public QObject {
    Q_OBJECT

  public:
    EngineReport(LocalEngine& engine, EngineLink& link, StatusModel& status, Notices& notices,
                 QObject* parent = nullptr);

  private:
    void reportState();
    void reportInfo();
    void reportLoad();

    LocalEngine& engine_;
    EngineLink& link_;
    StatusModel& status_;
    Notices& notices_;
};

// "280 MiB", "1.37 GiB": binary units, three significant digits.
QString formatBytes(double bytes);

} // namespace fulgurite
