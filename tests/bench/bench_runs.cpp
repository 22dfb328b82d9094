// SPDX-License-Identifier: Apache-2.0
// A runs file under load. bench_runs FILE long: ten million points of 60 series, written, opened, looked at;
// bench_runs FILE many RUNS: RUNS runs of 60 series of 1,000 points; bench_runs FILE names: one run of 10,000
// series. bench_runs FILE import PATH: logs of another program until the first charts are read.
#include "core/base/error.h"
#include "core/store/runs/import/run_import.h"
#include "core/store/runs/run_reader.h"
#include "core/store/runs/run_writer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fmt/core.h>
#include <functional>
#include <random>
#include <vector>

namespace {

using namespace fulgurite;

constexpr int kSeries = 60;
constexpr std::size_t kColumns = 1000;
constexpr int kCharts = 12;

double secondsOf(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void writeRun(const std::filesystem::path& file, const std::string& name, int series, std::int64_t steps) {
    NewRun run;
    run.name = name;
    auto writer = RunWriter::create(file, run);
    std::vector<RunWriter::Series> handles;
    for (int i = 0; i < series; ++i)
        handles.push_back(writer->series(fmt::format("group{}/metric_{}", i % 7, i)));
    std::minstd_rand random(1);
    for (std::int64_t step = 0; step < steps; ++step) {
        const double noise = static_cast<double>(random()) / static_cast<double>(std::minstd_rand::max());
        for (const RunWriter::Series handle : handles)
            writer->add(handle, step, noise + handle);
        writer->mark({step, 1'700'000'000'000'000 + step * 1000, step * 4096, std::nullopt});
    }
    writer->finish(RunStatus::Finished);
}

void reportWriting(double seconds, std::int64_t points, std::int64_t marks, const std::filesystem::path& file) {
    fmt::print("write {} points and {} marks: {:.2f} s, {:.0f} rows/s, {:.1f} bytes a point\n", points, marks,
               seconds, static_cast<double>(points + marks) / seconds,
               static_cast<double>(std::filesystem::file_size(file)) / static_cast<double>(points));
}

// What a window asks for before it can paint: the list, the newest run's series, a screen of charts.
void firstLook(const std::filesystem::path& file) {
    std::optional<RunReader> reader;
    std::vector<RunRecord> runs;
    std::vector<SeriesRecord> series;
    fmt::print("open: {:.1f} ms\n", 1e3 * secondsOf([&] { reader.emplace(file); }));
    fmt::print("list of {} runs: {:.1f} ms\n", reader->runs().size(),
               1e3 * secondsOf([&] { runs = reader->runs(); }));
    fmt::print("names of its series: {:.1f} ms\n", 1e3 * secondsOf([&] { series = reader->series(runs[0].id); }));
    fmt::print("{} charts of {} columns: {:.1f} ms\n", kCharts, kColumns,
               1e3 * secondsOf([&] {
                   for (int i = 0; i < std::min<int>(kCharts, static_cast<int>(series.size())); ++i)
                       reader->view(series[static_cast<std::size_t>(i)].id, 0, *runs[0].last_step, kColumns);
               }));
}

void zooms(const std::filesystem::path& file) {
    RunReader reader(file);
    const RunRecord run = reader.runs()[0];
    const std::vector<SeriesRecord> series = reader.series(run.id);
    std::minstd_rand random(2);
    std::vector<double> times;
    std::size_t columns = 0;
    for (int i = 0; i < 400; ++i) {
        const std::int64_t width = std::max<std::int64_t>(10, *run.last_step >> (random() % 16));
        const std::int64_t from =
            static_cast<std::int64_t>(random()) % std::max<std::int64_t>(1, *run.last_step - width);
        const SeriesId id = series[random() % series.size()].id;
        times.push_back(
            secondsOf([&] { columns += reader.view(id, from, from + width, kColumns).columns.size(); }));
    }
    std::sort(times.begin(), times.end());
    fmt::print("400 views at random places and scales: median {:.2f} ms, 99 % {:.2f} ms, longest {:.2f} ms\n",
               1e3 * times[200], 1e3 * times[396], 1e3 * times.back());
}

void longRun(const std::filesystem::path& file) {
    constexpr std::int64_t kSteps = 10'000'000 / kSeries;
    const double seconds = secondsOf([&] { writeRun(file, "long", kSeries, kSteps); });
    reportWriting(seconds, kSteps * kSeries, kSteps, file);
    firstLook(file);
    zooms(file);
}

void manyRuns(const std::filesystem::path& file, int runs) {
    constexpr std::int64_t kSteps = 1000;
    const double seconds = secondsOf([&] {
        for (int i = 0; i < runs; ++i)
            writeRun(file, fmt::format("run-{}", i), kSeries, kSteps);
    });
    reportWriting(seconds, runs * kSteps * kSeries, runs * kSteps, file);
    firstLook(file);
    RunReader reader(file);
    const std::vector<RunRecord> all = reader.runs();
    fmt::print("one chart of all runs: {:.1f} ms\n",
               1e3 * secondsOf([&] {
                   for (const RunRecord& run : all)
                       reader.view(reader.findSeries(run.id, "group0/metric_0")->id, 0, kSteps, kColumns);
               }));
}

void manyNames(const std::filesystem::path& file) {
    writeRun(file, "names", 10'000, 20);
    RunReader reader(file);
    const RunId run = reader.runs()[0].id;
    std::size_t count = 0;
    fmt::print("10,000 series by name: {:.1f} ms", 1e3 * secondsOf([&] { count = reader.series(run).size(); }));
    fmt::print(" ({} of them)\n", count);
}

void importLogs(const std::filesystem::path& file, const std::filesystem::path& logs) {
    ImportOptions options;
    options.database = file;
    std::int64_t values = 0;
    const double seconds = secondsOf([&] {
        for (const ImportedRun& run : RunImport(logs, options).update())
            values += run.counts.values;
        RunReader reader(file);
        for (const RunRecord& run : reader.runs()) {
            for (const SeriesRecord& series : reader.series(run.id))
                reader.view(series.id, *series.min_step, *series.max_step, kColumns);
        }
    });
    fmt::print("import of {} values and a first view of every series: {:.2f} s, {:.0f} values/s\n", values, seconds,
               static_cast<double>(values) / seconds);
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    try {
        if (arguments.size() < 2)
            fulgurite::fail(fulgurite::ErrorKind::InvalidInput,
                            "usage: bench_runs FILE long | many RUNS | names | import PATH");
        const std::string& what = arguments[1];
        if (what == "long")
            longRun(arguments[0]);
        else if (what == "many")
            manyRuns(arguments[0], std::atoi(arguments.at(2).c_str()));
        else if (what == "names")
            manyNames(arguments[0]);
        else if (what == "import")
            importLogs(arguments[0], arguments.at(2));
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_runs: {}\n", error.what());
        return 1;
    }
}
