// SPDX-License-Identifier: GPL-3.0-or-later
// How fresh the charts are: "Live · 3 runs · 0.2 s behind", "idle", "142 new points" while frozen.
#pragma once

#include "ui/train/run_feed.h"

#include <QWidget>

class QLabel;
class QPushButton;

namespace fulgurite {

class ThemeManager;

class LivePill : public QWidget {
    Q_OBJECT

  public:
    LivePill(ThemeManager& themes, RunFeed& feed, QWidget* parent = nullptr);

    QString text() const;
    void setProblem(const QString& problem); // empty: none

  private:
    void refresh();

    ThemeManager& themes_;
    RunFeed& feed_;
    QString problem_;
    QLabel* dot_;
    QLabel* text_;
    QPushButton* pause_;
};

} // namespace fulgurite
