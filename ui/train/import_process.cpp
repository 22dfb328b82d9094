// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/import_process.h"

namespace fulgurite {
namespace {

constexpr int kStopMilliseconds = 3000;

} // namespace

ImportProcess::~ImportProcess() {
    if (process_) {
        process_->disconnect(this);
        process_->terminate();
        process_->waitForFinished(kStopMilliseconds);
    }
}

void ImportProcess::start(const QString& program, const QStringList& paths, const QString& database, bool follow) {
    for (const QString& path : paths) {
        waiting_ << Job{program, path, database, follow};
    }
    if (!process_) {
        next();
    }
}

void ImportProcess::stop() {
    waiting_.clear();
    if (process_) {
        process_->terminate();
    }
}

void ImportProcess::next() {
    if (waiting_.isEmpty()) {
        return;
    }
    const Job job = waiting_.takeFirst();
    path_ = job.path;
    last_line_.clear();
    process_ = std::make_unique<QProcess>();
    QStringList arguments{QStringLiteral("import-run"), job.path, QStringLiteral("--db"), job.database};
    if (job.follow) {
        arguments << QStringLiteral("--follow");
    }
    connect(process_.get(), &QProcess::readyReadStandardOutput, this, [this] {
        const QStringList lines =
            QString::fromUtf8(process_->readAllStandardOutput()).split(u'\n', Qt::SkipEmptyParts);
        if (!lines.isEmpty()) {
            last_line_ = lines.last().trimmed();
            emit progressed(last_line_);
        }
    });
    connect(process_.get(), &QProcess::finished, this, &ImportProcess::finish);
    connect(process_.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) {
            emit failed(path_, tr("the engine program could not be started: %1").arg(process_->errorString()));
            process_.release()->deleteLater();
            next();
        }
    });
    emit began(path_);
    process_->start(job.program, arguments);
}

void ImportProcess::finish(int code, QProcess::ExitStatus status) {
    const QString complaint = QString::fromUtf8(process_->readAllStandardError()).trimmed();
    process_.release()->deleteLater(); // not from within its own signal
    if (code == 0 && status == QProcess::NormalExit) {
        emit imported(path_, last_line_);
    } else {
        emit failed(path_, complaint.isEmpty() ? tr("the import ended with code %1").arg(code)
                                               : complaint.section(u'\n', -1));
    }
    next();
}

} // namespace fulgurite
