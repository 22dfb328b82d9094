// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine import-run`: logs of other programs into a runs file, once or while they grow.
#include "app/engine/command.h"
#include "app/engine/interrupt.h"
#include "core/store/runs/import/run_import.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fmt/core.h>
#include <functional>
#include <memory>
#include <thread>

namespace fulgurite::app {

namespace {

constexpr auto kFollowPeriod = std::chrono::milliseconds(250);
constexpr auto kInterruptPeriod = std::chrono::milliseconds(25); // somebody waits for the end

struct ImportRunOptions {
    std::string path;
    ImportOptions import;
    std::string database = "runs.fulgurite";
    double silent_minutes = 0; // after which following ends; 0: never
};

void print(const std::vector<ImportedRun>& runs, double seconds) {
    for (const ImportedRun& run : runs) {
        if (run.failed) {
            fmt::print(stderr, "error: {}\n", run.remarks.front());
            continue;
        }
        const ImportCounts& counts = run.counts;
        fmt::print("run {}  {}  {}  {} values", run.run, run.name, nameOf(run.format), counts.values);
        if (counts.histograms > 0)
            fmt::print(", {} histograms", counts.histograms);
        if (counts.samples > 0)
            fmt::print(", {} completions", counts.samples);
        if (counts.skipped > 0)
            fmt::print(", {} records skipped", counts.skipped);
        if (counts.backwards > 0)
            fmt::print(", steps went back {}",
                       counts.backwards == 1 ? "once" : fmt::format("{} times", counts.backwards));
        fmt::print(", {} files, {:.2f} s\n", counts.files, seconds);
        for (const std::string& remark : run.remarks)
            fmt::print(stderr, "{}\n", remark);
    }
    std::fflush(stdout);
}

std::vector<ImportedRun> timedUpdate(RunImport& import, double& seconds) {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<ImportedRun> runs = import.update();
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return runs;
}

// Until the next look, or an interruption.
void waitForMore(const std::function<bool()>& interrupted) {
    const auto end = std::chrono::steady_clock::now() + kFollowPeriod;
    while (!interrupted() && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(kInterruptPeriod);
}

void importRun(ImportRunOptions options) {
    InterruptGuard interrupts(true);
    bool interrupted = false;
    options.import.interrupted = [&] { return interrupted = interrupted || interrupts.take(); };
    RunImport import(options.path, options.import);
    double seconds = 0;
    const std::vector<ImportedRun> runs = timedUpdate(import, seconds);
    print(runs, seconds);
    if (interrupted) {
        import.finish();
        fmt::print("interrupted; the same command goes on from there\n");
        throw CLI::RuntimeError(kExitInterrupted);
    }
    if (!options.import.follow &&
        std::any_of(runs.begin(), runs.end(), [](const ImportedRun& run) { return run.failed; }))
        throw CLI::RuntimeError(1);
    if (runs.empty())
        fmt::print("nothing is new since the last import into {}\n", options.import.database.string());
    if (!options.import.follow)
        return;
    const auto silent = [&] {
        const auto quiet = static_cast<double>(nowMicroseconds() - import.newestChange());
        return options.silent_minutes > 0 && quiet > options.silent_minutes * 60e6;
    };
    if (silent())
        return import.finish();
    fmt::print("following; Ctrl+C ends\n");
    std::fflush(stdout);
    while (!options.import.interrupted() && !silent()) {
        waitForMore(options.import.interrupted);
        print(timedUpdate(import, seconds), seconds);
    }
    import.finish();
}

} // namespace

void addImportRun(CLI::App& app) {
    auto options = std::make_shared<ImportRunOptions>();
    CLI::App* command = app.add_subcommand("import-run", "Bring logs of training runs into a runs file");
    command->add_option("path", options->path, "A log, or a folder that is searched for logs")->required();
    command->add_option("--db", options->database, "The runs file; it is made when it does not exist")
        ->capture_default_str();
    command->add_flag("--follow", options->import.follow, "Go on while the logs grow");
    command
        ->add_option("--until-silent", options->silent_minutes,
                     "With --follow: end when no log has changed for so many minutes")
        ->check(CLI::NonNegativeNumber);
    command->add_option("--name", options->import.name, "Name of the run; the default is the file's or folder's");
    command->add_option("--project", options->import.project,
                        "Project of the runs; the default is the folder's name");
    command->add_flag(
        "--rewind", options->import.rewind,
        "A step that goes back takes away what came from there on, as after a restart from a checkpoint");
    command->footer(
        "Known are TensorBoard event files, trainer_state.json of Hugging Face trainers, JSON lines "
        "(verl, ms-swift,\n"
        "prime-rl and others), verl's console output, and tables with a header (CSV). A second import "
        "of the same path\n"
        "goes on where the first ended. Damaged records are skipped, counted and told; a log that cannot be\n"
        "read does not hinder the others, and is tried again while they are followed.\n\n"
        "Examples:\n"
        "  fulgurite-engine import-run logs/ --db runs.fulgurite\n"
        "  fulgurite-engine import-run output/metrics.jsonl --follow --project math");
    command->callback([options] {
        options->import.database = options->database;
        importRun(*options);
    });
}

} // namespace fulgurite::app
