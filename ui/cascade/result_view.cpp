// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/result_view.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/image_grid.h"
#include "ui/cascade/result_table.h"
#include "ui/cascade/stage_colors.h"
#include "ui/charts/table_twin.h"
#include "ui/inspect/segments.h"

#include <QAction>
#include <QFileInfo>
#include <QKeyEvent>
#include <QLocale>
#include <QPainter>
#include <QToolButton>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fulgurite {
namespace {

constexpr QSize kCard{200, 98};
enum Sort { kFinal, kClimb };

} // namespace

ResultView::ResultView(ThemeManager& themes, CascadeSearch& search, ThumbnailStore& thumbnails)
    : Card(themes, tr("Results")), themes_(themes), search_(search) {
    setProperty("surface", "panel"); // it stands inside a card
    setNote(tr("rank at each stage, 1 at the top; dashes mark the cut"));
    const auto [orders, order] = makeSegments({tr("final rank"), tr("biggest climb")}, tr("Order"));
    sort_ = order;
    addHeaderWidget(orders);
    const auto add = [&](const char* icon, const QString& name, auto run) {
        auto* button = new QToolButton;
        button->setIcon(themes.icon(QLatin1String(icon)));
        button->setToolTip(name);
        button->setAccessibleName(name);
        addHeaderWidget(button);
        connect(button, &QToolButton::clicked, this, run);
    };
    add("table", tr("Show the results as a table"), [this] {
        if (answer_)
            (new TableTwinDialog(themes_, resultTable(answer_), this))->show();
    });
    add("copy", tr("Copy the results with rank and score of every stage (Ctrl+C)"), [this] { copyAll(); });
    add("export", tr("Save the results as CSV"), [this] {
        if (answer_)
            saveTwin(this, resultTable(answer_));
    });
    grid_ = new ImageGrid(themes, thumbnails, tr("Results"));
    grid_->setCellSize(kCard, [this](QPainter& painter, const QRectF& box, int index, bool selected) {
        paintCard(painter, box, index, selected);
    });
    setContent(grid_);
    connect(sort_, &QButtonGroup::idClicked, this, &ResultView::showAnswer);
    connect(&search_, &CascadeSearch::answerChanged, this, &ResultView::showAnswer);
    connect(&search_, &CascadeSearch::selectionChanged, grid_, &ImageGrid::setCurrent);
    connect(grid_, &ImageGrid::chosen, &search_, [this](client::ImageId image) { search_.select(image); });
    connect(grid_, &ImageGrid::opened, this, &ResultView::previewWanted);
    connect(grid_, &ImageGrid::keyPressed, this, [this](QKeyEvent* event, client::ImageId image) {
        if (event->key() == Qt::Key_M)
            emit moreLikeWanted(image);
    });
    auto* copy = new QAction(this);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    connect(copy, &QAction::triggered, this, &ResultView::copyAll);
    addAction(copy);
}

void ResultView::copyAll() {
    if (answer_)
        copyTwin(resultTable(answer_));
}

QString ResultView::describe(const client::CascadeHit& hit, std::size_t place) const {
    QStringList ranks;
    for (std::size_t i = 0; i < hit.ranks.size(); ++i)
        ranks << tr("rank %1 at stage %2").arg(grouped(static_cast<qint64>(hit.ranks[i]))).arg(i + 1);
    return tr("%1. %2\nscore %3; %4\nEnter shows it large, M asks for more like it")
        .arg(place + 1)
        .arg(QFileInfo(QString::fromStdString(hit.path)).fileName(), QLocale().toString(hit.score, 'f', 3),
             ranks.join(QStringLiteral(", ")));
}

