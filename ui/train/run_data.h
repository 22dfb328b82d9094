// SPDX-License-Identifier: GPL-3.0-or-later
// What the Train page knows of runs: their description, and points of their series as they were read. Values of
// these types are shared between the reading thread, the drawing threads and the window, and never change once
// shared.
#pragma once

#include <QHash>
#include <QMap>
#include <QString>
#include <QStringList>

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace fulgurite {

// Cut: it says that it runs, and nobody holds it. Deleted: it is gone from the file while it was shown.
enum class RunState { Running, Paused, Done, Stopped, Failed, Cut, Deleted };

// What is known of a series without reading its points.
struct SeriesInfo {
    qint64 id = 0;
    QString raw_name;  // as the trainer logged it
    QString canonical; // the common name ("train.grad_norm"); empty: none
    qint64 points = 0;
    qint64 first_step = 0;
    qint64 last_step = 0;
    double last = std::nan("");

    const QString& name() const { return canonical.isEmpty() ? raw_name : canonical; }
};

struct RunInfo {
    qint64 id = 0;
    QString uuid;
    QString name;
    QString project;
    QString source; // "jsonl", "tensorboard" ... or the node that it is on
    QString source_uri;
    QString algorithm;
    RunState state = RunState::Done;
    std::optional<qint64> seed;
    qint64 created_us = 0; // Unix time
    qint64 ended_us = 0;   // 0: not known
    qint64 last_step = 0;
    QStringList tags;
    QString notes;
    QMap<QString, QString> config; // "optimizer.beta1": "0.9"; lists as JSON
    std::shared_ptr<const std::vector<SeriesInfo>> series = std::make_shared<const std::vector<SeriesInfo>>();
    qint64 points = 0;
    qint64 generation = 0; // grows when something other than an append changed

    const SeriesInfo* find(const QString& name) const; // by canonical name first; null: not logged
};

using RunList = std::shared_ptr<const std::vector<RunInfo>>;

// A list of runs with their places in it. Copies share both.
struct RunLookup {
    RunList list = std::make_shared<const std::vector<RunInfo>>();
    QHash<qint64, std::size_t> places;

    const RunInfo* find(qint64 run) const; // null: no such run
};

using Steps = std::shared_ptr<const std::vector<qint64>>;

// Points of a series, or the buckets of a pyramid level, in the order of steps.
struct RunCurve {
    Steps steps;                // rising; of a bucket its first step. Curves of one run share equal ones
    std::vector<double> values; // not-a-number and infinities kept; of a bucket the mean of its finite points
    std::vector<double> least;  // of a bucket; empty: these are points
    std::vector<double> most;
    std::vector<bool> broken; // buckets with values that are not finite
    qint64 bucket = 1;        // steps that a bucket covers

    bool buckets() const { return !least.empty(); }
    std::size_t size() const { return values.size(); }
};

using CurveRef = std::shared_ptr<const RunCurve>;
using RunCurves = QHash<qint64, CurveRef>; // of one series; null where a run did not log it

// When each step was and how many tokens had been seen: for the other horizontal axes. NaN where not logged.
struct RunClock {
    std::vector<qint64> steps;
    std::vector<double> seconds; // Unix time
    std::vector<double> tokens;
};

using ClockRef = std::shared_ptr<const RunClock>;
using RunClocks = QHash<qint64, ClockRef>;

} // namespace fulgurite
