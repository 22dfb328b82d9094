// SPDX-License-Identifier: GPL-3.0-or-later
// Which charts there are and where they stand; chart_grid_scenes.cpp fills them.
#include "ui/train/chart_grid.h"

#include "ui/base/theme_manager.h"

#include <QFrame>
#include <QKeyEvent>
#include <QMenu>
#include <QScrollBar>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kCellWidth = 258;
constexpr int kCellHeight = 171;
constexpr std::size_t kMostRunsAsked = 200;
constexpr std::size_t kFewRuns = 20;
constexpr int kBuildMilliseconds = 20; // updates that come close together are drawn once

} // namespace

ChartGrid::ChartGrid(ThemeManager& themes, RunBoard& board, QWidget* parent)
    : QScrollArea(parent), themes_(themes), board_(board), body_(new QWidget) {
    setObjectName(QStringLiteral("chart-grid"));
    setAccessibleName(tr("Charts"));
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFocusPolicy(Qt::NoFocus);
    body_->setProperty("scrollBody", true);
    setWidget(body_);
    build_timer_.setSingleShot(true);
    build_timer_.setInterval(kBuildMilliseconds);
    connect(&build_timer_, &QTimer::timeout, this, &ChartGrid::buildScenes);
    want_timer_.setSingleShot(true);
    want_timer_.setInterval(0);
    connect(&want_timer_, &QTimer::timeout, this, &ChartGrid::want);
    make_timer_.setSingleShot(true);
    make_timer_.setInterval(0);
    connect(&make_timer_, &QTimer::timeout, this, [this] { makeCharts(1); });
    connect(&board.feed(), &RunFeed::runsChanged, this, [this] {
        // Ten times a second while runs are at work: of many runs only when there are new names at all.
        const QStringList& all = board_.feed().seriesNames();
        if (all != all_names_ || board_.drawnRuns().size() <= kFewRuns) {
            all_names_ = all;
            followNames();
        }
    });
    connect(&board.feed(), &RunFeed::curvesChanged, this,
            [this](const QSet<qint64>&, const QSet<QString>& series) { markDirty(series); });
    connect(&board.feed(), &RunFeed::clocksChanged, this, [this] {
        if (board_.settings().x != XAxis::Step) {
            markDirty();
        }
    });
    connect(&board, &RunBoard::drawnChanged, this, [this] {
        followNames();
        want_timer_.start();
        markDirty();
    });
    connect(&board, &RunBoard::selectionChanged, this, [this] { markDirty(); });
    connect(&board, &RunBoard::settingsChanged, this, [this] {
        const ChartSettings& settings = board_.settings();
        link_.setAxis(settings.x, settings.log_x);
        board_.feed().wantClocks(settings.x != XAxis::Step);
        markDirty();
    });
    connect(&link_, &ChartLink::rangeChanged, this, &ChartGrid::followZoom);
}

CurveChart* ChartGrid::chart(const QString& id) const {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry->spec.id == id; });
    return found == entries_.end() ? nullptr : (*found)->chart;
}

QStringList ChartGrid::chartIds() const {
    QStringList ids;
    for (const auto& entry : entries_) {
        ids << entry->spec.id;
    }
    return ids;
}

CurveChart* ChartGrid::current() const {
    for (const auto& entry : entries_) {
        if (entry->chart != nullptr && entry->chart->hasFocus()) {
            return entry->chart;
        }
    }
    return entries_.empty() ? nullptr : entries_.front()->chart;
}

void ChartGrid::addChart(const QString& series) {
    const QString id = chartOfSeries(series).id;
    if (!added_.contains(id)) {
        added_ << id;
    }
    removed_.removeAll(id);
    names_.clear();
    followNames();
    makeCharts(entries_.size());
    if (CurveChart* added = chart(id)) {
        added->setFocus();
        ensureWidgetVisible(added);
    }
}

void ChartGrid::removeChart(const QString& id) {
    if (!added_.removeOne(id)) {
        removed_ << id;
    }
    if (enlarged_ == id) {
        enlarged_.clear();
    }
    names_.clear();
    followNames();
}

