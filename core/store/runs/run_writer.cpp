// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/run_writer.h"

#include "core/store/runs/run_sink.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

namespace fulgurite {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t flush_rows = 4096;
constexpr auto flush_period = std::chrono::milliseconds(250);
// While someone watches: with the time that a transaction takes, less than 100 ms.
constexpr auto watched_period = std::chrono::milliseconds(80);
constexpr auto retry_period = std::chrono::seconds(1);
// A producer that is faster than the disk waits here; one whose disk takes nothing may go on to the second figure.
constexpr std::size_t most_rows_waiting = std::size_t{1} << 18;
constexpr std::size_t most_rows_kept = std::size_t{1} << 20;
// A completion or a distribution counts as so many rows as its bytes would make: what waits is bounded in memory.
constexpr std::size_t row_bytes = 64;

std::size_t rowsOf(const RunSample& sample) {
    std::size_t bytes = sample.prompt.size() + sample.completion.size() + sample.meta_json.size();
    for (const RolloutToken& token : sample.tokens)
        bytes += sizeof(RolloutToken) + token.bytes.size();
    return 1 + bytes / row_bytes;
}

} // namespace

struct RunWriter::State {
    explicit State(std::unique_ptr<RunSink> opened) : sink(std::move(opened)), thread([this] { work(); }) {}

    // `rewind` and `status` end a batch, so that what comes later is applied after them.
    RunBatch& open(std::unique_lock<std::mutex>& lock) {
        if (gone)
            std::rethrow_exception(error);
        if (rows >= most_rows_waiting)
            done.wait(lock, [this] { return rows < most_rows_waiting || error; });
        if (gone || (error && rows >= most_rows_kept))
            std::rethrow_exception(error);
        if (queue.empty() || queue.back().status)
            queue.emplace_back().points = std::move(spare);
        return queue.back();
    }
    void added(std::size_t count) {
        ++accepted;
        if (rows == 0)
            oldest = Clock::now();
        const bool wakes = rows == 0 || (rows < flush_rows && rows + count >= flush_rows);
        rows += count;
        if (wakes)
            wake.notify_one();
    }
    // Waits until all that was accepted so far is in the file.
    void flush(std::unique_lock<std::mutex>& lock) {
        const std::uint64_t target = accepted;
        const std::uint64_t failures_before = failures;
        urgent = true;
        wake.notify_one();
        done.wait(lock, [&] { return durable >= target || failures != failures_before || gone; });
        if (durable < target)
            std::rethrow_exception(error);
    }
    void work();
    bool waitUntilDue(std::unique_lock<std::mutex>& lock);
    void writeOnce(std::unique_lock<std::mutex>& lock);

    std::unique_ptr<RunSink> sink; // the thread's own after the start, but for its constants
    std::mutex mutex;
    std::condition_variable wake; // the thread
    std::condition_variable done; // callers
    std::deque<RunBatch> queue;
    std::deque<RunBatch> writing;   // the thread's own; kept when a write fails
    std::vector<QueuedPoint> spare; // empty, with the room of a batch that was written
    std::map<std::string, Series, std::less<>> names;
    std::size_t rows = 0; // queued and not durable
    Clock::time_point oldest;
    std::uint64_t accepted = 0;
    std::uint64_t durable = 0;
    std::uint64_t failures = 0;
    std::exception_ptr error; // of the latest try
    bool gone = false;        // the run was deleted
    bool urgent = false;
    bool stopping = false;
    std::thread thread; // last: it uses the rest
};

// False when there is nothing left to do and the writer goes.
bool RunWriter::State::waitUntilDue(std::unique_lock<std::mutex>& lock) {
    wake.wait(lock, [this] { return durable < accepted || stopping || urgent; });
    while (!stopping && !urgent) {
        const Clock::time_point now = Clock::now();
        if (error) {
            if (wake.wait_until(lock, now + retry_period) == std::cv_status::timeout)
                return true;
            continue;
        }
        if (rows >= flush_rows || now - oldest >= flush_period)
            return true;
        if (now - oldest >= watched_period && sink->watched())
            return true;
        wake.wait_until(lock, std::min(oldest + flush_period, now + watched_period));
    }
    return !stopping || durable < accepted;
}

void RunWriter::State::work() {
    std::unique_lock lock(mutex);
    while (waitUntilDue(lock)) {
        writeOnce(lock);
        if (gone || (stopping && error))
            break;
    }
    lock.unlock();
    if (!gone)
        sink->checkpoint();
}

void RunWriter::State::writeOnce(std::unique_lock<std::mutex>& lock) {
    urgent = false;
    for (RunBatch& batch : queue)
        writing.push_back(std::move(batch));
    queue.clear();
    const std::uint64_t taken = accepted;
    const std::size_t rows_before = rows;
    lock.unlock();
    std::exception_ptr failure;
    bool deleted = false;
    try {
        if (!writing.empty())
            sink->write(writing);
    } catch (const Error& e) {
        failure = std::current_exception();
        deleted = e.kind() == ErrorKind::NotFound;
    } catch (...) {
        failure = std::current_exception();
    }
    lock.lock();
    error = failure;
    gone = deleted;
    if (failure) {
        ++failures;
    } else {
        durable = taken;
        rows -= rows_before;
        if (!writing.empty())
            spare = std::move(writing.back().points);
        spare.clear();
        writing.clear();
        oldest = Clock::now();
    }
    done.notify_all();
}

RunWriter::RunWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}

RunWriter::~RunWriter() {
    if (!state_)
        return;
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->wake.notify_one();
    state_->thread.join();
}

