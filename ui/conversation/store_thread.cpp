// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/conversation/store_thread.h"

#include <QDateTime>
#include <QFile>
#include <QTimer>

namespace fulgurite {

namespace {
constexpr int kFlushMilliseconds = 400;
}

StoreSession::StoreSession() : flush_timer_(new QTimer(this)) {
    flush_timer_->setInterval(kFlushMilliseconds);
    connect(flush_timer_, &QTimer::timeout, this, &StoreSession::tryFlush);
}

StoreSession::~StoreSession() = default;

void StoreSession::tryFlush() {
    try {
        flush();
        emit saved();
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::Internal) { // no room will help, as for an answer that was deleted meanwhile
            writers_.clear();
            ends_.clear();
            flush_timer_->stop();
            complained_ = false;
            emit failed(QString::fromUtf8(error.what()));
            emit gaveUp();
            return;
        }
        if (!std::exchange(complained_, true)) {
            emit failed(tr("%1 What arrives meanwhile is kept in memory and saved as soon as that is possible.")
                            .arg(QString::fromUtf8(error.what())));
        }
    }
}

void StoreSession::open(const QString& file) {
    writers_.clear();
    ends_.clear();
    turn_cache_.clear();
    workspace_.reset();
    refusal_.reset();
    try {
        workspace_ = std::make_unique<Workspace>(QFile::encodeName(file).toStdString());
    } catch (const Error& error) {
        refusal_ = error;
        throw;
    }
}

Workspace& StoreSession::workspace() {
    if (!workspace_) {
        throw refusal_ ? *refusal_ : Error(ErrorKind::Unavailable, "the workspace is not open");
    }
    return *workspace_;
}

std::int64_t StoreSession::totalChanges() const {
    return workspace_ ? workspace_->database().totalChanges() : 0;
}

void StoreSession::append(NodeId node, const std::vector<TokenInfo>& tokens) {
    const auto writer = writers_.try_emplace(node, workspace().tokens(), node).first;
    writer->second.append(tokens);
    if (!flush_timer_->isActive()) {
        flush_timer_->start();
    }
}

void StoreSession::replace(NodeId node, std::size_t kept, const std::vector<TokenInfo>& tokens) {
    writers_.erase(node);
    writers_.try_emplace(node, workspace().tokens(), node, kept).first->second.append(tokens);
    if (!flush_timer_->isActive()) {
        flush_timer_->start();
    }
}

void StoreSession::setLastText(NodeId node, const std::string& text) {
    writers_.try_emplace(node, workspace().tokens(), node).first->second.setLast(text);
    if (!flush_timer_->isActive()) {
        flush_timer_->start();
    }
}

void StoreSession::flush() {
    if (writers_.empty() && ends_.empty()) {
        return;
    }
    Transaction transaction(workspace().database());
    for (auto& [node, writer] : writers_) {
        writer.write();
    }
    for (const auto& [node, finish] : ends_) {
        workspace().conversations().finish(node, finish);
    }
    transaction.commit();
    for (auto& [node, writer] : writers_) {
        writer.settle();
    }
    for (const auto& [node, finish] : std::exchange(ends_, {})) {
        writers_.erase(node);
        turn_cache_.remove(node);
    }
    if (writers_.empty()) {
        flush_timer_->stop();
    }
    if (std::exchange(complained_, false)) {
        emit caughtUp(); // whoever came first, the timer or a job that wanted all in the file
    }
}

void StoreSession::finish(NodeId node, const NodeFinish& finish, const std::string& rest) {
    if (const auto writer = writers_.find(node); writer != writers_.end()) {
        writer->second.extendLast(rest);
    }
    ends_[node] = finish;
    if (!flush_timer_->isActive()) {
        flush_timer_->start();
    }
    try {
        flush();
    } catch (const Error&) {
        complained_ = true; // by who called
        throw;
    }
}

StoreThread::StoreThread(const QString& file, QObject* parent)
    : QObject(parent), file_(file), session_(new StoreSession) {
    session_->moveToThread(&thread_);
    connect(&thread_, &QThread::finished, session_, &QObject::deleteLater);
    connect(session_, &StoreSession::failed, this, &StoreThread::failed);
    connect(session_, &StoreSession::saved, this, &StoreThread::saved);
    connect(session_, &StoreSession::caughtUp, this, &StoreThread::caughtUp);
    connect(session_, &StoreSession::gaveUp, this, &StoreThread::gaveUp);
    thread_.setObjectName(QStringLiteral("store"));
    thread_.start();
    open(file);
}

StoreThread::~StoreThread() {
    // Behind everything that waits.
    QMetaObject::invokeMethod(
        session_,
        [this] {
            try {
                session_->flush();
            } catch (const Error&) {
                // Nobody is left to tell; what was flushed before is safe.
            }
        },
        Qt::BlockingQueuedConnection);
    thread_.quit();
    thread_.wait();
}

void StoreThread::open(const QString& file) {
    file_ = file;
    QMetaObject::invokeMethod(
        session_,
        [this, file] {
            try {
                session_->open(file);
                emit opened(static_cast<int>(session_->workspace().recovered().size()));
            } catch (const Error& error) {
                emit openFailed(QString::fromUtf8(error.what()),
                                error.kind() == ErrorKind::Corrupt || error.kind() == ErrorKind::Unsupported);
            }
        },
        Qt::QueuedConnection);
}

void StoreThread::startNew() {
    const QString stamp = QDateTime::currentDateTime().toString(QStringLiteral(".yyyy-MM-dd-hhmmss"));
    for (const char* suffix : {"", "-wal", "-shm"}) {
        const QString name = file_ + QLatin1String(suffix);
        if (QFile::exists(name) && !QFile::rename(name, file_ + stamp + QLatin1String(suffix))) {
            emit openFailed(tr("%1: cannot be moved aside. Make its folder writable.").arg(name), true);
            return;
        }
    }
    open(file_);
}

void StoreThread::post(std::function<void(StoreSession&)> work) {
    QMetaObject::invokeMethod(
        session_,
        [this, work = std::move(work)] {
            try {
                const std::int64_t before = session_->totalChanges();
                work(*session_);
                if (session_->totalChanges() != before) {
                    emit saved();
                }
            } catch (const Error& error) {
                emit failed(QString::fromUtf8(error.what()));
            } catch (const std::exception& error) {
                emit failed(tr("The workspace could not be read: %1").arg(QString::fromUtf8(error.what())));
            }
        },
        Qt::QueuedConnection);
}

void StoreThread::answer(const QPointer<QObject>& receiver, std::function<void()> call) {
    QMetaObject::invokeMethod(
        this,
        [receiver, call = std::move(call)] {
            if (receiver) {
                call();
            }
        },
        Qt::QueuedConnection);
}

void StoreThread::wait() {
    QMetaObject::invokeMethod(
        session_, [] {}, Qt::BlockingQueuedConnection);
}

} // namespace fulgurite
