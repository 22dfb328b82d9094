// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/fell_view.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/image_grid.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>
#include <unordered_map>

namespace fulgurite {
namespace {

using Fallen = std::shared_ptr<const std::vector<client::FallenImage>>;

GridContent contentOf(const Fallen& fallen) {
    auto places = std::make_shared<std::unordered_map<client::ImageId, int>>();
    for (std::size_t i = 0; i < fallen->size(); ++i)
        places->emplace((*fallen)[i].image, static_cast<int>(i));
    return {static_cast<int>(fallen->size()),
            [fallen](int index) {
                const client::FallenImage& each = (*fallen)[static_cast<std::size_t>(index)];
                const QString rank = grouped(static_cast<qint64>(each.rank));
                return GridCell{each.image, rank,
                                FellView::tr("image %1: rank %2, score %3")
                                    .arg(each.image)
                                    .arg(rank, QLocale().toString(each.score, 'f', 3)),
                                true};
            },
            [places](client::ImageId image) {
                const auto found = places->find(image);
                return found == places->end() ? -1 : found->second;
            }};
}

} // namespace

FellView::FellView(ThemeManager& themes, CascadeSearch& search, ThumbnailStore& thumbnails) : search_(search) {
    grid_ = new ImageGrid(themes, thumbnails, tr("Images that fell"));
    title_ = new QLabel;
    title_->setProperty("tone", "muted");
    title_->setContentsMargins(10, 6, 10, 2);
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    rows->addWidget(title_);
    rows->addWidget(grid_, 1);
    connect(grid_, &ImageGrid::chosen, &search_, [this](client::ImageId image) { search_.select(image); });
    connect(&search_, &CascadeSearch::answerChanged, this, [this] {
        ++asked_;
        grid_->setCells({});
        title_->setText(tr("Choose “all” at a stage of the funnel to see what fell there."));
        if (isVisible())
            ask();
    });
}

void FellView::showStage(std::size_t stage) {
    stage_ = stage;
    ask();
}

void FellView::ask() {
    const auto& answer = search_.answer();
    if (!answer || stage_ >= answer->stages.size() || !search_.client() || !search_.library())
        return;
    const client::CascadeStageReport& report = answer->stages[stage_];
    client::CascadeQuery query;
    query.terms = search_.answered().terms;
    query.stages = search_.answered().stages;
    query.limit = 1;
    query.fell = report.in - report.out;
    query.record = false;
    title_->setText(tr("Fetching what fell at stage %1…").arg(stage_ + 1));
    search_.client()->query(search_.library()->id, query,
                            search_.onWindow<client::CascadeAnswer>([this, mine = ++asked_](const auto& outcome) {
                                if (mine != asked_)
                                    return;
                                if (!outcome.ok() || stage_ >= outcome.value().stages.size()) {
                                    title_->setText(outcome.ok() ? tr("The answer has no such stage.")
                                                                 : QString::fromUtf8(outcome.error().what()));
                                    return;
                                }
                                const auto fallen = std::make_shared<const std::vector<client::FallenImage>>(
                                    outcome.value().stages[stage_].fell);
                                title_->setText(tr("%1 images fell at stage %2, nearest to the cut first")
                                                    .arg(grouped(static_cast<qint64>(fallen->size())))
                                                    .arg(stage_ + 1));
                                grid_->setContent(contentOf(fallen));
                                emit arrived();
                            }));
}

} // namespace fulgurite
