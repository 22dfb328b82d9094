// SPDX-License-Identifier: Apache-2.0
// Reads a runs file while others write it. Every call is a short transaction of its own, so that a reader never
// holds up a writer. One thread at a time. A run that was deleted in between reads as empty, but for run().
#pragma once

#include "core/store/runs/pyramid.h"
#include "core/store/runs/run_lock.h"
#include "core/store/runs/run_types.h"
#include "core/store/runs/runs_file.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite {

// One column of a chart, or one point.
struct SeriesColumn {
    std::int64_t begin = 0; // steps that it covers, end excluded; a bucket counts where it begins
    std::int64_t end = 0;
    PointSummary summary;
};

struct SeriesView {
    bool exact = false;                // every column is one point
    std::vector<SeriesColumn> columns; // those with points, in order
};

class RunReader {
  public:
    // Throws Error: NotFound, Unsupported for a newer file, Corrupt, Io.
    explicit RunReader(const std::filesystem::path& file);

    const std::filesystem::path& file() const { return database_->path(); }

    // True when somebody committed since the last call; a few microseconds. Then RunRecord::generation tells an
    // append from a change of what was read before.
    bool changed();
    // While set, writers of the file are at most 100 ms late.
    void watch(bool on);

    std::vector<RunRecord> runs(); // newest first
    RunRecord run(RunId run);      // throws Error{NotFound}
    std::optional<RunId> findRun(const std::string& uuid);
    std::string config(RunId run); // JSON

    std::vector<SeriesRecord> series(RunId run); // by name; points are not touched
    std::optional<SeriesRecord> findSeries(RunId run, const std::string& name);

    // Points of [from, to] in order, at most `limit`.
    std::vector<RunPoint> points(SeriesId series, std::int64_t from, std::int64_t to, std::size_t limit);
    // Points after `step`.
    std::vector<RunPoint> tail(SeriesId series, std::int64_t step, std::size_t limit);
    // [from, to] for a chart of `columns` pixels: the points themselves when there are few, about two for each
    // column, else minimum, maximum, first and last of each column.
    SeriesView view(SeriesId series, std::int64_t from, std::int64_t to, std::size_t columns);

    // Marks of [from, to], or about `limit` evenly spaced ones when there are more.
    std::vector<StepMark> marks(RunId run, std::int64_t from, std::int64_t to, std::size_t limit);
    // The nearest mark at or before `step`.
    std::optional<StepMark> markAt(RunId run, std::int64_t step);

    // Steps that have samples, with how many.
    std::vector<std::pair<std::int64_t, std::int64_t>> sampleSteps(RunId run);
    // Samples of a step by group, without tokens.
    std::vector<RunSample> samples(RunId run, std::int64_t step);
    // With tokens. Throws Error{NotFound}, also for a sample of another run: whoever may read this one need not be
    // allowed to read that.
    RunSample sample(RunId run, SampleId sample);

    std::vector<std::int64_t> histogramSteps(SeriesId series);
    // Series of the run that have histograms, with the last step of one.
    std::vector<std::pair<SeriesId, std::int64_t>> lastHistograms(RunId run);
    std::vector<HistogramBucket> histogram(SeriesId series, std::int64_t step); // empty where there is none

  private:
    RunRecord runOf(const Statement& row);
    double expectedPoints(SeriesId series, std::int64_t begin, std::int64_t end);

    std::unique_ptr<Database> database_;
    PyramidReader pyramid_;
    RunOwners owners_;
    std::optional<RunWatch> watch_;
    std::int64_t seen_version_ = 0;
};

} // namespace fulgurite
