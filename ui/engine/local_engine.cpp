// SPDX-License-Identifier: GPL-3.0-or-later
// Starting, watching and ending the engine's process.
#include "ui/engine/local_engine.h"

#include "ui/base/settings.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRandomGenerator>
#include <QStandardPaths>

#include <csignal>
#include <utility>

namespace fulgurite {
namespace {

constexpr int kLogLines = 400;
constexpr qint64 kLogFileBytes = 1 << 20;
constexpr int kLeavingMilliseconds = 1500; // until it is killed

QString exitText(int code, QProcess::ExitStatus status) {
    if (status == QProcess::CrashExit)
        return code == SIGKILL ? QStringLiteral("it was killed, perhaps because memory ran out")
                               : QStringLiteral("it crashed (signal %1)").arg(code);
    return QStringLiteral("it ended with status %1").arg(code);
}

} // namespace

LocalEngine::LocalEngine(const Settings& settings, const Paths& paths, QObject* parent)
    : QObject(parent), settings_(settings), paths_(paths) {
    leaving_timer_.setSingleShot(true);
    connect(&leaving_timer_, &QTimer::timeout, this, [this] { leaving_->kill(); });
}

LocalEngine::~LocalEngine() {
    blockSignals(true);
    stop();
    if (leaving_) {
        leaving_->disconnect(this);
        if (!leaving_->waitForFinished(kLeavingMilliseconds)) {
            leaving_->kill();
            leaving_->waitForFinished(kLeavingMilliseconds);
        }
    }
}

QString LocalEngine::findProgram() {
    const QString chosen = qEnvironmentVariable("FULGURITE_ENGINE");
    if (!chosen.isEmpty())
        return chosen;
    const QString name = QStringLiteral("fulgurite-engine");
    const QString beside = QCoreApplication::applicationDirPath() + QLatin1Char('/') + name;
    return QFileInfo(beside).isExecutable() ? beside : QStandardPaths::findExecutable(name);
}

QString LocalEngine::includedModel() {
    return findResource(QStringLiteral("models/ember"));
}

QString LocalEngine::modelFolder() const {
    const QString chosen =
        model_for_this_run_.isEmpty() ? settings_.value(keys::kModelFolder).toString() : model_for_this_run_;
    return chosen.isEmpty() ? includedModel() : chosen;
}

QString LocalEngine::logFile() const {
    return paths_.state + QStringLiteral("/engine.log");
}

qint64 LocalEngine::processId() const {
    return process_ ? process_->processId() : 0;
}

QString LocalEngine::logTail(int lines) const {
    return QStringList(log_.mid(std::max<qsizetype>(0, log_.size() - lines))).join(QLatin1Char('\n'));
}

void LocalEngine::setState(EngineState state, const QString& message) {
    if (state == state_ && message == message_)
        return;
    state_ = state;
    message_ = message;
    if (state == EngineState::Ready && seconds_to_ready_ == 0)
        seconds_to_ready_ = since_start_.elapsed() / 1000.0;
    emit stateChanged();
}

bool LocalEngine::writeToken() {
    QByteArray bytes(32, Qt::Uninitialized);
    QRandomGenerator::system()->generate(reinterpret_cast<quint32*>(bytes.data()),
                                         reinterpret_cast<quint32*>(bytes.data() + bytes.size()));
    endpoint_.token = QString::fromLatin1(bytes.toHex());
    token_file_ = QStringLiteral("%1/token-%2").arg(paths_.runtime).arg(QCoreApplication::applicationPid());
    QFile::remove(token_file_);
    QFile file(token_file_);
    if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly, QFile::ReadOwner | QFile::WriteOwner) ||
        file.write(endpoint_.token.toLatin1()) < 0) {
        setState(EngineState::Failed, QStringLiteral("Cannot write %1: %2").arg(token_file_, file.errorString()));
        return false;
    }
    return true;
}

void LocalEngine::start() {
    leave();
    seconds_to_ready_ = 0;
    start_wanted_ = leaving_ != nullptr;
    if (start_wanted_)
        setState(EngineState::Starting);
    else
        launch();
}

