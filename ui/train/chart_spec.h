// SPDX-License-Identifier: GPL-3.0-or-later
// What a chart shows, and what a person chose for all charts.
#pragma once

#include "ui/train/run_data.h"
#include "ui/train/smoothing.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace fulgurite {

enum class XAxis { Step, Tokens, Elapsed, Clock };
enum class BandKind { MinMax, Deviation, None };

struct ChartSettings {
    SmoothingChoice smoothing;
    XAxis x = XAxis::Step;
    bool log_x = false;
    bool log_y = false; // besides the charts that always are
    BandKind band = BandKind::MinMax;
    bool members = true;
    bool paper = false;

    bool operator==(const ChartSettings&) const = default;
};

struct ChartSpec {
    QString id;
    QString title;
    QString unit;
    // Canonical or raw names; a '*' stands for anything, and of several such patterns the first that a run has
    // names for is taken, with all of them. Several series are told apart by their dashes and by their short names.
    QStringList series;
    QStringList labels; // of several series, in the same order
    bool log_y = false;
    bool fan = false;           // quantiles of the importance ratio, of one run or group
    bool raw_band = false;      // the band spans raw points: a spike or a dip must not be smoothed away
    bool needs_updates = false; // means nothing with one update a batch
};

// The charts that a workbench for reinforcement learning begins with, in their order.
const std::vector<ChartSpec>& standardCharts();
// Of any single series.
ChartSpec chartOfSeries(const QString& name);

// The names among `names`, which are sorted, that the spec's patterns choose, in the order of the spec.
QStringList chosenSeries(const ChartSpec& spec, const QStringList& names);
// And for those of the runs that have none of them what the next pattern chooses, so that no run is left out.
QStringList chosenSeries(const ChartSpec& spec, const QStringList& names, const std::vector<const RunInfo*>& runs);

// "Held-out accuracy": how axes and tables call it.
QString axisName(XAxis axis);
// A place on an axis as one reads it: "420", "58.5 M tokens", "0:22:41", "14:03:10".
QString placeText(XAxis axis, double x);

} // namespace fulgurite
