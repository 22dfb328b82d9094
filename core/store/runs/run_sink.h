// SPDX-License-Identifier: Apache-2.0
// The SQL side of a RunWriter: takes batches of rows, one transaction each. Used by the writer's thread alone.
#pragma once

#include "core/store/runs/pyramid.h"
#include "core/store/runs/run_lock.h"
#include "core/store/runs/runs_file.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fulgurite {

struct QueuedPoint {
    std::uint32_t series = 0; // of the writer
    std::int64_t step = 0;
    double value = 0;
};

struct QueuedHistogram {
    std::uint32_t series = 0;
    std::int64_t step = 0;
    std::vector<HistogramBucket> buckets;
};

struct NewSeries {
    std::string name;
    SeriesKind kind = SeriesKind::Metric;
};

// Applied in the order of the members.
struct RunBatch {
    std::optional<std::int64_t> rewind;
    std::vector<NewSeries> series; // numbered on from those before
    std::vector<QueuedPoint> points;
    std::vector<StepMark> marks;
    std::vector<RunSample> samples;
    std::vector<QueuedHistogram> histograms;
    std::optional<RunStatus> status;
    bool ends = false; // with this status

    std::size_t rows() const { return points.size() + marks.size() + samples.size() + histograms.size(); }
    bool empty() const { return rows() == 0 && series.empty() && !rewind && !status; }
};

class RunSink {
  public:
    RunSink(std::unique_ptr<Database> database, RunId run);

    RunId run() const { return run_; }
    const std::string& uuid() const { return uuid_; }
    const std::filesystem::path& file() const { return database_->path(); }
    bool watched() const { return lock_.watched(); }
    void setRunning();

    // All or nothing. Throws Error: NotFound when the run is gone, else what the database reports; the batches can
    // be tried again.
    void write(const std::deque<RunBatch>& batches);
    void checkpoint() { database_->checkpoint(); }

  private:
    struct Series {
        NewSeries wanted;
        SeriesId id = 0; // 0 until the file has it
        std::int64_t n = 0;
        std::optional<std::int64_t> min_step, max_step;
        std::optional<double> last, minimum, maximum;
        std::int64_t nan = 0, infinite = 0, overwritten = 0;
        PyramidTail tail;
        bool tail_ready = false;
        std::vector<std::int64_t>
            late; // steps that came after a later one, until the transaction rebuilt their buckets
        bool touched = false;
    };

    void apply(const RunBatch& batch);
    void load(Series& series);
    void loadCounts(Series& series);
    void sortBySeries(std::span<const QueuedPoint> points);
    void writePoints(std::span<const QueuedPoint> points);
    void append(Series& series, const QueuedPoint& point);
    void replace(Series& series, const QueuedPoint& point);
    void settle(Series& series); // buckets and totals, after the points of a batch
    void writeMarks(std::span<const StepMark> marks);
    void writeSamples(std::span<const RunSample> samples);
    void writeHistograms(std::span<const QueuedHistogram> histograms);
    void rewind(std::int64_t step);
    void recount(Series& series);
    void writeState(const std::optional<RunStatus>& status, bool ends);

    std::unique_ptr<Database> database_;
    RunId run_;
    std::string uuid_;
    RunLock lock_;
    PyramidReader reader_;
    PyramidWriter pyramid_;
    std::vector<Series> series_;      // as the writer numbers them
    std::vector<QueuedPoint> sorted_; // reused, as the next
    std::vector<std::size_t> firsts_;
    bool stale_ = false;   // a transaction failed: the figures above are read anew
    bool changed_ = false; // more than appends
    std::optional<std::int64_t> last_step_;
};

} // namespace fulgurite
