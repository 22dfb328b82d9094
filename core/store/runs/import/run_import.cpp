// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/run_import.h"

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/store/runs/import/crc32c.h"
#include "core/store/runs/import/import_target.h"
#include "core/store/runs/import/own_run.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/stat.h>

namespace fulgurite {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = std::size_t{1} << 20;
// The beginning of a file tells whether one with another inode is a copy of the same log that grew.
constexpr std::size_t identity_bytes = 4096;
// Writers that follow keeps; each has a thread.
constexpr std::size_t most_open = 64;

struct FileFacts {
    std::int64_t inode = 0;
    std::int64_t size = 0;
    Microseconds mtime = 0;
};

FileFacts factsOf(const fs::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0)
        fail(ErrorKind::Io, "{}: cannot be read ({})", file.string(), std::strerror(errno));
    return {static_cast<std::int64_t>(info.st_ino), static_cast<std::int64_t>(info.st_size),
            static_cast<Microseconds>(info.st_mtim.tv_sec) * 1'000'000 + info.st_mtim.tv_nsec / 1000};
}

std::uint32_t identityOf(const fs::path& file, std::size_t bytes) {
    std::string head(std::min(bytes, identity_bytes), '\0');
    std::ifstream stream(file, std::ios::binary);
    stream.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(stream.gcount()));
    return crc32c(head);
}

} // namespace

// How far a file was read, as the table has it.
struct RunImport::Cursor {
    FileFacts facts;
    std::size_t offset = 0;
    std::uint32_t identity = 0;
    std::string parser = "{}";
};

RunImport::RunImport(fs::path path, ImportOptions options) : path_(std::move(path)), options_(std::move(options)) {
    findLogRuns(path_); // says what is wrong with the path before a file is made
    database_ = openRunsFile(options_.database);
}

RunImport::~RunImport() = default;

std::vector<ImportedRun> RunImport::update() {
    const std::vector<LogRun> runs = findLogRuns(path_);
    std::vector<ImportedRun> result;
    for (const LogRun& run : runs) {
        ImportedRun imported = readRun(run, runs.size() == 1);
        const bool idle = imported.counts.files == 0;
        if (!options_.follow || (idle && open_.size() > most_open)) {
            if (const auto open = open_.find(run.uri); open != open_.end()) {
                open->second->finish(RunStatus::Finished);
                open_.erase(open);
            }
        }
        const bool told = imported.run != 0 || imported.counts.skipped > 0;
        if ((!idle && told) || !imported.remarks.empty())
            result.push_back(std::move(imported));
    }
    const bool nothing = runs.size() == 1 && result.size() == 1 && result[0].counts.values == 0 &&
                         result[0].counts.histograms == 0 && result[0].run == 0;
    if (nothing && result[0].counts.skipped > 0)
        fail(ErrorKind::InvalidInput, "nothing of it can be used: {}", result[0].remarks.front());
    return result;
}

void RunImport::finish() {
    for (auto& [uri, target] : open_)
        target->finish(RunStatus::Finished);
    open_.clear();
}

ImportTarget& RunImport::targetOf(const LogRun& run, bool single) {
    std::unique_ptr<ImportTarget>& target = open_[run.uri];
    if (target)
        return *target;
    NewRun wanted;
    wanted.source = nameOf(run.format);
    wanted.source_uri = run.uri;
    const fs::path root = fs::canonical(path_);
    wanted.project = !options_.project.empty() ? options_.project
                     : fs::is_directory(root)  ? root.filename().string()
                                               : root.parent_path().filename().string();
    wanted.name = options_.name.empty() ? run.name : single ? options_.name : options_.name + "/" + run.name;
    if (run.format == LogFormat::OwnRun) {
        OwnRunDescription description = describeOwnRun(run.uri);
        wanted.config_json = std::move(description.config_json);
        wanted.algo = std::move(description.algo);
        wanted.seed = description.seed;
    }
    wanted.created_us = factsOf(run.files.front()).mtime;
    target = std::make_unique<ImportTarget>(options_.database, std::move(wanted), options_.rewind);
    return *target;
}

ImportedRun RunImport::readRun(const LogRun& run, bool single) {
    ImportTarget& target = targetOf(run, single);
    ImportedRun result;
    // Kept when all is read: a file without values belongs to the run that the others make.
    std::vector<std::pair<std::string, Cursor>> cursors;
    bool anew = false;
    for (const fs::path& file : run.files) {
        if (auto read = readFile(run, file, target, anew))
            cursors.push_back(std::move(*read));
    }
    for (const auto& [key, cursor] : cursors)
        saveCursor(key, cursor, target.run());
    result.counts = target.takeCounts();
    result.counts.files = cursors.size();
    result.run = target.run().value_or(0);
    result.name = run.name;
    result.format = run.format;
    result.remarks = target.takeRemarks();
    return result;
}

