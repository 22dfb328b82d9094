// SPDX-License-Identifier: Apache-2.0
// Brings logs of other programs into a runs file, and follows them while they grow. How far each file was read is
// kept in the runs file, so that a second import of the same path goes on where the first ended.
#pragma once

#include "core/store/runs/import/log_files.h"
#include "core/store/runs/runs_file.h"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fulgurite {

class ImportTarget;

struct ImportOptions {
    std::filesystem::path database;
    std::string name;    // of the run, or of the first part of several runs' names; empty: from the path
    std::string project; // empty: the name of the folder
    // A step that is smaller than one before takes back everything from there on, as TensorBoard does after a
    // restart; else a later value replaces an earlier one of the same step.
    bool rewind = false;
    bool follow = false; // runs stay Running between updates
    // Asked between pieces; once it says yes, update() comes back with what it has, and the next import goes on
    // there.
    std::function<bool()> interrupted;
};

struct ImportCounts {
    std::size_t files = 0; // with something new
    std::int64_t values = 0;
    std::int64_t histograms = 0;
    std::int64_t samples = 0;
    std::int64_t skipped = 0;      // records that could not be used
    std::int64_t backwards = 0;    // times that the steps went back
    std::int64_t started_anew = 0; // files that were replaced or cut
};

struct ImportedRun {
    RunId run = 0;
    std::string name;
    LogFormat format = LogFormat::JsonLines;
    ImportCounts counts;
    std::vector<std::string> remarks; // "FILE: 3 records were skipped; the first: ..."
    bool failed = false;              // it could not be read; the last remark says why
};

class RunImport {
  public:
    // Throws Error as findLogRuns and openRunsFile do.
    RunImport(std::filesystem::path path, ImportOptions options);
    ~RunImport();
    RunImport(const RunImport&) = delete;
    RunImport& operator=(const RunImport&) = delete;

    // Reads what is new since the last call and since the last import of the path, in pieces of bounded size. Files
    // that appeared are found. Returns the runs that got something, or that something is to be said about: one that
    // cannot be read does not hinder the others. Throws Error when none can be read, but not once following has
    // begun: then each trouble is told once, and tried again with the next call.
    std::vector<ImportedRun> update();
    // Ends the runs that follow kept open.
    void finish();
    // The latest change of a log that was seen; 0 before the first update.
    Microseconds newestChange() const { return newest_change_; }
    // Runs that are open; each that got something has a thread and descriptors.
    std::size_t open() const { return open_.size(); }

  private:
    struct Cursor;
    struct LogFile;
    struct Open {
        std::unique_ptr<ImportTarget> target;
        std::int64_t fed = 0; // when it last got something, counted in feedings
    };

    ImportedRun readRun(const LogRun& run, bool single);
    std::vector<LogFile> lookAt(const LogRun& run, bool& anew);
    void readFile(LogFile& file, const LogRun& run, ImportTarget& target);
    void readPieces(LogFile& file, ImportTarget& target);
    void close(const std::string& uri);
    void closeLeastFed();
    std::optional<RunId> runOf(const LogRun& run);
    std::optional<Cursor> savedCursor(const std::string& key, const std::string& uri);
    void saveCursor(const std::string& key, const Cursor& cursor, RunId run);
    ImportTarget& targetOf(const LogRun& run, bool single);
    bool interrupted() const { return options_.interrupted && options_.interrupted(); }

    std::filesystem::path path_;
    ImportOptions options_;
    std::unique_ptr<Database> database_;
    std::map<std::string, Open> open_;        // by uri
    std::map<std::string, std::string> told_; // troubles that last, by uri; "" is the path's own
    std::int64_t feedings_ = 0;
    Microseconds newest_change_ = 0;
    bool begun_ = false; // an update has come back
};

} // namespace fulgurite
