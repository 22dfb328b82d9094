// SPDX-License-Identifier: GPL-3.0-or-later
// Logs of training become runs: the engine's own `import-run`, as a process beside the window, one path after
// another.
#pragma once

#include <QObject>
#include <QProcess>
#include <QStringList>

#include <memory>

namespace fulgurite {

class ImportProcess : public QObject {
    Q_OBJECT

  public:
    explicit ImportProcess(QObject* parent = nullptr) : QObject(parent) {}
    ~ImportProcess() override;

    // Adds to what is waiting. `follow` goes on reading while the files grow, until stop().
    void start(const QString& program, const QStringList& paths, const QString& database, bool follow);
    void stop();
    bool running() const { return process_ != nullptr; }
    const QString& path() const { return path_; } // that is being read

  signals:
    void began(const QString& path);
    void progressed(const QString& line); // what the engine says
    void imported(const QString& path, const QString& summary);
    void failed(const QString& path, const QString& message);

  private:
    struct Job {
        QString program;
        QString path;
        QString database;
        bool follow = false;
    };
    void next();
    void finish(int code, QProcess::ExitStatus status);

    QList<Job> waiting_;
    std::unique_ptr<QProcess> process_;
    QString path_;
    QString last_line_;
};

} // namespace fulgurite
