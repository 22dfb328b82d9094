// SPDX-License-Identifier: Apache-2.0
// Writes one run. Calls only put rows into memory; a thread of the writer's own owns the connection and writes
// them, points and pyramid in one transaction, every 250 ms or 4,096 rows, and at most 100 ms late while someone
// watches. A crash loses what was not flushed; a full disk loses nothing as long as the program lives: rows wait,
// up to a million of them, until there is room. A completion or a distribution counts as a row for every 64 bytes.
#pragma once

#include "core/base/error.h"
#include "core/store/runs/run_types.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fulgurite {

constexpr std::size_t longest_series_name = 1024; // bytes

class RunWriter {
  public:
    // A series of this writer; the file's own id is SeriesRecord::id.
    using Series = std::uint32_t;

    // Begins a run. Throws Error as openRunsFile does, and InvalidInput when the uuid exists already.
    static std::unique_ptr<RunWriter> create(const std::filesystem::path& file, const NewRun& run);
    // Goes on with one, which becomes Running. Throws NotFound, and Unavailable while another writer has it.
    static std::unique_ptr<RunWriter> resume(const std::filesystem::path& file, RunId run);
    static std::unique_ptr<RunWriter> resume(const std::filesystem::path& file, const std::string& uuid);

    // Flushes what it can; finish() says whether that worked. A run that was not finished stays Running.
    ~RunWriter();
    RunWriter(const RunWriter&) = delete;
    RunWriter& operator=(const RunWriter&) = delete;

    RunId run() const;
    const std::string& uuid() const;
    const std::filesystem::path& file() const;

    // The members below may be called from any thread. Each throws the Error of the writer's thread when that
    // cannot go on: the run was deleted (NotFound), or too many rows wait for a disk that takes none (Io).

    // Finds or makes a series. The kind of one that exists stays.
    Series series(std::string_view name, SeriesKind kind = SeriesKind::Metric);
    // A second value for the same step replaces the first. NaN and infinities are kept as such.
    void add(Series series, std::int64_t step, double value);
    void add(std::string_view name, std::int64_t step, double value) { add(series(name), step, value); }
    // Many at once, for whoever has them: one lock for all.
    struct Point {
        Series series = 0;
        std::int64_t step = 0;
        double value = 0;
    };
    void add(std::span<const Point> points);
    // What is not given keeps what the step had.
    void mark(const StepMark& step);
    void sample(RunSample sample);
    void histogram(Series series, std::int64_t step, std::vector<HistogramBucket> buckets);
    // Everything from `step` on goes, as after a restart from a checkpoint. Rows that come later stand.
    void rewind(std::int64_t step);
    void setStatus(RunStatus status);

    // Waits until all of the above is in the file. Throws the Error that hinders it; the rows wait on.
    void flush();
    // Flushes and sets status and end. The writer is of no use afterwards.
    void finish(RunStatus status);
    // Of the latest try to write, empty while all is well: for whoever shows the run.
    std::string trouble() const;

  private:
    struct State;
    explicit RunWriter(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

} // namespace fulgurite
