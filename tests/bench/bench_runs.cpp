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
#include <cstdlib>
#include <ctime>
#include <fmt/core.h>
#include <functional>
#include <optional>
#include <random>
#include <vector>

namespace {

using namespace fulgurite;

constexpr int kSeries = 60;
constexpr std::size_t kColumns = 1000;
constexpr int kCharts = 12;

// By the clock, and of all threads of this process: on a machine that others use the latter says more.
struct Seconds {
    double wall = 0;
    double cpu = 0;
};

Seconds secondsOf(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    work();
    return {std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
            static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC};
}

void report(const std::string& what, const std::function<void()>& work) {
    const Seconds seconds = secondsOf(work);
    fmt::print("{}: {:.1f} ms, {:.1f} ms of CPU\n", what, 1e3 * seconds.wall, 1e3 * seconds.cpu);
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

void reportWriting(const Seconds& seconds, std::int64_t points, std::int64_t marks,
                   const std::filesystem::path& file) {
    const auto rows = static_cast<double>(points + marks);
    fmt::print("write {} points and {} marks: {:.2f} s, {:.0f} rows/s; {:.2f} s of CPU, {:.0f} rows/s of CPU; "
               "{:.1f} bytes a "
               "point\n",
               points, marks, seconds.wall, rows / seconds.wall, seconds.cpu, rows / seconds.cpu,
               static_cast<double>(std::filesystem::file_size(file)) / static_cast<double>(points));
}

// What a window asks for before it can paint: the list, the newest run's series, a screen of charts.
void firstLook(const std::filesystem::path& file) {
    std::optional<RunReader> reader;
    std::vector<RunRecord> runs;
    std::vector<SeriesRecord> series;
    report("open", [&] { reader.emplace(file); });
    report("list of runs", [&] { runs = reader->runs(); });
    report("names of the newest run's series", [&] { series = reader->series(runs[0].id); });
    report(fmt::format("{} charts of {} columns", kCharts, kColumns), [&] {
        for (std::size_t i = 0; i < std::min<std::size_t>(kCharts, series.size()); ++i)
            reader->view(series[i].id, 0, *runs[0].last_step, kColumns);
    });
}

void zooms(const std::filesystem::path& file) {
    RunReader reader(file);
    const RunRecord run = reader.runs()[0];
    const std::vector<SeriesRecord> series = reader.series(run.id);
    std::minstd_rand random(2);
    std::vector<double> times;
    for (int i = 0; i < 400; ++i) {
        const std::int64_t width = std::max<std::int64_t>(10, *run.last_step >> (random() % 16));
        const std::int64_t from =
            static_cast<std::int64_t>(random()) % std::max<std::int64_t>(1, *run.last_step - width);
        const SeriesId id = series[random() % series.size()].id;
        times.push_back(secondsOf([&] { reader.view(id, from, from + width, kColumns); }).cpu);
    }
    std::sort(times.begin(), times.end());
    fmt::print("400 views at random places and scales: median {:.2f}, 99 % {:.2f}, longest {:.2f} ms of CPU\n",
               1e3 * times[200], 1e3 * times[396], 1e3 * times.back());
}

void longRun(const std::filesystem::path& file) {
    constexpr std::int64_t kSteps = 10'000'000 / kSeries;
    const Seconds seconds = secondsOf([&] { writeRun(file, "long", kSeries, kSteps); });
    reportWriting(seconds, kSteps * kSeries, kSteps, file);
    firstLook(file);
    zooms(file);
}

void manyRuns(const std::filesystem::path& file, int runs) {
    constexpr std::int64_t kSteps = 1000;
    const Seconds seconds = secondsOf([&] {
        for (int i = 0; i < runs; ++i)
            writeRun(file, fmt::format("run-{}", i), kSeries, kSteps);
    });
    reportWriting(seconds, runs * kSteps * kSeries, runs * kSteps, file);
    firstLook(file);
    RunReader reader(file);
    const std::vector<RunRecord> all = reader.runs();
    report("one chart of all runs", [&] {
        for (const RunRecord& run : all)
            reader.view(reader.findSeries(run.id, "group0/metric_0")->id, 0, kSteps, kColumns);
    });
}

void manyNames(const std::filesystem::path& file) {
    writeRun(file, "names", 10'000, 20);
    RunReader reader(file);
    const RunId run = reader.runs()[0].id;
    report("10,000 series by name", [&] { reader.series(run); });
}

void importLogs(const std::filesystem::path& file, const std::filesystem::path& logs) {
    ImportOptions options;
    options.database = file;
    std::int64_t values = 0;
    const Seconds seconds = secondsOf([&] {
        for (const ImportedRun& run : RunImport(logs, options).update())
            values += run.counts.values;
        RunReader reader(file);
        for (const RunRecord& run : reader.runs()) {
            for (const SeriesRecord& series : reader.series(run.id))
                reader.view(series.id, *series.min_step, *series.max_step, kColumns);
        }
    });
    fmt::print(
        "import of {} values and a first view of every series: {:.2f} s, {:.2f} s of CPU, {:.0f} values/s of CPU\n",
        values, seconds.wall, seconds.cpu, static_cast<double>(values) / seconds.cpu);
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
