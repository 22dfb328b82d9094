// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that a chart's scene is made from, as the window's thread knows it: taken by sharing alone, however
// many runs there are, so that putting it together happens on another thread.
#pragma once

#include "ui/train/alerts.h"
#include "ui/train/chart_scene.h"
#include "ui/train/run_board.h"

#include <vector>

namespace fulgurite {

struct SceneSource {
    ChartSpec spec;
    ChartSettings settings;
    QStringList series; // that the spec chooses among what there is
    RunBoard::GroupList groups;
    RunLookup runs;
    std::vector<RunCurves> curves; // of each of the series
    RunClocks clocks;
    QSet<qint64> selected;
    qint64 current = 0; // selected last; 0: none
    bool current_listed = false;
    int paper_figure = 2;
    std::vector<AlertRule> alerts;
};

SceneInput inputOf(const SceneSource& source);

// Updates of one batch of rollouts by a run's configuration, under the names that trainers give it; unset: not
// known.
std::optional<double> updatesPerBatch(const RunInfo& run);

} // namespace fulgurite
