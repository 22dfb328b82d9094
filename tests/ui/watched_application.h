// SPDX-License-Identifier: GPL-3.0-or-later
// For benches: an application that times every event of the window's thread in that thread's own processor time.
// What one event sends on belongs to it. A frame is 16 ms.
#pragma once

#include <QApplication>
#include <QThread>

#include <cstdio>
#include <ctime>
#include <functional>

namespace fulgurite::test {

inline double threadMilliseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

class WatchedApplication : public QApplication {
  public:
    using QApplication::QApplication;

    // Called after a widget has painted itself.
    std::function<void(QObject*)> painted;

    bool notify(QObject* receiver, QEvent* event) override {
        if (QThread::currentThread() != thread()) {
            return QApplication::notify(receiver, event);
        }
        const int type = event->type();
        if (depth_ > 0) {
            const bool handled = QApplication::notify(receiver, event);
            if (type == QEvent::Paint && painted) {
                painted(receiver);
            }
            return handled;
        }
        const char* const name = receiver->metaObject()->className();
        const double before = threadMilliseconds();
        ++depth_;
        const bool handled = QApplication::notify(receiver, event);
        --depth_;
        const double took = threadMilliseconds() - before;
        over_ += took > 16 ? 1 : 0;
        if (took > longest_) {
            longest_ = took;
            where_ = QStringLiteral("%1, event %2").arg(QLatin1String(name)).arg(type);
        }
        return handled;
    }
    // The longest since the last call.
    void print(const char* what) {
        std::printf("%-44s longest %6.2f ms of own work (%s)", what, longest_, qPrintable(where_));
        std::printf(over_ > 0 ? ", %d over a frame\n" : "\n", over_);
        longest_ = 0;
        over_ = 0;
    }

  private:
    int depth_ = 0;
    int over_ = 0;
    double longest_ = 0;
    QString where_;
};

} // namespace fulgurite::test
