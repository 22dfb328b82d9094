// SPDX-License-Identifier: GPL-3.0-or-later
// For benches: an application that times every event of the window's thread in that thread's own processor time.
// What one event sends on belongs to it. A frame is 16 ms.
#pragma once

#include <QApplication>
#include <QThread>

#include <cstdio>
#include <ctime>

namespace fulgurite::test {

inline double threadMilliseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

class WatchedApplication : public QApplication {
  public:
    using QApplication::QApplication;

    bool notify(QObject* receiver, QEvent* event) override {
        if (depth_ > 0 || QThread::currentThread() != thread()) {
            return QApplication::notify(receiver, event);
        }
        const char* const name = receiver->metaObject()->className();
        const int type = event->type();
        const double before = threadMilliseconds();
        ++depth_;
        const bool handled = QApplication::notify(receiver, event);
        --depth_;
        const double took = threadMilliseconds() - before;
        if (took > longest_) {
            longest_ = took;
            where_ = QStringLiteral("%1, event %2").arg(QLatin1String(name)).arg(type);
        }
        return handled;
    }
    // The longest since the last call.
    void print(const char* what) {
        std::printf("%-34s longest %6.2f ms of own work (%s)\n", what, longest_, qPrintable(where_));
        longest_ = 0;
    }

  private:
    int depth_ = 0;
    double longest_ = 0;
    QString where_;
};

} // namespace fulgurite::test
