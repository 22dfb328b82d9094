// SPDX-License-Identifier: Apache-2.0
// Minimum, maximum, first and last of a series at every scale, so that ten million points are drawn from a few
// thousand rows and no spike is lost. Level L has buckets of 16 * 4^L steps. A closed bucket (one that a later step
// has left behind) with 32 points or more has a row; any other has fewer than 32 points or is the open end, and is
// read from the level below or from the points. So the rows are a function of the points alone, at most one for
// every 24 points, whatever the distance between steps.
#pragma once

#include "core/store/database.h"
#include "core/store/runs/run_types.h"

#include <array>
#include <functional>
#include <limits>

namespace fulgurite {

constexpr int pyramid_levels = 24; // the top ones hold clocks in microseconds
constexpr std::int64_t pyramid_least_points = 32;

constexpr int pyramidShift(int level) {
    return 4 + 2 * level;
}
constexpr std::int64_t pyramidBucket(std::int64_t step, int level) {
    return step >> pyramidShift(level);
}
constexpr std::int64_t pyramidWidth(int level) {
    return std::int64_t{1} << pyramidShift(level);
}
constexpr std::int64_t pyramidBegin(std::int64_t bucket, int level) {
    return bucket * pyramidWidth(level);
}

// Of consecutive points. minimum to last are of the finite ones, and NaN where there is none.
struct PointSummary {
    std::int64_t n = 0; // all points
    std::int64_t nan = 0;
    std::int64_t positive_infinite = 0;
    std::int64_t negative_infinite = 0;
    double minimum = std::numeric_limits<double>::quiet_NaN();
    double maximum = std::numeric_limits<double>::quiet_NaN();
    double sum = 0;
    double first = std::numeric_limits<double>::quiet_NaN();
    double last = std::numeric_limits<double>::quiet_NaN();

    std::int64_t finite() const { return n - nan - positive_infinite - negative_infinite; }
    void add(double value);
    void merge(const PointSummary& later);
};

// Reads summaries of any range, from rows where there are some and from points elsewhere.
class PyramidReader {
  public:
    // `begin` and `end` are the steps that the summary covers, end excluded; a single point when end == begin + 1.
    using Visit = std::function<void(std::int64_t begin, std::int64_t end, const PointSummary& summary)>;

    explicit PyramidReader(Database& database) : database_(database) {}

    // Calls `visit` in order for pieces of [from, to) of at most the width of `level`; -1 reads points only.
    void scan(SeriesId series, std::int64_t from, std::int64_t to, int level, const Visit& visit);
    PointSummary summary(SeriesId series, std::int64_t from, std::int64_t to);

  private:
    void scanPoints(SeriesId series, std::int64_t from, std::int64_t to, const Visit& visit);

    Database& database_;
};

// The open buckets of one series while points are appended: memory for what the file does not have yet.
class PyramidTail {
  public:
    using Closed = std::function<void(int level, std::int64_t bucket, const PointSummary& summary)>;

    // `step` is greater than any before. `closed` hears of each bucket that it leaves behind and that deserves a
    // row.
    void append(std::int64_t step, double value, const Closed& closed);
    // As if all points of the file up to `last_step` had been appended.
    void restore(PyramidReader& reader, SeriesId series, std::int64_t last_step);

  private:
    void close(int level, std::int64_t next_step, const Closed& closed);

    // Of the bucket that contains last_step_, without what the levels below still hold.
    std::array<PointSummary, pyramid_levels> open_{};
    std::int64_t last_step_ = 0;
    bool begun_ = false;
};

// Writes rows. Calls come within a transaction.
class PyramidWriter {
  public:
    explicit PyramidWriter(Database& database) : database_(database), reader_(database) {}

    void write(SeriesId series, int level, std::int64_t bucket, const PointSummary& summary);
    // Computes the closed buckets that contain `step` anew; `last_step` is the series' last.
    void rebuild(SeriesId series, std::int64_t step, std::int64_t last_step);
    // Forgets every bucket that reaches to `step` or beyond.
    void cut(SeriesId series, std::int64_t step);

  private:
    Database& database_;
    PyramidReader reader_;
};

} // namespace fulgurite