void LocalEngine::launch() {
    const QString program = findProgram();
    const QString model = modelFolder();
    if (program.isEmpty())
        return setState(EngineState::Failed, QStringLiteral("fulgurite-engine was not found beside this program or "
                                                            "on the PATH. Install the engine's package."));
    if (model.isEmpty())
        return setState(EngineState::Failed,
                        QStringLiteral("There is no model: the included one was not installed. "
                                       "Open a checkpoint folder."));
    if (!writeToken())
        return;

    QStringList arguments = {"serve",
                             "--model",
                             model,
                             "--listen",
                             "127.0.0.1:0",
                             "--token-file",
                             token_file_,
                             "--data",
                             paths_.data + QStringLiteral("/engine"),
                             "--exit-with-stdin"};
    if (const int threads = settings_.value(keys::kThreads).toInt(); threads > 0)
        arguments << "--threads" << QString::number(threads);
    if (const int memory = settings_.value(keys::kMemoryMib).toInt(); memory > 0)
        arguments << "--memory-mib" << QString::number(memory);

    log_.clear();
    pending_output_.clear();
    if (QFileInfo(logFile()).size() > kLogFileBytes)
        QFile::remove(logFile());
    process_ = std::make_unique<QProcess>();
    connect(process_.get(), &QProcess::readyReadStandardOutput, this, &LocalEngine::readOutput);
    connect(process_.get(), &QProcess::readyReadStandardError, this, &LocalEngine::readLog);
    connect(process_.get(), &QProcess::finished, this, &LocalEngine::finished);
    connect(process_.get(), &QProcess::errorOccurred, this, [this, program](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            setState(EngineState::Failed,
                     QStringLiteral("Cannot start %1: %2").arg(program, process_->errorString()));
    });
    since_start_.start();
    setState(EngineState::Starting);
    process_->start(program, arguments);
}

void LocalEngine::stop() {
    start_wanted_ = false;
    leave();
    setState(EngineState::Off);
}

// The window does not wait for it: it ends its answers, joins its threads and gives gigabytes back.
void LocalEngine::leave() {
    if (!process_)
        return;
    process_->disconnect(this);
    QFile::remove(token_file_);
    endpoint_ = {};
    if (process_->state() == QProcess::NotRunning) {
        process_.reset();
        return;
    }
    leaving_ = std::move(process_); // there is no other: none is launched while one leaves
    connect(leaving_.get(), &QProcess::finished, this, &LocalEngine::left);
    connect(leaving_.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            left();
    });
    leaving_->closeWriteChannel(); // --exit-with-stdin
    leaving_->terminate();
    leaving_timer_.start(kLeavingMilliseconds);
}

void LocalEngine::left() {
    leaving_timer_.stop();
    leaving_.release()->deleteLater(); // it is what called
    if (std::exchange(start_wanted_, false))
        launch();
}

void LocalEngine::readOutput() {
    pending_output_ += process_->readAllStandardOutput();
    for (qsizetype end; (end = pending_output_.indexOf('\n')) >= 0; pending_output_.remove(0, end + 1)) {
        const QByteArray line = pending_output_.left(end);
        const QJsonObject event = QJsonDocument::fromJson(line).object();
        if (event["event"].toString() != QStringLiteral("listening")) {
            log_ << QString::fromUtf8(line);
            continue;
        }
        endpoint_.host = event["host"].toString();
        endpoint_.port = static_cast<quint16>(event["port"].toInt());
        QFile::remove(token_file_); // the engine has read it; nobody else needs to
        setState(EngineState::Loading);
    }
}

void LocalEngine::readLog() {
    const QByteArray text = process_->readAllStandardError();
    QFile file(logFile());
    if (file.open(QIODevice::Append))
        file.write(text);
    log_ << QString::fromUtf8(text).split(QLatin1Char('\n'), Qt::SkipEmptyParts);
    if (log_.size() > kLogLines)
        log_ = log_.mid(log_.size() - kLogLines);
}

void LocalEngine::finished(int code, QProcess::ExitStatus status) {
    readOutput();
    readLog();
    QFile::remove(token_file_);
    endpoint_ = {};
    const bool was_up = state_ == EngineState::Ready;
    setState(was_up ? EngineState::Lost : EngineState::Failed,
             QStringLiteral("The engine stopped: %1.").arg(exitText(code, status)));
}

void LocalEngine::reportHealth(const QString& status, const QString& message) {
    if (state_ != EngineState::Loading && state_ != EngineState::Ready)
        return;
    if (status == QStringLiteral("ready"))
        setState(EngineState::Ready);
    else if (status == QStringLiteral("failed"))
        setState(EngineState::Failed, message);
    else if (status == QStringLiteral("loading"))
        setState(EngineState::Loading, message);
}

} // namespace fulgurite
