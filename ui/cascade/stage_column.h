// SPDX-License-Identifier: GPL-3.0-or-later
// One stage of the funnel: what it cost, its scores with the cut, and the images that fell here, nearest to the cut
// first.
#pragma once

#include "core/client/cascade_types.h"

#include <QFrame>

#include <optional>

class QLabel;
class QPushButton;

namespace fulgurite {

class CascadeSearch;
class ImageGrid;
class ScoreHistogram;
class StageHead;
class ThemeManager;
class ThumbnailStore;

class StageColumn : public QFrame {
    Q_OBJECT

  public:
    StageColumn(ThemeManager& themes, CascadeSearch& search, ThumbnailStore& thumbnails, std::size_t stage);

    void showAnswer(); // search.answer() has this stage
    ScoreHistogram& histogram() { return *histogram_; }
    ImageGrid& fell() { return *fell_; }
    QString note() const;

  signals:
    void allFellWanted(std::size_t stage);

  private:
    void showSelection();
    void showMoved(std::size_t keep);
    void askWhatIf();
    const client::CascadeStageReport& report() const;

    ThemeManager& themes_;
    CascadeSearch& search_;
    std::size_t stage_;
    StageHead* head_;
    ScoreHistogram* histogram_;
    QLabel* caption_;
    QPushButton* all_;
    ImageGrid* fell_;
    QLabel* note_;
    QPushButton* what_if_;
    quint64 asked_ = 0;
};

} // namespace fulgurite
