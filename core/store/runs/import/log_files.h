// SPDX-License-Identifier: Apache-2.0
// Which files below a path are logs of runs, of what kind, and which of them make one run.
#pragma once

#include "core/store/runs/import/log_sink.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite {

enum class LogFormat : std::uint8_t { TensorBoard, TrainerState, JsonLines, Console, Csv, OwnRun };

const char* nameOf(LogFormat format); // "tensorboard", ...

struct LogRun {
    LogFormat format = LogFormat::JsonLines;
    std::string name;
    std::string uri; // absolute path: of the folder for our own runs, TensorBoard and trainers, else of the file
    std::vector<std::filesystem::path> files; // in the order in which they are read
};

// Sorted by uri. A path that is a file is one run, whatever its name says, as long as its content can be told.
// Throws Error: NotFound, and InvalidInput when nothing below the path is a log.
std::vector<LogRun> findLogRuns(const std::filesystem::path& path);

std::unique_ptr<LogParser> makeLogParser(LogFormat format, const std::filesystem::path& file);

} // namespace fulgurite
