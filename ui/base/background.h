// SPDX-License-Identifier: GPL-3.0-or-later
// Work that is too long for the window's thread: done on a worker, its result handed back on the window's thread.
#pragma once

#include <QCoreApplication>
#include <QMetaObject>
#include <QPointer>
#include <QThreadPool>

#include <memory>
#include <utility>

namespace fulgurite {

// Runs work() on a worker thread, and lets it go there.
template <class Work>
void inBackground(Work work) {
    QThreadPool::globalInstance()->start([work = std::move(work)] { work(); });
}

// Runs work() on a worker thread, then done(result) on the window's thread unless `receiver` is gone by then. Both
// must be copyable; what `work` uses it must own or share.
template <class Work, class Done>
void inBackground(QObject* receiver, Work work, Done done) {
    const QPointer<QObject> guard(receiver);
    QThreadPool::globalInstance()->start([guard, work = std::move(work), done = std::move(done)]() mutable {
        auto result = std::make_shared<decltype(work())>(work());
        QMetaObject::invokeMethod(
            QCoreApplication::instance(),
            [guard, result, done = std::move(done)]() mutable {
                if (guard) {
                    done(std::move(*result));
                }
            },
            Qt::QueuedConnection);
    });
}

} // namespace fulgurite
