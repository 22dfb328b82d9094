// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/stage_column.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/image_grid.h"
#include "ui/cascade/score_histogram.h"
#include "ui/cascade/stage_colors.h"
#include "ui/cascade/stage_head.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr QSize kFellCell{44, 58};

QString scoreText(double score) {
    return QLocale().toString(score, 'f', 3);
}

} // namespace

StageColumn::StageColumn(ThemeManager& themes, CascadeSearch& search, ThumbnailStore& thumbnails, std::size_t stage)
    : themes_(themes), search_(search), stage_(stage) {
    setMinimumWidth(themes.scaled(280));
    head_ = new StageHead(themes, stage);
    histogram_ = new ScoreHistogram(themes, tr("Scores of stage %1").arg(stage + 1));
    caption_ = new QLabel;
    caption_->setProperty("tone", "small");
    caption_->setWordWrap(true);
    all_ = new QPushButton;
    all_->setProperty("kind", "link");
    fell_ = new ImageGrid(themes, thumbnails, tr("Fell at stage %1, nearest to the cut first").arg(stage + 1));
    fell_->setCellSize(kFellCell, {}, true);
    fell_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff); // wheel and arrows move it
    fell_->setFixedHeight(themes.scaled(kFellCell.height() + 2));
    note_ = new QLabel;
    note_->setWordWrap(true);
    note_->setProperty("tone", "small");
    what_if_ = new QPushButton(tr("What if it were kept?"));
    what_if_->setProperty("kind", "link");
    auto* over = new QHBoxLayout;
    over->addWidget(caption_, 1);
    over->addWidget(all_);
    auto* under = new QHBoxLayout;
    under->addWidget(note_, 1);
    under->addWidget(what_if_, 0, Qt::AlignTop);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 8, 10, 6);
    column->setSpacing(2);
    column->addWidget(head_);
    column->addWidget(histogram_, 1);
    column->addLayout(over);
    column->addWidget(fell_);
    column->addLayout(under);
    connect(histogram_, &ScoreHistogram::keepMoved, this, &StageColumn::showMoved);
    connect(histogram_, &ScoreHistogram::keepChosen, this,
            [this](std::size_t keep) { search_.setKeep(stage_, keep); });
    connect(fell_, &ImageGrid::chosen, &search_, [this](client::ImageId image) { search_.select(image); });
    connect(all_, &QPushButton::clicked, this, [this] { emit allFellWanted(stage_); });
    connect(what_if_, &QPushButton::clicked, this, &StageColumn::askWhatIf);
    connect(&search_, &CascadeSearch::selectionChanged, this, &StageColumn::showSelection);
}

const client::CascadeStageReport& StageColumn::report() const {
    return search_.answer()->stages[stage_];
}

QString StageColumn::note() const {
    return note_->text();
}

void StageColumn::showAnswer() {
    const std::size_t stages = search_.answer()->stages.size();
    const client::ImageEncoder* encoder = search_.encoder(report().encoder);
    head_->setReport(report(), stages, encoder ? std::optional(*encoder) : std::nullopt);
    histogram_->setReport(&report(), stageColor(themes_, stage_, stages), stage_ == 0);
    std::vector<GridCell> cells;
    for (const client::FallenImage& each : report().fell)
        cells.push_back({each.image, grouped(static_cast<qint64>(each.rank)),
                         tr("image %1: rank %2 here, score %3")
                             .arg(each.image)
                             .arg(grouped(static_cast<qint64>(each.rank)), scoreText(each.score)),
                         true});
    fell_->setCells(std::move(cells));
    const std::size_t fallen = report().in - report().out;
    caption_->setText(fallen > 0 ? tr("fell here, nearest to the cut first") : tr("nothing falls here"));
    all_->setText(tr("all %1").arg(grouped(static_cast<qint64>(fallen))));
    all_->setVisible(fallen > 0);
    fell_->setVisible(fallen > 0);
    showSelection();
}

