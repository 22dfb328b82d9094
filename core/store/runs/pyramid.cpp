// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/pyramid.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

// A level-0 bucket has 16 steps and can never hold 32 points.
constexpr int lowest_level = 1;

std::optional<double> finiteOrNull(const PointSummary& summary, double value) {
    return summary.finite() > 0 ? std::optional(value) : std::nullopt;
}

double realOrNan(const Statement& row, int column) {
    return row.isNull(column) ? std::numeric_limits<double>::quiet_NaN() : row.real(column);
}

PointSummary summaryOf(const Statement& row, int column) {
    PointSummary result;
    result.n = row.integer(column);
    result.nan = row.integer(column + 1);
    result.minimum = realOrNan(row, column + 2);
    result.maximum = realOrNan(row, column + 3);
    result.sum = row.real(column + 4);
    result.first = realOrNan(row, column + 5);
    result.last = realOrNan(row, column + 6);
    result.positive_infinite = row.integer(column + 7);
    result.negative_infinite = row.integer(column + 8);
    return result;
}

} // namespace

void PointSummary::add(double value) {
    ++n;
    if (std::isnan(value)) {
        ++nan;
    } else if (std::isinf(value)) {
        ++(value > 0 ? positive_infinite : negative_infinite);
    } else {
        if (finite() == 1) {
            minimum = maximum = first = value;
        } else {
            minimum = std::min(minimum, value);
            maximum = std::max(maximum, value);
        }
        sum += value;
        last = value;
    }
}

void PointSummary::merge(const PointSummary& later) {
    if (later.finite() > 0) {
        if (finite() == 0) {
            minimum = later.minimum;
            maximum = later.maximum;
            first = later.first;
        } else {
            minimum = std::min(minimum, later.minimum);
            maximum = std::max(maximum, later.maximum);
        }
        sum += later.sum;
        last = later.last;
    }
    n += later.n;
    nan += later.nan;
    positive_infinite += later.positive_infinite;
    negative_infinite += later.negative_infinite;
}

void PyramidReader::scanPoints(SeriesId series, std::int64_t from, std::int64_t to, const Visit& visit) {
    Statement select =
        database_.prepare("SELECT step, value FROM points WHERE sid = ? AND step >= ? AND step < ? ORDER BY step");
    select.bind(series, from, to);
    while (select.step()) {
        PointSummary point;
        point.add(realOrNan(select, 1));
        visit(select.integer(0), select.integer(0) + 1, point);
    }
}

// As in a segment tree: rows of this level in the middle, lower levels for the two ends that cut a bucket and for
// the open end of the series. A hole between two rows is a closed bucket of fewer than 32 points.
void PyramidReader::scan(SeriesId series, std::int64_t from, std::int64_t to, int level, const Visit& visit) {
    if (from >= to)
        return;
    if (level < lowest_level) {
        scanPoints(series, from, to, visit);
        return;
    }
    const std::int64_t first = pyramidBucket(from, level) + (from % pyramidWidth(level) != 0 ? 1 : 0);
    const std::int64_t end = pyramidBucket(to, level);
    if (first >= end) {
        scan(series, from, to, level - 1, visit);
        return;
    }
    scan(series, from, pyramidBegin(first, level), level - 1, visit);
    std::int64_t at = pyramidBegin(first, level);
    {
        Statement select = database_.prepare(
            "SELECT bucket, n, nan_n, vmin, vmax, vsum, vfirst, vlast, pos_inf_n, neg_inf_n FROM pyramid "
            "WHERE sid = ? AND level = ? AND bucket >= ? AND bucket < ? ORDER BY bucket");
        select.bind(series, level, first, end);
        while (select.step()) {
            const std::int64_t begin = pyramidBegin(select.integer(0), level);
            if (begin > at)
                scanPoints(series, at, begin, visit);
            at = begin + pyramidWidth(level);
            visit(begin, at, summaryOf(select, 1));
        }
    }
    scan(series, at, to, level - 1, visit);
}

PointSummary PyramidReader::summary(SeriesId series, std::int64_t from, std::int64_t to) {
    int level = pyramid_levels - 1;
    while (level >= lowest_level && pyramidWidth(level) > to - from)
        --level;
    PointSummary result;
    scan(series, from, to, level,
         [&result](std::int64_t, std::int64_t, const PointSummary& piece) { result.merge(piece); });
    return result;
}

void PyramidTail::append(std::int64_t step, double value, const Closed& closed) {
    if (begun_ && pyramidBucket(step, lowest_level) != pyramidBucket(last_step_, lowest_level))
        close(lowest_level, step, closed);
    open_[lowest_level].add(value);
    last_step_ = step;
    begun_ = true;
}

// Hands the level's bucket up to the one above it, which ends too when `next_step` lies outside.
void PyramidTail::close(int level, std::int64_t next_step, const Closed& closed) {
    const PointSummary summary = std::exchange(open_[static_cast<std::size_t>(level)], {});
    if (summary.n >= pyramid_least_points)
        closed(level, pyramidBucket(last_step_, level), summary);
    if (level + 1 == pyramid_levels)
        return;
    open_[static_cast<std::size_t>(level) + 1].merge(summary);
    if (pyramidBucket(next_step, level + 1) != pyramidBucket(last_step_, level + 1))
        close(level + 1, next_step, closed);
}

void PyramidTail::restore(PyramidReader& reader, SeriesId series, std::int64_t last_step) {
    std::int64_t end = last_step + 1;
    for (int level = lowest_level; level < pyramid_levels; ++level) {
        const std::int64_t begin = pyramidBegin(pyramidBucket(last_step, level), level);
        open_[static_cast<std::size_t>(level)] = reader.summary(series, begin, end);
        end = begin;
    }
    last_step_ = last_step;
    begun_ = true;
}

void PyramidWriter::write(SeriesId series, int level, std::int64_t bucket, const PointSummary& summary) {
    database_.run("INSERT OR REPLACE INTO pyramid(sid, level, bucket, n, nan_n, vmin, vmax, vsum, vfirst, vlast, "
                  "pos_inf_n, neg_inf_n) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  series, level, bucket, summary.n, summary.nan, finiteOrNull(summary, summary.minimum),
                  finiteOrNull(summary, summary.maximum), finiteOrNull(summary, summary.sum),
                  finiteOrNull(summary, summary.first), finiteOrNull(summary, summary.last),
                  summary.positive_infinite, summary.negative_infinite);
}

void PyramidWriter::rebuild(SeriesId series, std::int64_t step, std::int64_t last_step) {
    for (int level = lowest_level; level < pyramid_levels; ++level) {
        const std::int64_t bucket = pyramidBucket(step, level);
        if (bucket == pyramidBucket(last_step, level))
            return; // open here and above
        const std::int64_t begin = pyramidBegin(bucket, level);
        PointSummary summary;
        reader_.scan(series, begin, begin + pyramidWidth(level), level - 1,
                     [&summary](std::int64_t, std::int64_t, const PointSummary& piece) { summary.merge(piece); });
        if (summary.n >= pyramid_least_points)
            write(series, level, bucket, summary);
    }
}

void PyramidWriter::cut(SeriesId series, std::int64_t step) {
    for (int level = lowest_level; level < pyramid_levels; ++level)
        database_.run("DELETE FROM pyramid WHERE sid = ? AND level = ? AND bucket >= ?", series, level,
                      pyramidBucket(step, level));
}

} // namespace fulgurite
