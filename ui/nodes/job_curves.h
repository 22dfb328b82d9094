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

    // `problem`: why curves are missing. `far`: the node is another machine, whose runs the Train page copies.
    void show(const std::vector<JobCurve>& curves, const QString& problem, bool far);

  signals:
    void runWanted(qint64 run, const QString& uuid);

  private:
    struct Chart {
        QWidget* whole;
        QLabel* title;
        QPushButton* open;
        LinePlot* plot;
        qint64 run = 0;
        QString uuid;
    };
    void addChart();

    ThemeManager& themes_;
    QHBoxLayout* row_;
    QLabel* problem_;
    std::vector<Chart> charts_; // used again, so that what has the focus keeps it
};

} // namespace fulgurite
