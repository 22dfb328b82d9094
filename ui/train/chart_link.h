// SPDX-License-Identifier: GPL-3.0-or-later
// What the charts of the grid share: the horizontal range, the cursor and the pins, in units of the axis.
#pragma once

#include "ui/train/chart_spec.h"

#include <QObject>

#include <optional>
#include <utility>
#include <vector>

namespace fulgurite {

class ChartLink : public QObject {
    Q_OBJECT

  public:
    explicit ChartLink(QObject* parent = nullptr) : QObject(parent) {}

    // The extent of all charts together. A zoomed range stays where it is.
    void setFull(double low, double high);
    std::pair<double, double> full() const { return full_; }
    std::pair<double, double> range() const { return zoom_.value_or(full_); }
    bool zoomed() const { return zoom_.has_value(); }
    void setRange(double low, double high); // the full one, or beyond: fitted
    void fit();

    // The axis that all charts have now; a change of it forgets zoom, cursor and pins.
    void setAxis(XAxis axis, bool logarithmic);
    XAxis axis() const { return axis_; }
    bool logarithmic() const { return logarithmic_; }
    double place(double x) const; // undoes the logarithm

    std::optional<double> cursor() const { return cursor_; }
    void setCursor(std::optional<double> x, const void* chart);
    bool cursorIsOf(const void* chart) const { return cursor_ && cursor_chart_ == chart; }
    // A third pin takes the place of the first.
    void togglePin(double x);
    void clearPins();
    const std::vector<double>& pins() const { return pins_; }

  signals:
    void rangeChanged();
    void cursorChanged();

  private:
    std::pair<double, double> full_{0, 1};
    std::optional<std::pair<double, double>> zoom_;
    XAxis axis_ = XAxis::Step;
    bool logarithmic_ = false;
    std::optional<double> cursor_;
    const void* cursor_chart_ = nullptr;
    std::vector<double> pins_;
};

} // namespace fulgurite
