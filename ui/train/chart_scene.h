// SPDX-License-Identifier: GPL-3.0-or-later
// What is drawn in one chart, worked out from points off the window's thread: lines, bands, marks, in units of the
// axes (base-10 logarithms where an axis is logarithmic). Never changes once made.
#pragma once

#include "ui/train/chart_spec.h"
#include "ui/train/values.h"

#include <memory>
#include <optional>

namespace fulgurite {

// A run or a group of runs in one chart, with its look.
struct LineInput {
    qint64 run = 0;
    QString label;
    CurveRef curve; // null: this run did not log it, or it is not read yet
    ClockRef clock; // for axes other than steps; may be null
    bool selected = false;
    bool broke_off = false; // ended before it was done: its last point gets a cross
};

struct GroupInput {
    QString label;
    int look = 0;        // index of colour, mark and dash
    bool single = false; // one run that stands for itself
    std::vector<LineInput> lines;
};

struct SeriesInput {
    QString name;
    QString label;
    std::vector<GroupInput> groups;
};

// A horizontal line with a name: cap, clip threshold, limit, alert.
struct ReferenceLine {
    double value = 0;
    QString label;
    bool alert = false;
};

// Points that were read from a published figure.
struct PaperLine {
    QString label; // "CISPO"
    int look = 0;
    std::vector<double> x;
    std::vector<double> y; // in the chart's unit
    QString source;        // figure, task and model
};

struct SceneInput {
    ChartSpec spec;
    ChartSettings settings;
    std::vector<SeriesInput> series;
    std::vector<ReferenceLine> references;
    std::vector<PaperLine> paper;
    QString missing; // why there is nothing; first line bold
};

enum class Stroke { Member, Raw, Mean, Selected, Paper, FanLine };

struct SceneCurve {
    Values x;
    Values y;
    Values least; // of buckets; empty otherwise
    Values most;
    Stroke stroke = Stroke::Mean;
    int look = 0;
    int dash = 0; // of the series; 0: solid
    QString label;
    QString series{}; // where the chart has several
    qint64 run = 0; // 0: a group
    bool cross = false;
};

struct SceneBand {
    Values x;
    Values low;
    Values high;
    int look = 0;
    double alpha = 0.14;
};

// A value that is not finite.
struct SceneGlyph {
    double x = 0;
    int look = 0;
    QString word; // "NaN", "+∞", "−∞"
};

// What the readout tells of one group and series.
struct SceneRow {
    QString label;
    QString series; // empty: the chart has one
    int look = 0;
    Values x;
    Values smooth;
    Values raw;
    Values least;
    Values most;
    std::vector<int> members;
};

struct Scene {
    ChartSpec spec;
    ChartSettings settings;
    bool log_y = false;
    std::vector<SceneBand> bands;
    std::vector<SceneCurve> curves; // in the order of painting
    std::vector<SceneGlyph> glyphs;
    std::vector<ReferenceLine> references; // in axis units
    std::vector<SceneRow> rows;
    QString missing;
    bool coarse = false; // some curves are buckets: smoothing runs over their means
    double x_low = 0;
    double x_high = 1;
    bool empty = true;

    // Least and most of what is visible in [low, high] of x, with a little air; a sensible range when nothing is.
    std::pair<double, double> yRange(double low, double high) const;
};

using SceneRef = std::shared_ptr<const Scene>;

SceneRef buildScene(const SceneInput& input);

// Places of a curve's points on an axis; rising, NaN where it is not known.
std::vector<double> placesOf(const RunCurve& curve, const RunClock* clock, XAxis axis);

// The index of the value at or before `x`; unset before the first.
std::optional<std::size_t> indexAt(const std::vector<double>& x, double place);

} // namespace fulgurite
