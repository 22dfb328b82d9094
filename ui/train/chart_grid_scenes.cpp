// SPDX-License-Identifier: GPL-3.0-or-later
// What each chart draws: the curves it needs are asked for, and scenes are worked out off the window's thread.
#include "ui/base/background.h"
#include "ui/train/chart_grid.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fulgurite {
namespace {

// Times what a scene took to build, before it is built anew for new points.
constexpr qint64 kPauseWhileReading = 3;
constexpr qint64 kPause = 1;

} // namespace

// Series by series, so that one chart after the other is complete.
void ChartGrid::want() {
    QStringList series;
    for (const auto& entry : entries_) {
        if (enlarged_.isEmpty() || entry->spec.id == enlarged_) {
            series += entry->series;
        }
    }
    for (const AlertRule& rule : alerts_) {
        series << rule.series;
    }
    series.removeDuplicates();
    const std::vector<qint64> runs = board_.drawnRuns();
    if (series != wanted_series_ || runs != wanted_runs_) {
        wanted_series_ = series;
        wanted_runs_ = runs;
        board_.feed().want(series, runs);
    }
}

void ChartGrid::markDirty() {
    for (const auto& entry : entries_) {
        entry->dirty = entry->urgent = true;
    }
    build_timer_.start();
}

void ChartGrid::markDirty(const QSet<QString>& series) {
    for (const auto& entry : entries_) {
        entry->dirty = entry->dirty || std::any_of(entry->series.begin(), entry->series.end(),
                                                   [&](const QString& name) { return series.contains(name); });
    }
    if (!build_timer_.isActive()) {
        build_timer_.start();
    }
}

// While many runs are read, or write, each scene is built anew at a pace that leaves time for reading.
bool ChartGrid::due(const Entry& entry) const {
    const qint64 pause = board_.feed().reading() ? kPauseWhileReading : kPause;
    return entry.urgent || !entry.since_build.isValid() ||
           entry.since_build.elapsed() >= pause * entry.build_milliseconds;
}

void ChartGrid::buildScenes() {
    bool later = false;
    for (const auto& entry : entries_) {
        const bool shown = entry->chart != nullptr && (enlarged_.isEmpty() || entry->spec.id == enlarged_);
        if (entry->dirty && !entry->building && shown) {
            if (due(*entry)) {
                build(*entry);
            } else {
                later = true;
            }
        }
    }
    if (later) {
        build_timer_.start();
    }
}

SceneSource ChartGrid::sourceOf(const Entry& entry) const {
    const RunFeed& feed = board_.feed();
    SceneSource source{.spec = entry.spec,
                       .settings = board_.settings(),
                       .series = entry.series,
                       .groups = board_.drawnGroups(),
                       .runs = feed.lookup(),
                       .curves = {},
                       .clocks = feed.clocks(),
                       .selected = board_.selection(),
                       .current = board_.current(),
                       .current_listed = board_.groupOf(board_.current()) != nullptr,
                       .paper_figure = paper_figure_,
                       .alerts = alerts_};
    for (const QString& name : entry.series) {
        source.curves.push_back(feed.curves(name));
    }
    return source;
}

void ChartGrid::build(Entry& entry) {
    entry.dirty = entry.urgent = false;
    entry.building = true;
    QElapsedTimer clock;
    clock.start();
    inBackground(
        entry.chart, [source = sourceOf(entry)] { return buildScene(inputOf(source)); },
        [this, id = entry.spec.id, clock](const SceneRef& scene) {
            const auto found = std::find_if(entries_.begin(), entries_.end(),
                                            [&](const auto& each) { return each->spec.id == id; });
            if (found == entries_.end()) {
                return;
            }
            Entry& built = **found;
            built.building = false;
            built.build_milliseconds = clock.elapsed();
            built.since_build.start();
            built.chart->setScene(scene);
            followExtent();
            if (built.dirty && !build_timer_.isActive()) {
                build_timer_.start();
            }
        });
}

// One horizontal extent for all charts, so that a place means the same in each.
void ChartGrid::followExtent() {
    double low = INFINITY;
    double high = -INFINITY;
    const ChartSettings& now = board_.settings();
    for (const auto& entry : entries_) {
        if (entry->chart == nullptr) {
            continue;
        }
        const Scene& scene = *entry->chart->scene();
        if (!scene.empty && scene.settings.x == now.x && scene.settings.log_x == now.log_x) {
            low = std::min(low, scene.x_low);
            high = std::max(high, scene.x_high);
        }
    }
    if (low < high) {
        link_.setFull(low, high);
    }
}

// Long series are read closer where the charts are zoomed in; only steps can be asked for.
void ChartGrid::followZoom() {
    if (!link_.zoomed() || board_.settings().x != XAxis::Step) {
        if (std::exchange(looked_at_, {})) {
            board_.feed().lookAt({});
        }
        return;
    }
    const auto [low, high] = link_.range();
    const auto left = static_cast<qint64>(std::floor(link_.place(low)));
    const auto right = static_cast<qint64>(std::ceil(link_.place(high)));
    const qint64 width = std::max<qint64>(1, right - left);
    const bool covered = looked_at_ && looked_at_->first <= left && right <= looked_at_->second &&
                         looked_at_->second - looked_at_->first <= 4 * width;
    if (!covered) { // with a margin, so that a short pan finds points
        looked_at_ = std::pair(left - width / 2, right + width / 2);
        board_.feed().lookAt(looked_at_);
    }
}

void ChartGrid::openRollouts(const CurveChart&, qint64 run, double place) {
    qint64 chosen = run != 0 ? run : board_.current();
    if (chosen == 0) {
        const std::vector<qint64> drawn = board_.drawnRuns();
        chosen = drawn.empty() ? 0 : drawn.front();
    }
    const XAxis axis = board_.settings().x;
    qint64 step = std::llround(place);
    if (const ClockRef clock = board_.feed().clock(chosen); axis != XAxis::Step && clock && !clock->steps.empty()) {
        const std::vector<double>& values = axis == XAxis::Tokens ? clock->tokens : clock->seconds;
        const double wanted = axis == XAxis::Elapsed ? place + clock->seconds.front() : place;
        const auto at = indexAt(values, wanted).value_or(0);
        step = clock->steps[at];
    }
    if (chosen != 0) {
        emit rolloutsWanted(chosen, step);
    }
}

bool ChartGrid::settled() const {
    return !board_.feed().reading() && !build_timer_.isActive() && !want_timer_.isActive() &&
           std::all_of(entries_.begin(), entries_.end(), [this](const auto& entry) {
               const bool hidden = !enlarged_.isEmpty() && entry->spec.id != enlarged_;
               return hidden || (entry->chart != nullptr && !entry->dirty && !entry->building &&
                                 (!entry->chart->isVisible() || entry->chart->settled()));
           });
}

} // namespace fulgurite
