// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/import_target.h"

#include "core/store/runs/run_editor.h"

namespace fulgurite {

namespace {

constexpr std::size_t points_at_once = 1024;

// 64 bits of FNV-1a, from two starts for a whole uuid: it tells paths apart and is no secret.
std::uint64_t hashOf(std::string_view text, std::uint64_t hash) {
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return hash;
}

// Version 8 (RFC 9562): the bits are ours to choose.
std::string uuidOf(const std::string& uri, std::string_view run) {
    const std::string name = run.empty() ? uri : uri + '\n' + std::string(run);
    const std::uint64_t high = (hashOf(name, 0xcbf29ce484222325ULL) & ~0xf000ULL) | 0x8000ULL;
    const std::uint64_t low = (hashOf(name, 0x84222325cbf29ce4ULL) & ~(0xc0ULL << 56)) | (0x80ULL << 56);
    return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xffff,
                       low >> 48, low & 0xffffffffffffULL);
}

} // namespace

ImportTarget::ImportTarget(std::filesystem::path database, NewRun run, bool rewind)
    : database_(std::move(database)), wanted_(std::move(run)), rewind_(rewind) {}

void ImportTarget::selectRun(std::string_view name) {
    if (name == selected_)
        return;
    selected_ = name;
    current_ = nullptr;
}

ImportTarget::Run& ImportTarget::current() {
    if (current_)
        return *current_;
    auto [found, inserted] = runs_.try_emplace(selected_);
    Run& run = found->second;
    if (inserted)
        run.anew = anew_;
    if (!run.writer) {
        NewRun wanted = wanted_;
        wanted.uuid = uuidOf(wanted.source_uri, selected_);
        if (!selected_.empty())
            wanted.name = selected_;
        const auto existing = openRunsFile(database_)->integer("SELECT id FROM runs WHERE uuid = ?", wanted.uuid);
        run.writer = existing ? RunWriter::resume(database_, *existing) : RunWriter::create(database_, wanted);
        if (!run_)
            run_ = run.writer->run();
    }
    current_ = &run;
    return run;
}

// Notices steps that go back.
void ImportTarget::at(Run& run, std::int64_t step) {
    if (std::exchange(run.anew, false)) {
        handOver(run);
        run.writer->rewind(step);
    } else if (run.last_step && step < *run.last_step) {
        ++counts_.backwards;
        if (rewind_) {
            handOver(run);
            run.writer->rewind(step);
        }
    }
    run.last_step = step;
}

void ImportTarget::handOver(Run& run) {
    run.writer->add(run.points);
    run.points.clear();
}

// Rows mostly name their series in the same order, so that the next one is known before it is looked up.
RunWriter::Series ImportTarget::seriesOf(Run& run, std::string_view name) {
    name = name.substr(0, longest_series_name);
    if (run.guess == run.names.size())
        run.guess = 0;
    if (!run.names.empty() && *run.names[run.guess] == name)
        return static_cast<RunWriter::Series>(run.guess++);
    name_buffer_ = name;
    auto found = run.series.find(name_buffer_);
    if (found == run.series.end()) {
        // Writers number their series on from 0.
        found = run.series.emplace(name_buffer_, run.writer->series(name_buffer_)).first;
        run.names.push_back(&found->first);
    }
    run.guess = found->second + 1;
    return found->second;
}

void ImportTarget::value(std::string_view name, std::int64_t step, double value) {
    if (name.empty())
        return skipped("a value has no name");
    Run& run = current();
    if (run.last_step != step)
        at(run, step);
    requireRunStep(step);
    run.points.push_back({seriesOf(run, name), step, value});
    if (run.points.size() == points_at_once)
        handOver(run);
    ++counts_.values;
}

void ImportTarget::mark(const StepMark& mark) {
    Run& run = current();
    if (run.last_step != mark.step)
        at(run, mark.step);
    run.writer->mark(mark);
}

void ImportTarget::histogram(std::string_view name, std::int64_t step, std::vector<HistogramBucket> buckets) {
    if (name.empty() || buckets.empty())
        return skipped("a histogram has no name, no buckets or too many");
    if (buckets.size() > most_histogram_buckets)
        return skipped(
            fmt::format("a histogram of {} buckets; {} are the most", buckets.size(), most_histogram_buckets));
    Run& run = current();
    if (run.last_step != step)
        at(run, step);
    run.writer->histogram(seriesOf(run, name), step, std::move(buckets));
    ++counts_.histograms;
}

void ImportTarget::sample(RunSample sample) {
    Run& run = current();
    if (std::exchange(run.anew, false)) { // no row of a step came first
        handOver(run);
        run.writer->rewind(sample.step);
    }
    run.writer->sample(std::move(sample));
    ++counts_.samples;
}

void ImportTarget::config(const std::string& json) {
    Run& run = current();
    handOver(run);
    run.writer->flush(); // one writer at a time, and the editor is another connection
    RunEditor(database_).setConfig(run.writer->run(), json);
}

void ImportTarget::rewind(std::int64_t step) {
    handOver(current());
    current().writer->rewind(step);
}

void ImportTarget::skipped(const std::string& why) {
    if (skipped_in_file_++ == 0)
        first_skipped_ = why;
    ++counts_.skipped;
}

void ImportTarget::startAnew() {
    anew_ = true;
    for (auto& [name, run] : runs_)
        run.anew = true;
}

void ImportTarget::beginFile(const std::filesystem::path& file, bool replaced) {
    file_ = file;
    if (replaced) {
        ++counts_.started_anew;
        remarks_.push_back(
            fmt::format("{}: the file was replaced or cut and was read from its beginning", file.string()));
    }
    selectRun("");
}

void ImportTarget::endFile() {
    if (skipped_in_file_ > 0)
        remarks_.push_back(skipped_in_file_ == 1 ? fmt::format("{}: skipped: {}", file_.string(), first_skipped_)
                                                 : fmt::format("{}: {} records were skipped; the first: {}",
                                                               file_.string(), skipped_in_file_, first_skipped_));
    skipped_in_file_ = 0;
}

void ImportTarget::endRun() {
    anew_ = false;
    for (auto& [name, run] : runs_)
        run.anew = false;
}

void ImportTarget::flush() {
    for (auto& [name, run] : runs_) {
        handOver(run);
        run.writer->flush();
    }
}

void ImportTarget::finish(RunStatus status) {
    for (auto& [name, run] : runs_) {
        handOver(run);
        run.writer->finish(status);
    }
    runs_.clear();
    current_ = nullptr;
}

ImportCounts ImportTarget::takeCounts() {
    return std::exchange(counts_, {});
}

std::vector<std::string> ImportTarget::takeRemarks() {
    return std::exchange(remarks_, {});
}

} // namespace fulgurite
