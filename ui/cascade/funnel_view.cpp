// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/funnel_view.h"

#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/funnel_band.h"
#include "ui/cascade/stage_column.h"
#include "ui/inspect/segments.h"

#include <QScrollArea>
#include <QVBoxLayout>

namespace fulgurite {

FunnelView::FunnelView(ThemeManager& themes, CascadeSearch& search, ThumbnailStore& thumbnails)
    : Card(themes, tr("Funnel")), themes_(themes), search_(search), thumbnails_(thumbnails) {
    setNote(tr("scores of different encoders are never mixed"));
    const auto [heights, height] = makeSegments({tr("log count"), tr("count")}, tr("Height of the band"));
    addHeaderWidget(heights);
    band_ = new FunnelBand(themes);
    connect(height, &QButtonGroup::idClicked, band_, [this](int id) { band_->setLogHeight(id == 0); });
    auto* body = new QWidget;
    body->setProperty("scrollBody", true);
    auto* rows = new QVBoxLayout(body);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    rows->addWidget(band_);
    row_ = new QHBoxLayout;
    row_->setSpacing(0);
    rows->addLayout(row_, 1);
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setVerticalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    scroll->setWidget(body);
    setContent(scroll);
    connect(&search_, &CascadeSearch::answerChanged, this, &FunnelView::showAnswer);
}

void FunnelView::showAnswer() {
    const auto& answer = search_.answer();
    if (!answer || answer->stages.empty())
        return;
    band_->setAnswer(answer);
    while (columns_.size() > answer->stages.size()) {
        delete columns_.back();
        columns_.pop_back();
    }
    while (columns_.size() < answer->stages.size()) {
        auto* column = new StageColumn(themes_, search_, thumbnails_, columns_.size());
        connect(column, &StageColumn::allFellWanted, this, &FunnelView::allFellWanted);
        row_->addWidget(column, 1);
        columns_.push_back(column);
    }
    for (StageColumn* column : columns_)
        column->showAnswer();
    showContent();
}

} // namespace fulgurite