void ChartGrid::setChosen(const QStringList& added, const QStringList& removed) {
    added_ = added;
    removed_ = removed;
    names_.clear();
    followNames();
}

void ChartGrid::enlarge(const QString& id) {
    enlarged_ = chart(id) != nullptr ? id : QString();
    placeCharts();
    if (CurveChart* large = chart(enlarged_)) {
        large->setFocus();
    }
    want_timer_.start();
    markDirty();
}

void ChartGrid::setPaperFigure(int figure) {
    paper_figure_ = figure;
    markDirty();
}

void ChartGrid::setAlerts(const std::vector<AlertRule>& rules) {
    alerts_ = rules;
    want_timer_.start();
    markDirty();
}

// What the drawn runs log; of very many runs, what any run does.
QStringList ChartGrid::drawnNames() const {
    const std::vector<qint64> runs = board_.drawnRuns();
    if (runs.empty() || runs.size() > kMostRunsAsked) {
        return board_.feed().seriesNames();
    }
    QSet<QString> found;
    for (const qint64 id : runs) {
        for (const SeriesInfo& series : *board_.feed().run(id)->series) {
            found.insert(series.name());
        }
    }
    QStringList names(found.begin(), found.end());
    names.sort();
    return names;
}

// Charts of what the runs log, in the order of the standard ones, and after the first the ones that were added.
void ChartGrid::followNames() {
    const QStringList names = drawnNames();
    if (names == names_ && !names.isEmpty()) {
        return;
    }
    names_ = names;
    std::vector<const RunInfo*> runs;
    if (const std::vector<qint64> drawn = board_.drawnRuns(); drawn.size() <= kMostRunsAsked) {
        for (const qint64 id : drawn) {
            runs.push_back(board_.feed().run(id));
        }
    }
    Entries entries;
    for (const ChartSpec& spec : wantedCharts()) {
        const auto found = std::find_if(entries_.begin(), entries_.end(),
                                        [&](const auto& entry) { return entry && entry->spec.id == spec.id; });
        entries.push_back(found != entries_.end() ? std::exchange(*found, nullptr) : std::make_shared<Entry>());
        entries.back()->spec = spec;
        entries.back()->series = chosenSeries(spec, names, runs);
    }
    for (const auto& entry : entries_) {
        if (entry && entry->frame != nullptr) {
            entry->frame->deleteLater();
        }
    }
    entries_ = std::move(entries);
    placeCharts();
    make_timer_.start();
    want_timer_.start();
    markDirty();
    emit chartsChanged();
}

// The standard ones that have something to show or to say, and after the first those that were added.
std::vector<ChartSpec> ChartGrid::wantedCharts() const {
    const bool rollouts = names_.contains(QStringLiteral("rollout.reward_mean"));
    std::vector<ChartSpec> specs;
    for (const ChartSpec& spec : standardCharts()) {
        const bool said_to_be_missing = spec.needs_updates && rollouts;
        if (!removed_.contains(spec.id) && (said_to_be_missing || !chosenSeries(spec, names_).isEmpty())) {
            specs.push_back(spec);
        }
    }
    for (qsizetype i = 0; i < added_.size(); ++i) {
        const ChartSpec spec = chartOfSeries(added_[i].section(u':', 1));
        specs.insert(specs.begin() + std::min<std::ptrdiff_t>(i + 1, static_cast<std::ptrdiff_t>(specs.size())),
                     spec);
    }
    return specs;
}

// A dozen new charts at once would take longer than a frame.
void ChartGrid::makeCharts(std::size_t most) {
    std::size_t left = most;
    for (const auto& entry : entries_) {
        if (entry->chart != nullptr) {
            continue;
        }
        if (left == 0) {
            make_timer_.start();
            break;
        }
        --left;
        makeChart(*entry);
    }
    if (left < most) {
        placeCharts();
        build_timer_.start();
    }
}

