// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/run_reading.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <limits>
#include <utility>

namespace fulgurite {
namespace {

constexpr std::size_t kClockMarks = 4096;
constexpr qint64 kOwnerMilliseconds = 2000;
constexpr std::int64_t kFirst = -run_step_limit;
constexpr std::int64_t kLast = run_step_limit;
const double kNotRead = std::numeric_limits<double>::quiet_NaN();

QString scalarText(const QJsonValue& value) {
    switch (value.type()) {
    case QJsonValue::Bool:
        return value.toBool() ? QStringLiteral("true") : QStringLiteral("false");
    case QJsonValue::Double:
        return QString::number(value.toDouble(), 'g', 12);
    case QJsonValue::String:
        return value.toString();
    case QJsonValue::Array:
        return QString::fromUtf8(QJsonDocument(value.toArray()).toJson(QJsonDocument::Compact));
    default:
        return QStringLiteral("null");
    }
}

void flatten(const QJsonObject& object, const QString& path, QMap<QString, QString>& out) {
    for (auto each = object.begin(); each != object.end(); ++each) {
        const QString name = path.isEmpty() ? each.key() : path + u'.' + each.key();
        if (each->isObject()) {
            flatten(each->toObject(), name, out);
        } else {
            out.insert(name, scalarText(*each));
        }
    }
}

RunState stateOf(const RunRecord& record) {
    switch (record.status) {
    case RunStatus::Running:
        return record.alive ? RunState::Running : RunState::Cut;
    case RunStatus::Failed:
        return RunState::Failed;
    case RunStatus::Stopped:
        return RunState::Stopped;
    case RunStatus::Paused:
        return RunState::Paused;
    case RunStatus::Finished:
        break;
    }
    return RunState::Done;
}

void addColumn(RunCurve& curve, std::vector<qint64>& steps, const SeriesColumn& column) {
    const PointSummary& summary = column.summary;
    const bool finite = summary.finite() > 0;
    steps.push_back(column.begin);
    const double broken = summary.positive_infinite > 0   ? INFINITY
                          : summary.negative_infinite > 0 ? -INFINITY
                                                          : kNotRead;
    curve.values.push_back(finite ? summary.sum / static_cast<double>(summary.finite()) : broken);
    curve.least.push_back(finite ? summary.minimum : kNotRead);
    curve.most.push_back(finite ? summary.maximum : kNotRead);
    curve.broken.push_back(summary.finite() < summary.n);
}

std::shared_ptr<const QStringList> namesOf(const std::vector<RunInfo>& runs) {
    QSet<QString> found;
    for (const RunInfo& run : runs) {
        for (const SeriesInfo& series : *run.series) {
            found.insert(series.name());
        }
    }
    QStringList names(found.begin(), found.end());
    names.sort();
    return std::make_shared<const QStringList>(std::move(names));
}

} // namespace

QString textOf(const std::string& text) {
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

RunReading::RunReading(const QString& file) : reader_(file.toStdString()) {
    reader_.watch(true);
}

void RunReading::want(const QStringList& series, const std::vector<qint64>& runs) {
    QHash<CurveKey, Held> kept;
    kept.reserve(series.size() * static_cast<qsizetype>(runs.size()));
    order_.clear();
    for (const QString& name : series) {
        for (const qint64 run : runs) {
            order_.push_back({run, name});
            kept.insert(order_.back(), held_.take(order_.back()));
        }
    }
    held_ = std::move(kept);
    series_ = series;
    wanted_runs_ = runs;
    first_stale_ = 0;
}

void RunReading::markStale(Held& held) {
    held.stale = true;
    first_stale_ = 0;
}

void RunReading::lookAt(std::optional<std::pair<qint64, qint64>> steps) {
    if (visible_ == steps) {
        return;
    }
    visible_ = steps;
    for (Held& held : held_) {
        if (held.curve && held.curve->buckets()) {
            markStale(held);
        }
    }
}

FeedUpdate RunReading::look(int milliseconds) {
    QElapsedTimer clock;
    clock.start();
    FeedUpdate update;
    // That a writer died changes nothing in the file, so it is asked about now and then.
    const bool ask_owners = running_ && since_refresh_.isValid() && since_refresh_.elapsed() > kOwnerMilliseconds;
    if (!listed_ || reader_.changed() || ask_owners) {
        refreshRuns(update);
        since_refresh_.start();
    }
    update.more = !readClocks(update, clock, milliseconds) || !readStale(update, clock, milliseconds);
    return update;
}

// Runs mostly log the same series; one copy of a name serves all.
const QString& RunReading::nameOf(const std::string& text) {
    const auto found = words_.find(text);
    return found != words_.end() ? found->second : words_.emplace(text, textOf(text)).first->second;
}

std::shared_ptr<const std::vector<SeriesInfo>> RunReading::describeSeries(RunId run) {
    const std::vector<SeriesRecord> records = reader_.series(run);
    auto series = std::make_shared<std::vector<SeriesInfo>>();
    series->reserve(records.size());
    for (const SeriesRecord& record : records) {
        series->push_back({.id = record.id,
                           .raw_name = nameOf(record.name),
                           .canonical = nameOf(record.canonical),
                           .points = record.points,
                           .first_step = record.min_step.value_or(0),
                           .last_step = record.max_step.value_or(0),
                           .last = record.last_value.value_or(kNotRead)});
    }
    return series;
}

RunInfo RunReading::describe(const RunRecord& record, const RunInfo* before) {
    RunInfo run;
    if (before != nullptr) { // most of it is shared, not copied
        run = *before;
    }
    const bool edited = before == nullptr || before->generation != record.generation;
    if (edited) {
        run.id = record.id;
        run.uuid = textOf(record.uuid);
        run.name = textOf(record.name);
        run.project = textOf(record.project);
        run.source = textOf(record.source);
        run.source_uri = textOf(record.source_uri);
        run.algorithm = textOf(record.algo);
        run.seed = record.seed;
        run.created_us = record.created_us;
        run.notes = textOf(record.notes);
        run.tags.clear();
        for (const std::string& tag : record.tags) {
            run.tags << textOf(tag);
        }
        run.config.clear();
        flatten(QJsonDocument::fromJson(QByteArray::fromStdString(reader_.config(record.id))).object(), {},
                run.config);
    }
    if (edited || before->points != record.points) {
        run.series = describeSeries(record.id);
    }
    run.state = stateOf(record);
    run.ended_us = record.ended_us.value_or(0);
    run.last_step = record.last_step.value_or(0);
    run.points = record.points;
    run.generation = record.generation;
    return run;
}

void RunReading::refreshRuns(FeedUpdate& update) {
    auto list = std::make_shared<std::vector<RunInfo>>();
    QSet<qint64> seen;
    QSet<qint64> appended;
    QSet<qint64> rewritten;
    qint64 points = 0;
    std::optional<qint64> newest;
    for (const RunRecord& record : reader_.runs()) {
        const RunInfo* before = find(record.id);
        seen.insert(record.id);
        list->push_back(describe(record, before));
        points += record.points;
        if (before != nullptr && before->generation != record.generation) {
            rewritten.insert(record.id);
        } else if (before == nullptr || before->points != record.points) {
            appended.insert(record.id);
            if (before != nullptr && record.last_step) {
                if (const auto mark = reader_.markAt(record.id, *record.last_step); mark && mark->wall_us) {
                    newest = std::max<qint64>(newest.value_or(0), *mark->wall_us);
                }
            }
        }
    }
    for (const RunInfo& before : *runs_.list) { // what was deleted while it was open stays in the list, marked
        if (!seen.contains(before.id)) {
            list->push_back(before);
            list->back().state = RunState::Deleted;
        }
    }
    if (points_at_open_ < 0) {
        points_at_open_ = points;
    }
    update.new_points = std::max<qint64>(0, points - points_at_open_);
    if (newest) {
        update.seconds_behind = std::max(0.0, static_cast<double>(nowMicroseconds() - *newest) / 1e6);
    }
    running_ =
        std::any_of(list->begin(), list->end(), [](const RunInfo& run) { return run.state == RunState::Running; });
    listed_ = true;
    runs_ = {.list = std::move(list), .places = {}};
    qsizetype series = 0;
    for (std::size_t i = 0; i < runs_.list->size(); ++i) {
        runs_.places.insert((*runs_.list)[i].id, i);
        series += static_cast<qsizetype>((*runs_.list)[i].series->size());
    }
    update.runs = runs_.list;
    if (std::exchange(series_count_, series) != series) {
        update.names = namesOf(*runs_.list);
    }
    followWriters(update, appended, rewritten);
}

// Reads on where runs have grown; what has changed otherwise is read anew.
void RunReading::followWriters(FeedUpdate& update, const QSet<qint64>& appended, const QSet<qint64>& rewritten) {
    for (const qint64 run : appended + rewritten) {
        for (const QString& name : std::as_const(series_)) {
            const CurveKey key{run, name};
            const auto held = held_.find(key);
            if (held == held_.end()) {
                continue;
            }
            if (rewritten.contains(run)) {
                markStale(*held);
            } else if (!held->stale && append(key, *held)) {
                update.curves.push_back({key, held->curve});
            }
        }
    }
    clocks_stale_ += appended + rewritten;
}

bool RunReading::readStale(FeedUpdate& update, const QElapsedTimer& clock, int milliseconds) {
    for (; first_stale_ < order_.size(); ++first_stale_) {
        const CurveKey& key = order_[first_stale_];
        Held& held = held_[key];
        if (!held.stale) {
            continue;
        }
        if (clock.elapsed() > milliseconds) {
            return false;
        }
        readWhole(key, held);
        update.curves.push_back({key, held.curve});
    }
    return true;
}

bool RunReading::readClocks(FeedUpdate& update, const QElapsedTimer& clock, int milliseconds) {
    if (!clocks_wanted_) {
        return true;
    }
    for (const qint64 run : wanted_runs_) {
        if (clocks_read_.contains(run) && !clocks_stale_.contains(run)) {
            continue;
        }
        if (clock.elapsed() > milliseconds) {
            return false;
        }
        clocks_stale_.remove(run);
        clocks_read_.insert(run);
        update.clocks.push_back({run, readClock(run)});
    }
    return true;
}

// Curves of one run mostly stand on the same steps; one copy serves all.
void RunReading::shareSteps(qint64 run, RunCurve& curve) {
    const Steps& last = last_steps_[run];
    if (last && *last == *curve.steps) {
        curve.steps = last;
    } else {
        last_steps_[run] = curve.steps;
    }
}

void RunReading::readWhole(const CurveKey& key, Held& held) {
    held.stale = false;
    held.appended = 0;
    held.curve = nullptr;
    held.series = 0;
    const RunInfo* run = find(key.run);
    const SeriesInfo* info = run != nullptr ? run->find(key.name) : nullptr;
    if (info == nullptr || run->state == RunState::Deleted) {
        return;
    }
    held.series = info->id;
    const auto record = reader_.findSeries(key.run, info->raw_name.toStdString());
    if (!record) {
        return;
    }
    held.last_step = record->max_step.value_or(kFirst);
    if (record->points > kWholePoints) {
        held.curve = columnsOf(*record, record->min_step.value_or(0), record->max_step.value_or(0));
        return;
    }
    auto curve = std::make_shared<RunCurve>();
    auto steps = std::make_shared<std::vector<qint64>>();
    const std::vector<RunPoint> points =
        reader_.points(held.series, kFirst, kLast, static_cast<std::size_t>(kWholePoints) * 2);
    steps->reserve(points.size());
    curve->values.reserve(points.size());
    for (const RunPoint& point : points) {
        steps->push_back(point.step);
        curve->values.push_back(point.value);
    }
    held.last_step = points.empty() ? kFirst : points.back().step;
    curve->steps = std::move(steps);
    shareSteps(key.run, *curve);
    held.curve = std::move(curve);
}

// The whole extent at the width of a chart, and the visible part of it closer.
CurveRef RunReading::columnsOf(const SeriesRecord& series, qint64 from, qint64 to) {
    auto curve = std::make_shared<RunCurve>();
    auto steps = std::make_shared<std::vector<qint64>>();
    const auto read = [&](qint64 low, qint64 high) {
        if (low <= high) {
            for (const SeriesColumn& column : reader_.view(series.id, low, high, kColumns).columns) {
                addColumn(*curve, *steps, column);
            }
        }
    };
    if (visible_ && visible_->first > from && visible_->second < to) {
        read(from, visible_->first - 1);
        read(visible_->first, visible_->second);
        read(visible_->second + 1, to);
    } else if (visible_ && visible_->first > from) {
        read(from, visible_->first - 1);
        read(visible_->first, to);
    } else if (visible_ && visible_->second < to) {
        read(from, visible_->second);
        read(visible_->second + 1, to);
    } else {
        read(from, to);
    }
    curve->bucket = std::max<qint64>(1, series.points / std::max<qint64>(1, static_cast<qint64>(curve->size())));
    curve->steps = std::move(steps);
    return curve;
}

bool RunReading::append(const CurveKey& key, Held& held) {
    if (held.series == 0) { // it may have begun by now
        const RunInfo* run = find(key.run);
        if (run != nullptr && run->find(key.name) != nullptr) {
            markStale(held);
        }
        return false;
    }
    const std::vector<RunPoint> points = reader_.tail(held.series, held.last_step, kColumns);
    if (points.empty()) {
        return false;
    }
    held.appended += points.size();
    const bool outgrown =
        held.curve == nullptr || (held.curve->buckets() && held.appended > kColumns) ||
        (!held.curve->buckets() && static_cast<qint64>(held.curve->size() + points.size()) > kWholePoints);
    if (outgrown || points.size() == kColumns) {
        markStale(held);
        return false;
    }
    auto curve = std::make_shared<RunCurve>(*held.curve);
    auto steps = std::make_shared<std::vector<qint64>>(*held.curve->steps);
    for (const RunPoint& point : points) {
        steps->push_back(point.step);
        curve->values.push_back(point.value);
        if (curve->buckets()) {
            curve->least.push_back(point.value);
            curve->most.push_back(point.value);
            curve->broken.push_back(!std::isfinite(point.value));
        }
    }
    held.last_step = points.back().step;
    curve->steps = std::move(steps);
    shareSteps(key.run, *curve);
    held.curve = std::move(curve);
    return true;
}

ClockRef RunReading::readClock(qint64 run) {
    auto clock = std::make_shared<RunClock>();
    double seconds = kNotRead;
    double tokens = kNotRead;
    for (const StepMark& mark : reader_.marks(run, kFirst, kLast, kClockMarks)) {
        seconds = mark.wall_us ? static_cast<double>(*mark.wall_us) / 1e6 : seconds;
        tokens = mark.tokens ? static_cast<double>(*mark.tokens) : tokens;
        clock->steps.push_back(mark.step);
        clock->seconds.push_back(seconds);
        clock->tokens.push_back(tokens);
    }
    return clock;
}

} // namespace fulgurite
