// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/run_sink.h"

#include "core/store/runs/metric_names.h"
#include "core/store/runs/rollout_codec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

namespace fulgurite {

namespace {

std::string uuidOf(Database& database, RunId run) {
    Statement select = database.prepare("SELECT uuid FROM runs WHERE id = ?");
    if (!select.bind(run).step())
        fail(ErrorKind::NotFound, "{}: there is no run {}", database.path().string(), run);
    return select.string(0);
}

// Several rows a statement: half of what a row costs by itself is the statement around it.
class PointInserter {
  public:
    explicit PointInserter(Database& database)
        : many_(database.prepare(sqlFor(rows_at_once))), one_(database.prepare(sqlFor(1))) {}

    void add(SeriesId series, std::int64_t step, double value) {
        rows_[count_++] = {series, step, value};
        if (count_ < rows_at_once)
            return;
        many_.reset();
        int index = 0;
        for (const Row& row : rows_) {
            many_.bindOne(index++, row.series);
            many_.bindOne(index++, row.step);
            many_.bindOne(index++, row.value);
        }
        many_.run();
        count_ = 0;
    }
    void flush() {
        for (std::size_t i = 0; i < count_; ++i)
            one_.reset().bind(rows_[i].series, rows_[i].step, rows_[i].value).run();
        count_ = 0;
    }

  private:
    static constexpr std::size_t rows_at_once = 16;
    struct Row {
        SeriesId series = 0;
        std::int64_t step = 0;
        double value = 0;
    };

    static std::string sqlFor(std::size_t rows) {
        std::string sql = "INSERT INTO points(sid, step, value) VALUES ";
        for (std::size_t i = 0; i < rows; ++i)
            sql += i == 0 ? "(?, ?, ?)" : ", (?, ?, ?)";
        return sql;
    }