void ChartGrid::makeChart(Entry& entry) {
    const ChartSpec& spec = entry.spec;
    entry.frame = new QFrame(body_);
    entry.frame->setProperty("surface", "card");
    auto* column = new QVBoxLayout(entry.frame);
    column->setContentsMargins(1, 1, 1, 1);
    CurveChart* chart = entry.chart = new CurveChart(themes_, link_, spec);
    column->addWidget(chart);
    connect(chart, &CurveChart::enlargeWanted, this,
            [this, id = spec.id] { enlarge(enlarged_ == id ? QString() : id); });
    connect(chart, &CurveChart::runClicked, this, [this](qint64 run, Qt::KeyboardModifiers modifiers) {
        if (modifiers & (Qt::ControlModifier | Qt::ShiftModifier)) {
            board_.select(board_.selection() + QSet<qint64>{run});
        } else {
            board_.setCurrent(run);
        }
    });
    connect(chart, &CurveChart::rolloutsWanted, this,
            [this, chart](qint64 run, double place) { openRollouts(*chart, run, place); });
    connect(chart, &CurveChart::missingClicked, this, [this, needs = spec.needs_updates] {
        if (needs) {
            emit updatesFilterWanted();
        }
    });
    connect(chart, &CurveChart::menuWanted, this, [this, id = spec.id](QMenu& menu) {
        menu.addAction(themes_.icon(QStringLiteral("close")), tr("Remove this chart"), this,
                       [this, id] { removeChart(id); });
    });
}

void ChartGrid::placeCharts() {
    const int width = viewport()->width();
    const int height = viewport()->height();
    if (CurveChart* large = chart(enlarged_)) {
        for (const auto& entry : entries_) {
            if (entry->frame == nullptr) {
                continue;
            }
            entry->frame->setVisible(entry->chart == large);
            if (entry->chart == large) {
                large->setLarge(true);
                entry->frame->setGeometry(0, 0, width, height);
            }
        }
        body_->resize(width, height);
        return;
    }
    const int columns = std::max(1, (width + metrics::kGap) / (themes_.scaled(kCellWidth) + metrics::kGap));
    const bool first_large = columns >= 3 && entries_.size() > 2;
    const int cells = static_cast<int>(entries_.size()) + (first_large ? 3 : 0);
    const int rows = std::max(first_large ? 2 : 1, (cells + columns - 1) / columns);
    const int cell_width = (width - (columns - 1) * metrics::kGap) / columns;
    const int cell_height = std::max(themes_.scaled(kCellHeight), (height - (rows - 1) * metrics::kGap) / rows);
    int cell = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const bool large = first_large && i == 0;
        // Cells under and beside the large one are taken.
        while (first_large && i > 0 && cell % columns < 2 && cell / columns < 2) {
            ++cell;
        }
        const int x = cell % columns * (cell_width + metrics::kGap);
        const int y = cell / columns * (cell_height + metrics::kGap);
        const int span = large ? 2 : 1;
        ++cell;
        if (entries_[i]->frame == nullptr) {
            continue; // its place stays free
        }
        entries_[i]->chart->setLarge(large || columns == 1);
        entries_[i]->frame->setGeometry(x, y, span * cell_width + (span - 1) * metrics::kGap,
                                        span * cell_height + (span - 1) * metrics::kGap);
        entries_[i]->frame->show();
    }
    const int used_rows = std::max(first_large ? 2 : 1, (cell + columns - 1) / columns);
    body_->resize(width, used_rows * (cell_height + metrics::kGap) - metrics::kGap);
}

void ChartGrid::resizeEvent(QResizeEvent* event) {
    QScrollArea::resizeEvent(event);
    placeCharts();
}

// Digits focus a chart, Escape leaves the large one.
void ChartGrid::keyPressEvent(QKeyEvent* event) {
    const int digit = event->key() - Qt::Key_1;
    if (event->modifiers() == Qt::NoModifier && digit >= 0 && digit < 9 &&
        digit < static_cast<int>(entries_.size())) {
        makeCharts(entries_.size());
        entries_[static_cast<std::size_t>(digit)]->chart->setFocus();
        ensureWidgetVisible(entries_[static_cast<std::size_t>(digit)]->chart);
    } else if (event->key() == Qt::Key_Escape && !enlarged_.isEmpty()) {
        const QString was = enlarged_;
        enlarge({});
        chart(was)->setFocus();
    } else {
        QScrollArea::keyPressEvent(event);
    }
}

} // namespace fulgurite
