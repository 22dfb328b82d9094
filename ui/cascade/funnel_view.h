// SPDX-License-Identifier: GPL-3.0-or-later
// The funnel: the band, and a column for each stage below it. Over four stages it scrolls sideways.
#pragma once

#include "ui/base/card.h"

#include <vector>

class QHBoxLayout;
class QScrollArea;

namespace fulgurite {

class CascadeSearch;
class FunnelBand;
class StageColumn;
class ThumbnailStore;

class FunnelView : public Card {
    Q_OBJECT

  public:
    FunnelView(ThemeManager& themes, CascadeSearch& search, ThumbnailStore& thumbnails);

    const std::vector<StageColumn*>& columns() const { return columns_; }

  signals:
    void allFellWanted(std::size_t stage);

  private:
    void showAnswer();

    ThemeManager& themes_;
    CascadeSearch& search_;
    ThumbnailStore& thumbnails_;
    FunnelBand* band_;
    QHBoxLayout* row_;
    std::vector<StageColumn*> columns_;
};

} // namespace fulgurite