void ResultView::showAnswer() {
    answer_ = search_.answer();
    if (!answer_) {
        grid_->setCells({});
        return;
    }
    order_.resize(answer_->results.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    if (sort_->checkedId() == kClimb) {
        // Ranks gained since the first stage.
        const auto climb = [this](std::size_t place) {
            const auto& ranks = answer_->results[place].ranks;
            return ranks.empty() ? 0.0 : static_cast<double>(ranks.front()) - static_cast<double>(place + 1);
        };
        std::stable_sort(order_.begin(), order_.end(),
                         [&](std::size_t a, std::size_t b) { return climb(a) > climb(b); });
    }
    std::vector<GridCell> cells;
    cells.reserve(order_.size());
    for (const std::size_t place : order_) {
        const client::CascadeHit& hit = answer_->results[place];
        cells.push_back({hit.image, {}, describe(hit, place), false});
    }
    grid_->setCells(std::move(cells));
    grid_->setCurrent(search_.selected());
    showContent();
}

void ResultView::paintRanks(QPainter& painter, const QRectF& box, const client::CascadeHit& hit) const {
    const std::size_t stages = answer_->stages.size();
    const double most =
        std::log(std::max(2.0, static_cast<double>(*std::max_element(hit.ranks.begin(), hit.ranks.end()))));
    // Cuts are drawn on the same axis where they lie in it.
    const auto y = [&](double rank) {
        return box.top() + box.height() * std::min(1.0, std::log(rank) / std::max(most, 1.5));
    };
    const auto x = [&](std::size_t stage) {
        return stages < 2 ? box.center().x()
                          : box.left() + box.width() * static_cast<double>(stage) / static_cast<double>(stages - 1);
    };
    for (std::size_t i = 0; i < stages; ++i) {
        painter.setPen(themes_.color(Role::Grid));
        painter.drawLine(QPointF(x(i), box.top()), QPointF(x(i), box.bottom()));
        const double keep = static_cast<double>(answer_->stages[i].out);
        if (i + 1 < stages && std::log(std::max(1.0, keep)) <= std::max(most, 1.5)) {
            painter.setPen(QPen(themes_.color(Role::Focus), 1.5, Qt::DotLine));
            painter.drawLine(QPointF(x(i) - 6, y(keep)), QPointF(x(i) + 6, y(keep)));
        }
    }
    painter.setRenderHint(QPainter::Antialiasing);
    for (std::size_t i = 0; i < hit.ranks.size(); ++i) {
        const QPointF at(x(i), y(static_cast<double>(hit.ranks[i])));
        if (i > 0) {
            painter.setPen(QPen(themes_.color(Role::Muted), 1.2));
            painter.drawLine(QPointF(x(i - 1), y(static_cast<double>(hit.ranks[i - 1]))), at);
        }
    }
    painter.setFont(themes_.uiFont(10.5));
    for (std::size_t i = 0; i < hit.ranks.size(); ++i) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(stageColor(themes_, i, stages));
        painter.drawEllipse(QPointF(x(i), y(static_cast<double>(hit.ranks[i]))), 3, 3);
        painter.setPen(themes_.color(i + 1 == hit.ranks.size() ? Role::Text : Role::Muted));
        painter.drawText(QRectF(x(i) - 24, box.bottom() + 3, 48, 14), Qt::AlignCenter,
                         compactCount(static_cast<qint64>(hit.ranks[i])));
    }
}

void ResultView::paintCard(QPainter& painter, const QRectF& box, int index, bool selected) const {
    const std::size_t place = order_[static_cast<std::size_t>(index)];
    const client::CascadeHit& hit = answer_->results[place];
    const QRectF card = box.adjusted(4, 3, -4, -3);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(selected ? QPen(themes_.color(Role::Focus), 2) : QPen(themes_.color(Role::Line), 1));
    painter.setBrush(themes_.color(selected ? Role::Selection : Role::Panel));
    painter.drawRoundedRect(card, 6, 6);
    const double side = card.height() - 4;
    grid_->paintThumbnail(painter, QRectF(card.left() + 2, card.top() + 2, side, side), hit.image, false);
    const QRectF right(card.left() + side + 10, card.top() + 4, card.width() - side - 18, themes_.scaled(18));
    painter.setPen(themes_.color(Role::Text));
    painter.setFont(themes_.uiFont(13, QFont::DemiBold));
    painter.drawText(right, Qt::AlignLeft | Qt::AlignVCenter, QString::number(place + 1));
    painter.setFont(themes_.uiFont(11));
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(right, Qt::AlignRight | Qt::AlignVCenter, QLocale().toString(hit.score, 'f', 3));
    if (!hit.ranks.empty())
        paintRanks(painter,
                   QRectF(right.left() + 10, right.bottom() + 5, right.width() - 20,
                          card.bottom() - right.bottom() - themes_.scaled(18) - 8),
                   hit);
}

} // namespace fulgurite