    Statement many_;
    Statement one_;
    std::array<Row, rows_at_once> rows_{};
    std::size_t count_ = 0;
};

// Infinities are values here, as in SQL's min() and max(); NaN is none.
void widen(std::optional<double>& minimum, std::optional<double>& maximum, double value) {
    if (std::isnan(value))
        return;
    minimum = minimum ? std::min(*minimum, value) : value;
    maximum = maximum ? std::max(*maximum, value) : value;
}

} // namespace

RunSink::RunSink(std::unique_ptr<Database> database, RunId run)
    : database_(std::move(database)),
      run_(run),
      uuid_(uuidOf(*database_, run)),
      lock_(database_->path(), run),
      reader_(*database_),
      pyramid_(*database_) {
    last_step_ = database_->integer("SELECT last_step FROM run_state WHERE run_id = ?", run_);
}

void RunSink::setRunning() {
    database_->run("UPDATE runs SET status = ?, ended_us = NULL WHERE id = ?", static_cast<int>(RunStatus::Running),
                   run_);
}

void RunSink::write(const std::deque<RunBatch>& batches) {
    if (stale_) {
        for (Series& series : series_)
            series.id = 0;
        last_step_ = database_->integer("SELECT last_step FROM run_state WHERE run_id = ?", run_);
    }
    const std::size_t known = series_.size();
    try {
        Transaction transaction(*database_);
        if (!database_->integer("SELECT 1 FROM runs WHERE id = ?", run_))
            fail(ErrorKind::NotFound, "{}: run {} was deleted while it was being written", file().string(), run_);
        changed_ = false;
        for (const RunBatch& batch : batches)
            apply(batch);
        transaction.commit();
        stale_ = false;
    } catch (...) {
        // The batches name their new series again when they are tried again.
        series_.resize(known);
        stale_ = true;
        throw;
    }
}

void RunSink::apply(const RunBatch& batch) {
    if (batch.rewind)
        rewind(*batch.rewind);
    for (const NewSeries& wanted : batch.series)
        series_.emplace_back().wanted = wanted;
    for (Series& series : series_) {
        if (series.id == 0)
            load(series);
    }
    writePoints(batch.points);
    writeMarks(batch.marks);
    writeSamples(batch.samples);
    writeHistograms(batch.histograms);
    writeState(batch.status, batch.ends);
}

void RunSink::load(Series& series) {
    const std::string canonical = meaningOfMetric(series.wanted.name).canonical;
    const std::int64_t changes = database_->totalChanges();
    database_->run("INSERT INTO series(run_id, raw_name, canonical, kind, n) VALUES (?, ?, ?, ?, 0) "
                   "ON CONFLICT (run_id, raw_name) DO NOTHING",
                   run_, series.wanted.name, canonical.empty() ? std::nullopt : std::optional(canonical),
                   static_cast<int>(series.wanted.kind));
    if (database_->totalChanges() != changes)
        database_->run("UPDATE run_state SET series = series + 1 WHERE run_id = ?", run_);
    Statement select = database_->prepare("SELECT id, kind FROM series WHERE run_id = ? AND raw_name = ?");
    select.bind(run_, series.wanted.name).step();
    series.id = select.integer(0);
    series.wanted.kind = static_cast<SeriesKind>(select.integer(1));
    database_->run("INSERT OR IGNORE INTO series_state(sid) VALUES (?)", series.id);
    loadCounts(series);
}

void RunSink::loadCounts(Series& series) {
    Statement select = database_->prepare(
        "SELECT n, min_step, max_step, last_value, min_value, max_value, nan_n, inf_n, overwritten "
        "FROM series JOIN series_state ON sid = id WHERE id = ?");
    select.bind(series.id).step();
    series.n = select.integer(0);
    series.min_step = select.integerOrNothing(1);
    series.max_step = select.integerOrNothing(2);
    series.last = select.realOrNothing(3);
    series.minimum = select.realOrNothing(4);
    series.maximum = select.realOrNothing(5);
    series.nan = select.integer(6);
    series.infinite = select.integer(7);
    series.overwritten = select.integer(8);
    series.tail_ready = false;
    series.late.clear();
    series.touched = false;
}

// By series, so that neighbours in the table are written one after another; each series in its own order.
void RunSink::sortBySeries(std::span<const QueuedPoint> points) {
    firsts_.assign(series_.size() + 1, 0);
    for (const QueuedPoint& point : points)
        ++firsts_[point.series + 1];
    std::partial_sum(firsts_.begin(), firsts_.end(), firsts_.begin());
    sorted_.resize(points.size());
    for (const QueuedPoint& point : points)
        sorted_[firsts_[point.series]++] = point;
}

void RunSink::writePoints(std::span<const QueuedPoint> points) {
    if (points.empty())
        return;
    sortBySeries(points);
    PointInserter inserter(*database_);
    for (auto first = sorted_.begin(); first != sorted_.end();) {
        Series& series = series_[first->series];
        const PyramidTail::Closed closed = [this, id = series.id](int level, std::int64_t bucket,
                                                                  const PointSummary& summary) {
            pyramid_.write(id, level, bucket, summary);
        };
        const std::uint32_t index = first->series;
        for (; first != sorted_.end() && first->series == index; ++first) {
            if (series.max_step && first->step <= *series.max_step) {
                inserter.flush();
                replace(series, *first);
                continue;
            }
            append(series, *first);
            series.tail.append(first->step, first->value, closed);
            inserter.add(series.id, first->step, first->value);
        }
        inserter.flush();
        settle(series);
    }
}

void RunSink::append(Series& series, const QueuedPoint& point) {
    if (!series.tail_ready) {
        series.tail = {};
        if (series.max_step)
            series.tail.restore(reader_, series.id, *series.max_step);
        series.tail_ready = true;
    }
    ++series.n;
    if (!series.min_step)
        series.min_step = point.step;
    series.max_step = point.step;
    series.last = std::isnan(point.value) ? std::nullopt : std::optional(point.value);
    series.nan += std::isnan(point.value) ? 1 : 0;
    series.infinite += std::isinf(point.value) ? 1 : 0;
    widen(series.minimum, series.maximum, point.value);
}

void RunSink::replace(Series& series, const QueuedPoint& point) {
    if (database_->integer("SELECT 1 FROM points WHERE sid = ? AND step = ?", series.id, point.step))
        ++series.overwritten;
    database_->run("INSERT OR REPLACE INTO points(sid, step, value) VALUES (?, ?, ?)", series.id, point.step,
                   point.value);
    series.late.push_back(point.step);
}

void RunSink::settle(Series& series) {
    if (!series.late.empty()) {
        std::set<std::int64_t> buckets;
        for (const std::int64_t step : series.late) {
            if (buckets.insert(pyramidBucket(step, 1)).second)
                pyramid_.rebuild(series.id, step, *series.max_step);
        }
        series.late.clear();
        series.tail_ready = false;
        changed_ = true;
        recount(series);
    }
    database_->run("UPDATE series SET n = ?, min_step = ?, max_step = ?, last_value = ?, min_value = ?, "
                   "max_value = ? WHERE id = ?",
                   series.n, series.min_step, series.max_step, series.last, series.minimum, series.maximum,
                   series.id);
    database_->run("UPDATE series_state SET nan_n = ?1, inf_n = ?2, overwritten = ?3 WHERE sid = ?4 "
                   "AND (nan_n <> ?1 OR inf_n <> ?2 OR overwritten <> ?3)",
                   series.nan, series.infinite, series.overwritten, series.id);
    if (series.wanted.kind == SeriesKind::Metric && series.max_step)
        last_step_ = std::max(last_step_.value_or(*series.max_step), *series.max_step);
}

// From the table, when more than an append changed.
void RunSink::recount(Series& series) {
    const PointSummary all = reader_.summary(series.id, -run_step_limit, run_step_limit + 1);
    series.n = all.n;
    series.nan = all.nan;
    series.infinite = all.positive_infinite + all.negative_infinite;
    series.minimum = series.maximum = std::nullopt;
    if (all.finite() > 0) {
        widen(series.minimum, series.maximum, all.minimum);
        widen(series.minimum, series.maximum, all.maximum);
    }
    if (all.positive_infinite > 0)
        widen(series.minimum, series.maximum, INFINITY);
    if (all.negative_infinite > 0)
        widen(series.minimum, series.maximum, -INFINITY);
    series.min_step = database_->integer("SELECT min(step) FROM points WHERE sid = ?", series.id);
    series.max_step = database_->integer("SELECT max(step) FROM points WHERE sid = ?", series.id);
    Statement last = database_->prepare("SELECT value FROM points WHERE sid = ? ORDER BY step DESC LIMIT 1");
    series.last = last.bind(series.id).step() ? last.realOrNothing(0) : std::nullopt;
}

void RunSink::writeMarks(std::span<const StepMark> marks) {
    if (marks.empty())
        return;
    Statement insert = database_->prepare(
        "INSERT INTO steps(run_id, step, wall_us, tokens, epoch) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (run_id, step) DO UPDATE SET wall_us = coalesce(excluded.wall_us, wall_us), "
        "tokens = coalesce(excluded.tokens, tokens), epoch = coalesce(excluded.epoch, epoch)");
    for (const StepMark& mark : marks) {
        insert.reset().bind(run_, mark.step, mark.wall_us, mark.tokens, mark.epoch).run();
        last_step_ = std::max(last_step_.value_or(mark.step), mark.step);
    }
}

void RunSink::writeSamples(std::span<const RunSample> samples) {
    for (const RunSample& sample : samples) {
        database_->run(
            "INSERT INTO samples(run_id, step, prompt, completion, reward, advantage, meta_json, group_id, "
            "token_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            run_, sample.step, sample.prompt, sample.completion, sample.reward, sample.advantage, sample.meta_json,
            sample.group, sample.tokens.size());
        if (sample.tokens.empty())
            continue;
        const SampleId id = database_->lastInsertId();
        const std::vector<std::byte> bytes = encodeRolloutTokens(sample.tokens);
        database_->run("INSERT INTO sample_tokens(sample_id, tokens) VALUES (?, ?)", id,
                       std::span<const std::byte>(bytes));
    }
}

void RunSink::writeHistograms(std::span<const QueuedHistogram> histograms) {
    for (const QueuedHistogram& histogram : histograms) {
        const std::vector<std::byte> bytes = encodeHistogram(histogram.buckets);
        database_->run("INSERT OR REPLACE INTO hist(sid, step, blob) VALUES (?, ?, ?)",
                       series_[histogram.series].id, histogram.step, std::span<const std::byte>(bytes));
    }
}

// Every series of the run, those of earlier writers too; clocks go on.
void RunSink::rewind(std::int64_t step) {
    std::vector<SeriesId> ids;
    Statement select = database_->prepare("SELECT id FROM series WHERE run_id = ? AND kind = 0");
    select.bind(run_);
    while (select.step())
        ids.push_back(select.integer(0));
    for (const SeriesId id : ids) {
        database_->run("DELETE FROM hist WHERE sid = ? AND step >= ?", id, step);
        const std::int64_t before = database_->totalChanges();
        database_->run("DELETE FROM points WHERE sid = ? AND step >= ?", id, step);
        if (database_->totalChanges() == before)
            continue;
        pyramid_.cut(id, step);
        Series series;
        series.id = id;
        loadCounts(series);
        recount(series);
        settle(series);
    }
    database_->run("DELETE FROM sample_tokens WHERE sample_id IN (SELECT id FROM samples WHERE run_id = ? AND "
                   "step >= ?)",
                   run_, step);
    database_->run("DELETE FROM samples WHERE run_id = ? AND step >= ?", run_, step);
    database_->run("DELETE FROM steps WHERE run_id = ? AND step >= ?", run_, step);
    for (Series& series : series_) {
        if (series.id != 0)
            loadCounts(series);
    }
    last_step_ =
        database_->integer("SELECT max(step) FROM (SELECT max(max_step) AS step FROM series WHERE run_id = ?1 "
                           "AND kind = 0 UNION ALL SELECT max(step) FROM steps WHERE run_id = ?1)",
                           run_);
    database_->run("UPDATE run_state SET last_step = ? WHERE run_id = ?", last_step_, run_);
    changed_ = true;
}

void RunSink::writeState(const std::optional<RunStatus>& status, bool ends) {
    database_->run(
        "UPDATE run_state SET last_step = ?, points = (SELECT coalesce(sum(n), 0) FROM series WHERE run_id = "
        "?2), generation = generation + ?3, updated_us = ?4 WHERE run_id = ?2",
        last_step_, run_, changed_ ? 1 : 0, nowMicroseconds());
    changed_ = false;
    if (status)
        database_->run("UPDATE runs SET status = ?, ended_us = ? WHERE id = ?", static_cast<int>(*status),
                       ends ? std::optional(nowMicroseconds()) : std::nullopt, run_);
}

} // namespace fulgurite