// Nothing when there was nothing new. `run_anew`: whether a file of the run was read from its beginning again; of a
// run of ours the following files are then too, because the steps took their samples with them.
std::optional<std::pair<std::string, RunImport::Cursor>>
RunImport::readFile(const LogRun& run, const fs::path& file, ImportTarget& target, bool& run_anew) {
    Cursor cursor;
    cursor.facts = factsOf(file);
    const auto parser = makeLogParser(run.format, file);
    // The next checkpoint's file goes on with the history of the last one.
    const std::string key = parser->isSnapshot() ? run.uri : file.string();
    const std::optional<Cursor> saved = savedCursor(key);
    bool anew = run_anew && run.format == LogFormat::OwnRun;
    if (saved && !anew) {
        const FileFacts& before = saved->facts;
        const bool same_file = before.inode == cursor.facts.inode;
        if (same_file && before.size == cursor.facts.size && before.mtime == cursor.facts.mtime)
            return std::nullopt;
        const auto size = static_cast<std::size_t>(cursor.facts.size);
        anew =
            !parser->isSnapshot() && (size < saved->offset || identityOf(file, saved->offset) != saved->identity);
        if (!anew) {
            cursor.offset = parser->isSnapshot() ? 0 : saved->offset;
            parser->restore(saved->parser);
        }
    }
    run_anew = run_anew || anew;
    target.beginFile(file, anew);
    if (parser->isSnapshot() && static_cast<std::size_t>(cursor.facts.size) > largest_log_snapshot)
        target.skipped(fmt::format("it has {} MiB, and such a file is read up to {} MiB only",
                                   cursor.facts.size >> 20, largest_log_snapshot >> 20));
    else
        cursor.offset = readPieces(file, cursor.offset, *parser, target);
    target.endFile();
    target.flush();
    cursor.identity = identityOf(file, cursor.offset);
    cursor.parser = parser->state();
    return std::pair(key, cursor);
}

// Returns how far it came.
std::size_t RunImport::readPieces(const fs::path& file, std::size_t offset, LogParser& parser,
                                  ImportTarget& target) {
    std::ifstream stream(file, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset));
    if (!stream)
        fail(ErrorKind::Io, "{}: cannot be read", file.string());
    std::string buffer;
    for (bool at_end = false; !at_end;) {
        const std::size_t kept = buffer.size();
        buffer.resize(kept + piece_bytes);
        stream.read(buffer.data() + kept, static_cast<std::streamsize>(piece_bytes));
        buffer.resize(kept + static_cast<std::size_t>(stream.gcount()));
        at_end = buffer.size() == kept;
        const bool all_there = at_end && (!options_.follow || parser.isSnapshot());
        const std::size_t consumed = parser.parse(buffer, all_there, target);
        offset += consumed;
        buffer.erase(0, consumed);
        if (buffer.size() > (parser.isSnapshot() ? largest_log_snapshot : longest_log_record) + piece_bytes)
            fail(ErrorKind::InvalidInput, "{}: grows faster than it can be read", file.string());
    }
    return offset;
}

std::optional<RunImport::Cursor> RunImport::savedCursor(const std::string& key) {
    Statement select =
        database_->prepare("SELECT inode, offset, last_size, last_mtime_us, state_json FROM import_state "
                           "WHERE source_uri = ? AND run_id IN (SELECT id FROM runs)");
    if (!select.bind(key).step())
        return std::nullopt;
    Cursor cursor;
    cursor.facts = {select.integer(0), select.integer(2), select.integer(3)};
    cursor.offset = static_cast<std::size_t>(std::max<std::int64_t>(0, select.integer(1)));
    const std::string where = options_.database.string() + ": import_state";
    const auto json = parseJson(select.text(4), where);
    const JsonField state(json, where, ErrorKind::Corrupt);
    cursor.identity = static_cast<std::uint32_t>(state["identity"].integer(0, UINT32_MAX));
    cursor.parser = state["parser"].value().dump();
    return cursor;
}

void RunImport::saveCursor(const std::string& key, const Cursor& cursor, std::optional<RunId> run) {
    if (!run)
        return; // nothing came of it yet
    database_->run("INSERT OR REPLACE INTO import_state(source_uri, inode, offset, last_size, last_mtime_us, "
                   "state_json, run_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
                   key, cursor.facts.inode, cursor.offset, cursor.facts.size, cursor.facts.mtime,
                   fmt::format(R"({{"identity":{},"parser":{}}})", cursor.identity, cursor.parser), *run);
}

} // namespace fulgurite
