// SPDX-License-Identifier: GPL-3.0-or-later
// When to try again: longer after each failure, told second by second.
#pragma once

#include <QObject>
#include <QTimer>

namespace fulgurite {

class RetryClock : public QObject {
    Q_OBJECT

  public:
    explicit RetryClock(QObject* parent = nullptr);

    void failed();    // another try failed: counts down to the next
    void succeeded(); // the next failure is the first again
    void stop();      // no countdown; the count of failures stays
    bool waiting() const { return timer_.isActive(); }
    int secondsLeft() const { return seconds_left_; }
    int failures() const { return failures_; }
    // Of the countdown after so many failures.
    static int secondsAfter(int failures);

  signals:
    void ticked(); // a second has passed
    void due();

  private:
    QTimer timer_;
    int seconds_left_ = 0;
    int failures_ = 0;
};

} // namespace fulgurite
