// SPDX-License-Identifier: GPL-3.0-or-later
// The engine of this computer: a child process that the window starts, watches and starts again on request. It ends
// by itself when the window does, because its standard input closes then.
#pragma once

#include "ui/base/paths.h"

#include <QElapsedTimer>
#include <QObject>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTimer>

#include <memory>

namespace fulgurite {

class Settings;

enum class EngineState {
    Off,      // not asked to run
    Starting, // the process does not listen yet
    Loading,  // listens and reads the model
    Ready,
    Failed, // did not come up; message() says why
    Lost,   // was up and ended without being asked
};

struct EngineEndpoint {
    QString host;
    quint16 port = 0;
    QString token; // for this run only
    bool valid() const { return port != 0; }
};

class LocalEngine : public QObject {
    Q_OBJECT

  public:
    LocalEngine(const Settings& settings, const Paths& paths, QObject* parent = nullptr);
    ~LocalEngine() override;

    // Starts it, or starts it again with the settings in force: once the one before has ended, so that two never
    // share a data folder or hold two models. Both return at once.
    void start();
    void stop();

    EngineState state() const { return state_; }
    const EngineEndpoint& endpoint() const { return endpoint_; }
    QString modelFolder() const; // that the next start takes
    // Instead of the one in the settings, until the person opens another.
    void setModelForThisRun(const QString& folder) { model_for_this_run_ = folder; }
    const QString& message() const { return message_; } // why it failed or was lost
    QString logTail(int lines = 40) const;
    QString logFile() const;
    double secondsToReady() const { return seconds_to_ready_; } // 0: not ready yet
    qint64 processId() const;

    // $FULGURITE_ENGINE, or the program next to this one, or on the PATH; empty when there is none.
    static QString findProgram();
    // resources/models/ember, installed or in the source tree; empty when there is none.
    static QString includedModel();

    // What a health check found; called by whoever asks (see EngineWatch).
    void reportHealth(const QString& status, const QString& message);

  signals:
    void stateChanged();

  private:
    void launch();
    void leave();
    void left();
    void setState(EngineState state, const QString& message = {});
    void readOutput();
    void readLog();
    void finished(int code, QProcess::ExitStatus status);
    bool writeToken();

    const Settings& settings_;
    Paths paths_;
    std::unique_ptr<QProcess> process_;
    std::unique_ptr<QProcess> leaving_; // was told to end, and has not yet
    QTimer leaving_timer_;              // its patience
    bool start_wanted_ = false;         // when it has
    EngineState state_ = EngineState::Off;
    EngineEndpoint endpoint_;
    QString message_;
    QString model_for_this_run_;
    QString token_file_;
    QByteArray pending_output_;
    QStringList log_;
    QElapsedTimer since_start_;
    double seconds_to_ready_ = 0;
};

} // namespace fulgurite