void StageColumn::showSelection() {
    ++asked_;
    what_if_->hide();
    note_->clear();
    const auto& answer = search_.answer();
    if (!answer || stage_ >= answer->stages.size())
        return;
    const std::optional<client::ImageId> image = search_.selected();
    const auto fallen =
        std::find_if(report().fell.begin(), report().fell.end(),
                     [&](const client::FallenImage& each) { return image && each.image == *image; });
    const auto hit = std::find_if(answer->results.begin(), answer->results.end(),
                                  [&](const client::CascadeHit& each) { return image && each.image == *image; });
    fell_->setCurrent(fallen != report().fell.end() ? image : std::nullopt);
    if (fallen != report().fell.end()) {
        histogram_->setMark(fallen->score, true);
        note_->setText(tr("fell here: rank %1, score %2")
                           .arg(grouped(static_cast<qint64>(fallen->rank)), scoreText(fallen->score)));
        what_if_->show();
    } else if (hit != answer->results.end() && stage_ < hit->scores.size()) {
        histogram_->setMark(hit->scores[stage_], hit->scores.size() == stage_ + 1 && report().out < report().in &&
                                                     hit->ranks[stage_] > report().out);
        note_->setText(tr("image %1: rank %2, score %3")
                           .arg(hit->image)
                           .arg(grouped(static_cast<qint64>(hit->ranks[stage_])), scoreText(hit->scores[stage_])));
    } else {
        histogram_->setMark({}, false);
        if (stage_ + 1 == answer->stages.size() && stage_ > 0)
            note_->setText(
                tr("This stage orders %1 images and cuts nothing, so recall at %1 and beyond is that of the "
                   "stage before.")
                    .arg(grouped(static_cast<qint64>(report().in))));
    }
}

// While the line moves: what the next stage would have to encode at most.
void StageColumn::showMoved(std::size_t keep) {
    const auto& answer = search_.answer();
    if (!answer || stage_ + 1 >= answer->stages.size())
        return;
    const client::ImageEncoder* next = search_.encoder(answer->stages[stage_ + 1].encoder);
    const auto before = static_cast<std::ptrdiff_t>(report().out);
    const auto more = static_cast<std::ptrdiff_t>(keep) - before;
    QString text = more >= 0 ? tr("%1 more go on").arg(grouped(more)) : tr("%1 fewer go on").arg(grouped(-more));
    if (more > 0 && next && next->seconds_image)
        text += tr("; at most %1 more of encoding, on release")
                    .arg(secondsText(*next->seconds_image * static_cast<double>(more)));
    note_->setText(text);
}

// A query of its own that is not entered as one of the person's, with a cut that keeps the image.
void StageColumn::askWhatIf() {
    const auto& answer = search_.answer();
    const std::optional<client::ImageId> image = search_.selected();
    if (!answer || !image || !search_.client() || !search_.library())
        return;
    const auto fallen = std::find_if(report().fell.begin(), report().fell.end(),
                                     [&](const client::FallenImage& each) { return each.image == *image; });
    if (fallen == report().fell.end())
        return;
    client::CascadeQuery query;
    query.terms = search_.answered().terms;
    query.stages = search_.answered().stages;
    query.stages[stage_].keep = fallen->rank;
    query.record = false;
    query.limit = fallen->rank;
    what_if_->setEnabled(false);
    search_.client()->query(
        search_.library()->id, query,
        search_.onWindow<client::CascadeAnswer>([this, mine = ++asked_, image = *image, keep = fallen->rank,
                                                 base = note_->text()](const auto& outcome) {
            what_if_->setEnabled(true);
            if (mine != asked_)
                return;
            if (!outcome.ok()) {
                note_->setText(QString::fromUtf8(outcome.error().what()));
                return;
            }
            const auto& results = outcome.value().results;
            const auto hit = std::find_if(results.begin(), results.end(),
                                          [image](const client::CascadeHit& each) { return each.image == image; });
            QStringList words;
            for (std::size_t i = stage_ + 1; hit != results.end() && i < hit->ranks.size(); ++i)
                words << tr("rank %1 at stage %2").arg(grouped(static_cast<qint64>(hit->ranks[i]))).arg(i + 1);
            note_->setText(base + u'\n' +
                           tr("with keep %1: %2; at the end %3")
                               .arg(grouped(static_cast<qint64>(keep)),
                                    words.isEmpty() ? tr("it goes no further") : words.join(QStringLiteral(", ")),
                                    hit == results.end() ? tr("behind the first %1").arg(results.size())
                                                         : tr("%1 of all").arg(hit - results.begin() + 1)));
            what_if_->hide();
        }));
}

} // namespace fulgurite
