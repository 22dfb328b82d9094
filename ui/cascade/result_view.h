// SPDX-License-Identifier: GPL-3.0-or-later
// The beginning of the ranking: a card an image with its rank, its score at the last stage it reached, and its rank
// at every stage as a line, the cuts dashed, so that what was nearly lost stands out.
#pragma once

#include "ui/base/card.h"

#include "core/client/cascade_types.h"

#include <memory>
#include <vector>

class QButtonGroup;

namespace fulgurite {

class CascadeSearch;
class ImageGrid;
class ThumbnailStore;

class ResultView : public Card {
    Q_OBJECT

  public:
    ResultView(ThemeManager& themes, CascadeSearch& search, ThumbnailStore& thumbnails);

    ImageGrid& grid() { return *grid_; }

  signals:
    void previewWanted(client::ImageId image);
    void moreLikeWanted(client::ImageId image);

  private:
    void showAnswer();
    void paintCard(QPainter& painter, const QRectF& box, int index, bool selected) const;
    void paintRanks(QPainter& painter, const QRectF& box, const client::CascadeHit& hit) const;
    void copyAll();
    QString describe(const client::CascadeHit& hit, std::size_t place) const;

    ThemeManager& themes_;
    CascadeSearch& search_;
    ImageGrid* grid_;
    QButtonGroup* sort_;
    std::shared_ptr<const client::CascadeAnswer> answer_;
    std::vector<std::size_t> order_; // places in answer_->results
};

} // namespace fulgurite
