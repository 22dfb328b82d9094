// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/log_files.h"

#include "core/base/error.h"
#include "core/store/runs/import/csv_log.h"
#include "core/store/runs/import/event_file.h"
#include "core/store/runs/import/log_row.h"
#include "core/store/runs/import/own_run.h"
#include "core/store/runs/import/text_logs.h"
#include "core/store/runs/import/trainer_state.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <map>
#include <optional>

namespace fulgurite {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_entries = 200'000; // of one walk
constexpr std::size_t head_bytes = 64 << 10;

bool nameContains(const fs::path& file, std::string_view part) {
    return file.filename().string().find(part) != std::string::npos;
}

std::string headOf(const fs::path& file) {
    std::string head(head_bytes, '\0');
    std::ifstream stream(file, std::ios::binary);
    stream.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(stream.gcount()));
    return head;
}

// By what names promise; other files of a folder are not opened.
std::optional<LogFormat> formatByName(const fs::path& file) {
    const std::string extension = file.extension().string();
    if (nameContains(file, "tfevents"))
        return LogFormat::TensorBoard;
    if (file.filename() == "trainer_state.json")
        return LogFormat::TrainerState;
    // Texts of rollouts, which are no metrics.
    if (nameContains(file, "completions") || nameContains(file, "traces") || nameContains(file, "generations"))
        return std::nullopt;
    if (extension == ".jsonl" || extension == ".ndjson")
        return LogFormat::JsonLines;
    if (extension == ".csv" || extension == ".tsv")
        return LogFormat::Csv;
    return std::nullopt;
}

std::optional<LogFormat> formatByContent(const fs::path& file) {
    const std::string head = headOf(file);
    // The first record of an event file: 24 bytes that hold its version.
    if (head.find("brain.Event:") != std::string::npos && head.find("brain.Event:") < 64)
        return LogFormat::TensorBoard;
    const std::size_t first = head.find_first_not_of(" \t\r\n");
    if (first == std::string::npos)
        return std::nullopt;
    if (head.find("\"log_history\"") != std::string::npos || file.filename() == "trainer_state.json")
        return LogFormat::TrainerState;
    if (head[first] == '{')
        return LogFormat::JsonLines;
    const std::string_view line = std::string_view(head).substr(0, head.find('\n'));
    if (head.find("step:") != std::string::npos && head.find(" - ") != std::string::npos)
        return LogFormat::Console;
    if (line.find_first_of(",;\t") != std::string_view::npos)
        return LogFormat::Csv;
    return std::nullopt;
}

// "metrics.jsonl" says less than the folder that it lies in.
std::string runNameOf(const fs::path& file) {
    constexpr std::array<std::string_view, 7> plain{"metrics", "logging",  "log",    "logs",
                                                    "train",   "progress", "history"};
    const std::string stem = file.stem().string();
    const bool says_nothing = std::find(plain.begin(), plain.end(), stem) != plain.end();
    return says_nothing ? file.parent_path().filename().string() : stem;
}

LogRun runOfFile(const fs::path& file, LogFormat format) {
    LogRun run{format, runNameOf(file), file.string(), {file}};
    if (format == LogFormat::TensorBoard || format == LogFormat::TrainerState)
        run.name = file.parent_path().filename().string();
    return run;
}

// 500 of "checkpoint-500"; the trainer's own folder is later than any.
std::int64_t checkpointNumber(const fs::path& file) {
    constexpr std::string_view prefix = "checkpoint-";
    const std::string folder = file.parent_path().filename().string();
    if (!folder.starts_with(prefix))
        return INT64_MAX;
    std::int64_t number = -1;
    std::from_chars(folder.data() + prefix.size(), folder.data() + folder.size(), number);
    return number;
}

