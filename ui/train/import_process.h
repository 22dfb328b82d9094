// SPDX-License-Identifier: GPL-3.0-or-later
// Logs of training become runs: the engine's own `import-run`, as processes beside the window. One path is read
// after another; those that still grow are followed by a process each, until they are silent or somebody stops it.
#pragma once

#include <QObject>
#include <QProcess>
#include <QStringList>

#include <memory>
#include <vector>

namespace fulgurite {

class ImportProcess : public QObject {
    Q_OBJECT

  public:
    explicit ImportProcess(QObject* parent = nullptr) : QObject(parent) {}
    ~ImportProcess() override; // ends them all; the next import goes on where they came

    // Adds to what is waiting.
    void start(const QString& program, const QStringList& paths, const QString& database);
    // Logs that are followed now.
    QStringList followed() const;
    void stop(const QString& path);
    // Minutes without anything new after which a log is no longer followed.
    static constexpr int kSilentMinutes = 30;

  signals:
    void began(const QString& path);
    // All that is there now; `follows`: what comes is read too.
    void imported(const QString& path, const QString& summary, bool follows);
    void fellSilent(const QString& path); // and is followed no longer
    void failed(const QString& path, const QString& message);
    void troubled(const QString& path,
                  const QString& message); // of a part; the rest is read, and it is tried again

  private:
    struct Job {
        QString program;
        QString path;
        QString database;
    };
    struct Reader {
        Job job;
        std::unique_ptr<QProcess> process;
        QString last_line;
        QString complaint;
        bool follows = false; // it has read what was there
        bool stopped = false;
    };
    void next();
    void readLines(Reader& reader);
    void readComplaints(Reader& reader);
    void end(Reader& reader, int code, QProcess::ExitStatus status);
    void forget(const Reader& reader);
    Reader* reading() const; // that has not read yet what is there; null: none

    QList<Job> waiting_;
    std::vector<std::unique_ptr<Reader>> readers_;
};

} // namespace fulgurite
