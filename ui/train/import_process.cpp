// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/import_process.h"

#include <algorithm>
#include <utility>

namespace fulgurite {
namespace {

constexpr int kEndMilliseconds = 1000; // of all together; they end in tens of milliseconds

} // namespace

ImportProcess::~ImportProcess() {
    for (const auto& reader : readers_) {
        reader->process->disconnect(this);
        reader->process->terminate();
    }
    for (const auto& reader : readers_) {
        reader->process->waitForFinished(kEndMilliseconds / static_cast<int>(readers_.size()));
    }
}

void ImportProcess::start(const QString& program, const QStringList& paths, const QString& database) {
    for (const QString& path : paths) {
        const bool known = std::any_of(readers_.begin(), readers_.end(), [&](const auto& reader) {
            return !reader->stopped && reader->job.path == path && reader->job.database == database;
        });
        if (known) {
            emit imported(path, tr("%1 is being followed already").arg(path), true);
        } else {
            waiting_ << Job{program, path, database};
        }
    }
    next();
}

QStringList ImportProcess::followed() const {
    QStringList paths;
    for (const auto& reader : readers_) {
        if (reader->follows && !reader->stopped) {
            paths << reader->job.path;
        }
    }
    return paths;
}

void ImportProcess::stop(const QString& path) {
    for (const auto& reader : readers_) {
        if (reader->job.path == path) {
            reader->stopped = true;
            reader->process->terminate();
        }
    }
}

ImportProcess::Reader* ImportProcess::reading() const {
    const auto found = std::find_if(readers_.begin(), readers_.end(),
                                    [](const auto& reader) { return !reader->follows && !reader->stopped; });
    return found == readers_.end() ? nullptr : found->get();
}

void ImportProcess::next() {
    if (waiting_.isEmpty() || reading() != nullptr) {
        return;
    }
    readers_.push_back(std::make_unique<Reader>());
    Reader& reader = *readers_.back();
    reader.job = waiting_.takeFirst();
    reader.process = std::make_unique<QProcess>();
    QProcess* process = reader.process.get();
    connect(process, &QProcess::readyReadStandardOutput, this, [this, &reader] { readLines(reader); });
    connect(process, &QProcess::readyReadStandardError, this, [this, &reader] { readComplaints(reader); });
    connect(process, &QProcess::finished, this,
            [this, &reader](int code, QProcess::ExitStatus status) { end(reader, code, status); });
    connect(process, &QProcess::errorOccurred, this, [this, &reader](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) {
            emit failed(reader.job.path,
                        tr("the engine program could not be started: %1").arg(reader.process->errorString()));
            forget(reader);
        }
    });
    emit began(reader.job.path);
    process->start(reader.job.program,
                   {QStringLiteral("import-run"), reader.job.path, QStringLiteral("--db"), reader.job.database,
                    QStringLiteral("--follow"), QStringLiteral("--until-silent"), QString::number(kSilentMinutes)});
}

void ImportProcess::readLines(Reader& reader) {
    const QStringList lines =
        QString::fromUtf8(reader.process->readAllStandardOutput()).split(u'\n', Qt::SkipEmptyParts);
    for (const QString& line : lines) {
        if (line.startsWith(QLatin1String("following"))) {
            reader.follows = true;
            emit imported(reader.job.path, reader.last_line, true);
            readComplaints(reader);
            next();
        } else {
            reader.last_line = line.trimmed();
        }
    }
}

void ImportProcess::readComplaints(Reader& reader) {
    const QString text = QString::fromUtf8(reader.process->readAllStandardError()).trimmed();
    if (!text.isEmpty()) {
        reader.complaint = text.section(u'\n', -1);
    }
    if (reader.follows && !reader.complaint.isEmpty()) {
        emit troubled(reader.job.path, std::exchange(reader.complaint, {}));
    }
}

void ImportProcess::end(Reader& reader, int code, QProcess::ExitStatus status) {
    readLines(reader);
    readComplaints(reader);
    const QString path = reader.job.path;
    if (reader.stopped) {
        // somebody wished it
    } else if (code != 0 || status != QProcess::NormalExit) {
        emit failed(path,
                    reader.complaint.isEmpty() ? tr("the import ended with code %1").arg(code) : reader.complaint);
    } else if (reader.follows) {
        emit fellSilent(path);
    } else {
        emit imported(path, reader.last_line, false);
        if (!reader.complaint.isEmpty()) {
            emit troubled(path, reader.complaint);
        }
    }
    forget(reader);
}

void ImportProcess::forget(const Reader& reader) {
    const auto found =
        std::find_if(readers_.begin(), readers_.end(), [&](const auto& each) { return each.get() == &reader; });
    (*found)->process->disconnect(this);
    (*found)->process.release()->deleteLater(); // not from within its own signal
    readers_.erase(found);
    next();
}

} // namespace fulgurite
