// SPDX-License-Identifier: GPL-3.0-or-later
// Small live charts of a node's running jobs, side by side, each with the way to the Train page.
#pragma once

#include "ui/nodes/job_curve_feed.h"

#include <QWidget>

#include <vector>

class QHBoxLayout;
class QLabel;
class QPushButton;

namespace fulgurite {

class LinePlot;
class ThemeManager;

class JobCurves : public QWidget {
    Q_OBJECT

  public:
    explicit JobCurves(ThemeManager& themes, QWidget* parent = nullptr);

    // `why_not`: why the Train page does not show this node's runs; empty: it does.
    void show(const std::vector<JobCurve>& curves, const QString& why_not);

  signals:
    void runWanted(qint64 run);

  private:
    struct Chart {
        QWidget* whole;
        QLabel* title;
        QPushButton* open;
        LinePlot* plot;
        qint64 run = 0;
    };
    void addChart();

    ThemeManager& themes_;
    QHBoxLayout* row_;
    std::vector<Chart> charts_; // used again, so that what has the focus keeps it
};

} // namespace fulgurite
