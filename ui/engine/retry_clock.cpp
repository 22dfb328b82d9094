// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/engine/retry_clock.h"

#include <algorithm>
#include <array>

namespace fulgurite {

RetryClock::RetryClock(QObject* parent) : QObject(parent) {
    timer_.setInterval(1000);
    connect(&timer_, &QTimer::timeout, this, [this] {
        if (--seconds_left_ > 0) {
            emit ticked();
            return;
        }
        timer_.stop();
        emit due();
    });
}

int RetryClock::secondsAfter(int failures) {
    static constexpr std::array<int, 5> seconds{3, 5, 10, 20, 30};
    return seconds[static_cast<std::size_t>(std::clamp(failures, 1, static_cast<int>(seconds.size())) - 1)];
}

void RetryClock::failed() {
    seconds_left_ = secondsAfter(++failures_);
    timer_.start();
    emit ticked();
}

void RetryClock::succeeded() {
    timer_.stop();
    failures_ = 0;
}

void RetryClock::stop() {
    timer_.stop();
}

} // namespace fulgurite
