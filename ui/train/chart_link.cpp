// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/chart_link.h"

#include <cmath>

namespace fulgurite {

void ChartLink::setFull(double low, double high) {
    if (full_ == std::pair(low, high)) {
        return;
    }
    full_ = {low, high};
    emit rangeChanged();
}

void ChartLink::setRange(double low, double high) {
    const bool whole = low <= full_.first && high >= full_.second;
    const auto wanted = whole ? std::nullopt : std::optional(std::pair(low, high));
    if (wanted != zoom_) {
        zoom_ = wanted;
        emit rangeChanged();
    }
}

void ChartLink::fit() {
    setRange(full_.first, full_.second);
}

void ChartLink::setAxis(XAxis axis, bool logarithmic) {
    if (axis == axis_ && logarithmic == logarithmic_) {
        return;
    }
    axis_ = axis;
    logarithmic_ = logarithmic;
    zoom_.reset();
    cursor_.reset();
    pins_.clear();
    emit rangeChanged();
    emit cursorChanged();
}

double ChartLink::place(double x) const {
    return logarithmic_ ? std::pow(10.0, x) : x;
}

void ChartLink::setCursor(std::optional<double> x, const void* chart) {
    if (x == cursor_ && chart == cursor_chart_) {
        return;
    }
    cursor_ = x;
    cursor_chart_ = chart;
    emit cursorChanged();
}

void ChartLink::togglePin(double x) {
    for (auto pin = pins_.begin(); pin != pins_.end(); ++pin) {
        if (*pin == x) {
            pins_.erase(pin);
            emit cursorChanged();
            return;
        }
    }
    if (pins_.size() == 2) {
        pins_.erase(pins_.begin());
    }
    pins_.push_back(x);
    emit cursorChanged();
}

void ChartLink::clearPins() {
    if (!pins_.empty()) {
        pins_.clear();
        emit cursorChanged();
    }
}

} // namespace fulgurite
