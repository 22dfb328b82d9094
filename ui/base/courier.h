// SPDX-License-Identifier: GPL-3.0-or-later
// Carries calls from other threads to an object of the window's thread, until that is gone.
#pragma once

#include <QMetaObject>
#include <QObject>

#include <functional>
#include <memory>
#include <mutex>

namespace fulgurite {

class Courier {
  public:
    explicit Courier(QObject* receiver) : receiver_(receiver) {}

    // From any thread.
    void post(std::function<void()> call) {
        const std::scoped_lock lock(mutex_);
        if (receiver_) {
            QMetaObject::invokeMethod(receiver_, std::move(call), Qt::QueuedConnection);
        }
    }
    // By the receiver, before it goes.
    void close() {
        const std::scoped_lock lock(mutex_);
        receiver_ = nullptr;
    }

  private:
    std::mutex mutex_;
    QObject* receiver_;
};

} // namespace fulgurite