std::vector<fs::path> filesBelow(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error);
    for (std::size_t i = 0; !error && it != fs::recursive_directory_iterator() && i < most_entries;
         it.increment(error), ++i) {
        std::error_code ignored;
        if (it->is_regular_file(ignored))
            files.push_back(it->path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::vector<LogRun> runsBelow(const fs::path& folder) {
    std::map<std::string, LogRun> runs; // by uri
    for (const fs::path& file : filesBelow(folder)) {
        const auto format = formatByName(file);
        if (!format)
            continue;
        const std::vector<fs::path> own = ownRunFiles(file.parent_path());
        if (!own.empty()) {
            const fs::path of = file.parent_path();
            runs[of.string()] = {LogFormat::OwnRun, of.filename().string(), of.string(), own};
        } else if (format == LogFormat::TensorBoard) {
            const fs::path of = file.parent_path();
            LogRun& run = runs[of.string()];
            const std::string relative = of.lexically_relative(folder).string();
            run.name = relative == "." ? folder.filename().string() : relative;
            run.format = *format;
            run.uri = of.string();
            run.files.push_back(file);
        } else if (format == LogFormat::TrainerState) {
            // Checkpoints of one trainer; the latest has the history of all.
            const bool checkpoint = checkpointNumber(file) != INT64_MAX;
            const fs::path of = checkpoint ? file.parent_path().parent_path() : file.parent_path();
            LogRun& run = runs[of.string() + "/trainer_state.json"];
            run.name = of.filename().string();
            run.format = *format;
            run.uri = of.string() + "/trainer_state.json";
            if (run.files.empty())
                run.files.push_back(file);
            else if (checkpointNumber(file) > checkpointNumber(run.files.front()))
                run.files.front() = file;
        } else {
            runs.emplace(file.string(), runOfFile(file, *format));
        }
    }
    std::vector<LogRun> result;
    for (auto& [uri, run] : runs)
        result.push_back(std::move(run));
    return result;
}

} // namespace

const char* nameOf(LogFormat format) {
    switch (format) {
    case LogFormat::OwnRun:
        return "fulgurite";
    case LogFormat::TensorBoard:
        return "tensorboard";
    case LogFormat::TrainerState:
        return "trainer_state";
    case LogFormat::JsonLines:
        return "jsonl";
    case LogFormat::Console:
        return "console";
    case LogFormat::Csv:
        return "csv";
    }
    return "unknown";
}

std::vector<LogRun> findLogRuns(const fs::path& path) {
    std::error_code error;
    const fs::path absolute = fs::canonical(path, error);
    if (error)
        fail(ErrorKind::NotFound, "{}: there is no such file or folder", path.string());
    if (fs::is_directory(absolute)) {
        std::vector<LogRun> runs = runsBelow(absolute);
        if (runs.empty())
            fail(ErrorKind::InvalidInput,
                 "{}: no log was found below it. Known are TensorBoard event files, trainer_state.json, .jsonl and "
                 ".csv; name any other file itself.",
                 path.string());
        return runs;
    }
    auto format = formatByContent(absolute);
    if (!format)
        format = formatByName(absolute);
    if (!format)
        fail(ErrorKind::InvalidInput,
             "{}: is no log of a known kind. Known are TensorBoard event files, trainer_state.json, JSON lines, "
             "tables with a header (CSV) and verl's console output.",
             path.string());
    return {runOfFile(absolute, *format)};
}

std::unique_ptr<LogParser> makeLogParser(LogFormat format, const fs::path& file) {
    switch (format) {
    case LogFormat::OwnRun:
        if (isRolloutFile(file))
            return std::make_unique<RolloutLinesParser>();
        return std::make_unique<JsonLinesParser>();
    case LogFormat::TensorBoard:
        return std::make_unique<EventFileParser>();
    case LogFormat::TrainerState:
        return std::make_unique<TrainerStateParser>();
    case LogFormat::JsonLines:
        return std::make_unique<JsonLinesParser>();
    case LogFormat::Console:
        return std::make_unique<ConsoleParser>();
    case LogFormat::Csv:
        return std::make_unique<CsvParser>(file.stem().string());
    }
    return nullptr;
}

} // namespace fulgurite