std::unique_ptr<RunWriter> RunWriter::create(const std::filesystem::path& file, const NewRun& run) {
    auto database = openRunsFile(file);
    const std::string uuid = run.uuid.empty() ? newRunUuid() : run.uuid;
    Transaction transaction(*database);
    if (database->integer("SELECT id FROM runs WHERE uuid = ?", uuid))
        fail(ErrorKind::InvalidInput, "{}: a run with the uuid {} exists. Continue it, or leave the uuid out.",
             file.string(), uuid);
    const Microseconds now = nowMicroseconds();
    database->run("INSERT INTO runs(uuid, project, name, source, source_uri, algo, created_us, status, parent_id, "
                  "seed, config_json, notes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  uuid, run.project, run.name, run.source, run.source_uri, run.algo,
                  run.created_us > 0 ? run.created_us : now, static_cast<int>(RunStatus::Running), run.parent,
                  run.seed, run.config_json, run.notes);
    const RunId id = database->lastInsertId();
    database->run("INSERT INTO run_state(run_id, updated_us) VALUES (?, ?)", id, now);
    for (const std::string& tag : run.tags)
        database->run("INSERT OR IGNORE INTO run_tags(run_id, tag) VALUES (?, ?)", id, tag);
    transaction.commit();
    auto sink = std::make_unique<RunSink>(std::move(database), id);
    return std::unique_ptr<RunWriter>(new RunWriter(std::make_unique<State>(std::move(sink))));
}

std::unique_ptr<RunWriter> RunWriter::resume(const std::filesystem::path& file, RunId run) {
    auto sink = std::make_unique<RunSink>(openRunsFile(file), run);
    sink->setRunning();
    return std::unique_ptr<RunWriter>(new RunWriter(std::make_unique<State>(std::move(sink))));
}

std::unique_ptr<RunWriter> RunWriter::resume(const std::filesystem::path& file, const std::string& uuid) {
    const auto id = openRunsFile(file)->integer("SELECT id FROM runs WHERE uuid = ?", uuid);
    if (!id)
        fail(ErrorKind::NotFound, "{}: there is no run with the uuid {}", file.string(), uuid);
    return resume(file, *id);
}

RunId RunWriter::run() const {
    return state_->sink->run();
}
const std::string& RunWriter::uuid() const {
    return state_->sink->uuid();
}
const std::filesystem::path& RunWriter::file() const {
    return state_->sink->file();
}

RunWriter::Series RunWriter::series(std::string_view name, SeriesKind kind) {
    std::unique_lock lock(state_->mutex);
    if (const auto found = state_->names.find(name); found != state_->names.end())
        return found->second;
    if (name.empty() || name.size() > longest_series_name)
        fail(ErrorKind::InvalidInput, "a series' name has 1 to {} bytes, not {}", longest_series_name, name.size());
    RunBatch& batch = state_->open(lock);
    const auto series = static_cast<Series>(state_->names.size());
    batch.series.push_back({std::string(name), kind});
    state_->names.emplace(name, series);
    state_->added(0);
    return series;
}

void RunWriter::add(Series series, std::int64_t step, double value) {
    requireRunStep(step);
    std::unique_lock lock(state_->mutex);
    state_->open(lock).points.push_back({series, step, value});
    state_->added(1);
}

void RunWriter::add(std::span<const Point> points) {
    for (const Point& point : points)
        requireRunStep(point.step);
    if (points.empty())
        return;
    std::unique_lock lock(state_->mutex);
    std::vector<QueuedPoint>& queued = state_->open(lock).points;
    for (const Point& point : points)
        queued.push_back({point.series, point.step, point.value});
    state_->added(points.size());
}

void RunWriter::mark(const StepMark& step) {
    requireRunStep(step.step);
    std::unique_lock lock(state_->mutex);
    state_->open(lock).marks.push_back(step);
    state_->added(1);
}

void RunWriter::sample(RunSample sample) {
    requireRunStep(sample.step);
    std::unique_lock lock(state_->mutex);
    const std::size_t rows = rowsOf(sample);
    state_->open(lock).samples.push_back(std::move(sample));
    state_->added(rows);
}

void RunWriter::histogram(Series series, std::int64_t step, std::vector<HistogramBucket> buckets) {
    requireRunStep(step);
    std::unique_lock lock(state_->mutex);
    const std::size_t rows = 1 + buckets.size() * sizeof(HistogramBucket) / row_bytes;
    state_->open(lock).histograms.push_back({series, step, std::move(buckets)});
    state_->added(rows);
}

void RunWriter::rewind(std::int64_t step) {
    std::unique_lock lock(state_->mutex);
    state_->open(lock);
    state_->queue.emplace_back().rewind = step;
    state_->added(0);
}

void RunWriter::setStatus(RunStatus status) {
    std::unique_lock lock(state_->mutex);
    state_->open(lock).status = status;
    state_->added(0);
}

void RunWriter::flush() {
    std::unique_lock lock(state_->mutex);
    state_->flush(lock);
}

void RunWriter::finish(RunStatus status) {
    std::unique_lock lock(state_->mutex);
    RunBatch& last = state_->open(lock);
    last.status = status;
    last.ends = true;
    state_->added(0);
    state_->flush(lock);
}

std::string RunWriter::trouble() const {
    const std::lock_guard lock(state_->mutex);
    if (!state_->error)
        return "";
    try {
        std::rethrow_exception(state_->error);
    } catch (const std::exception& e) {
        return e.what();
    }
}

} // namespace fulgurite
