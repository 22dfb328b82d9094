// SPDX-License-Identifier: Apache-2.0
// A run that is followed while it is written: bench_live_run FILE SECONDS. A process writes 100 steps of 60 metrics
// a second; another polls every 50 ms as the window does and reads what is new of 12 of them. Prints how late the
// points came, and the memory of both.
#include "core/store/runs/run_reader.h"
#include "core/store/runs/run_writer.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fmt/core.h>
#include <fstream>
#include <map>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace fulgurite;
using Clock = std::chrono::steady_clock;

constexpr int kMetrics = 60;
constexpr int kWatched = 12;
constexpr auto kStep = std::chrono::milliseconds(10);
constexpr auto kPoll = std::chrono::milliseconds(50);

double now() {
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

double residentMiB(pid_t process) {
    std::ifstream file(fmt::format("/proc/{}/statm", process));
    double pages = 0;
    file >> pages >> pages;
    return pages * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0);
}

void write(const std::filesystem::path& file, double seconds) {
    NewRun run;
    run.name = "live";
    auto writer = RunWriter::create(file, run);
    std::vector<RunWriter::Series> series;
    for (int i = 0; i < kMetrics; ++i)
        series.push_back(writer->series(fmt::format("metric_{:02}", i)));
    const auto begin = Clock::now();
    auto due = begin;
    for (std::int64_t step = 0; due - begin < std::chrono::duration<double>(seconds); ++step, due += kStep) {
        std::this_thread::sleep_until(due);
        for (const RunWriter::Series one : series)
            writer->add(one, step, now()); // the value tells when it was given
        writer->mark({step, nowMicroseconds(), std::nullopt, std::nullopt});
    }
    writer->finish(RunStatus::Finished);
}

// Lateness of the newest point each time that there is one.
void follow(const std::filesystem::path& file, pid_t writer) {
    RunReader reader(file);
    reader.watch(true);
    std::vector<double> late;
    std::map<SeriesId, std::int64_t> seen;
    std::vector<SeriesRecord> series;
    auto told = Clock::now();
    fmt::print("seconds  points read  reader MiB  writer MiB\n");
    const auto begin = Clock::now();
    std::size_t points = 0;
    while (::waitpid(writer, nullptr, WNOHANG) == 0) {
        std::this_thread::sleep_for(kPoll);
        if (reader.changed()) {
            if (series.empty())
                series = reader.series(reader.runs().at(0).id);
            for (std::size_t i = 0; i < std::min<std::size_t>(series.size(), kWatched); ++i) {
                const auto [at, first] = seen.try_emplace(series[i].id, -1);
                const std::vector<RunPoint> tail = reader.tail(series[i].id, at->second, 100'000);
                if (tail.empty())
                    continue;
                at->second = tail.back().step;
                points += tail.size();
                late.push_back(now() - tail.front().value);
            }
        }
        if (Clock::now() - told > std::chrono::minutes(1) || points == 0) {
            told = Clock::now();
            fmt::print("{:7.0f}  {:11}  {:10.1f}  {:10.1f}\n", std::chrono::duration<double>(told - begin).count(),
                       points, residentMiB(::getpid()), residentMiB(writer));
            std::fflush(stdout);
        }
    }
    if (late.empty())
        return;
    std::sort(late.begin(), late.end());
    fmt::print("oldest new point at each read: median {:.0f} ms, 99 % {:.0f} ms, longest {:.0f} ms late\n",
               1e3 * late[late.size() / 2], 1e3 * late[late.size() * 99 / 100], 1e3 * late.back());
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        fmt::print(stderr, "usage: bench_live_run FILE SECONDS\n");
        return 2;
    }
    try {
        openRunsFile(argv[1]);
        const pid_t writer = ::fork();
        if (writer == 0) {
            write(argv[1], std::atof(argv[2]));
            return 0;
        }
        follow(argv[1], writer);
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_live_run: {}\n", error.what());
        return 1;
    }
}
