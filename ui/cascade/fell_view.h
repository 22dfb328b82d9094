// SPDX-License-Identifier: GPL-3.0-or-later
// Every image that fell at one stage, nearest to the cut first: nothing that was rejected is out of sight.
#pragma once

#include <QWidget>

class QButtonGroup;
class QHBoxLayout;
class QLabel;

namespace fulgurite {

class CascadeSearch;
class ImageGrid;
class ThemeManager;
class ThumbnailStore;

class FellView : public QWidget {
    Q_OBJECT

  public:
    FellView(ThemeManager& themes, CascadeSearch& search, ThumbnailStore& thumbnails);

    void showStage(std::size_t stage); // asks the node for all of them
    ImageGrid& grid() { return *grid_; }

  signals:
    void arrived();

  private:
    void ask();

    CascadeSearch& search_;
    ImageGrid* grid_;
    QLabel* title_;
    std::size_t stage_ = 0;
    quint64 asked_ = 0;
};

} // namespace fulgurite
