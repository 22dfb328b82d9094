// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/run_import.h"

#include "core/base/error.h"
#include "core/store/runs/import/crc32c.h"
#include "core/store/runs/import/import_target.h"
#include "core/store/runs/import/own_run.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace fulgurite {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = std::size_t{1} << 20;
// The beginning of a file, and what stands before the place where reading goes on, tell whether it is still the
// same log: one with another inode may be a copy that grew, and one that is longer than before another log.
constexpr std::size_t identity_bytes = 4096;
// Writers that follow keeps; each has a thread, descriptors and a cache.
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

// Of at most identity_bytes from `begin` to `end`.
std::uint32_t checksumOf(const fs::path& file, std::size_t begin, std::size_t end) {
    std::string bytes(std::min(end - begin, identity_bytes), '\0');
    std::ifstream stream(file, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(begin));
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(stream.gcount()));
    return crc32c(bytes);
}

std::uint32_t identityOf(const fs::path& file, std::size_t offset) {
    return checksumOf(file, 0, offset);
}

std::uint32_t tailOf(const fs::path& file, std::size_t offset) {
    return checksumOf(file, offset - std::min(offset, identity_bytes), offset);
}

} // namespace

// How far a file was read, as the table has it.
struct RunImport::Cursor {
    FileFacts facts;
    std::size_t offset = 0;
    std::uint32_t identity = 0;
    std::optional<std::uint32_t> tail; // older files have none
    bool unfinished = false;           // rows of it came behind `offset`, and which is not known
    std::string parser = "{}";
};

struct RunImport::LogFile {
    fs::path path;
    std::string key; // of its cursor
    std::unique_ptr<LogParser> parser;
    Cursor cursor; // with the facts of now
    bool has_new = true;
    bool replaced = false; // or cut
    // Points that come twice are one, completions are not.
    bool has_samples = false;
};

RunImport::RunImport(fs::path path, ImportOptions options) : path_(std::move(path)), options_(std::move(options)) {
    findLogRuns(path_); // says what is wrong with the path before a file is made
    database_ = openRunsFile(options_.database);
}

RunImport::~RunImport() = default;

std::vector<ImportedRun> RunImport::update() {
    std::vector<ImportedRun> result;
    std::exception_ptr first_failure;
    std::size_t failures = 0;
    // Tells a trouble once for as long as it lasts.
    const auto failed = [&](const std::string& uri, ImportedRun run, const std::string& why) {
        if (!first_failure)
            first_failure = std::current_exception();
        ++failures;
        if (std::exchange(told_[uri], why) == why)
            return;
        run.failed = true;
        run.remarks = {why};
        result.push_back(std::move(run));
    };
    std::vector<LogRun> runs;
    try {
        runs = findLogRuns(path_);
        told_.erase("");
    } catch (const std::exception& error) { // a folder that is being replaced is there again soon
        if (!options_.follow)
            throw;
        failed("", {.name = path_.filename().string(), .counts = {}, .remarks = {}}, error.what());
    }
    for (const LogRun& run : runs) {
        if (interrupted())
            break;
        try {
            ImportedRun imported = readRun(run, runs.size() == 1);
            if (!options_.follow)
                close(run.uri);
            told_.erase(run.uri);
            const bool told = imported.run != 0 || imported.counts.skipped > 0;
            if ((imported.counts.files > 0 && told) || !imported.remarks.empty())
                result.push_back(std::move(imported));
        } catch (const std::exception& error) {
            // Its cursors stand where they were; what waits in memory is read again from there.
            open_.erase(run.uri);
            failed(run.uri, {.name = run.name, .format = run.format, .counts = {}, .remarks = {}}, error.what());
        }
        closeLeastFed();
    }
    if (options_.follow && std::exchange(begun_, true))
        return result;
    if (failures > 0 && failures >= runs.size())
        std::rethrow_exception(first_failure);
    const bool nothing = runs.size() == 1 && result.size() == 1 && result[0].counts.values == 0 &&
                         result[0].counts.histograms == 0 && result[0].run == 0;
    if (nothing && result[0].counts.skipped > 0)
        fail(ErrorKind::InvalidInput, "nothing of it can be used: {}", result[0].remarks.front());
    return result;
}

void RunImport::close(const std::string& uri) {
    if (const auto open = open_.find(uri); open != open_.end()) {
        open->second.target->finish(RunStatus::Finished);
        open_.erase(open);
    }
}

// A run that gets something later is opened again.
void RunImport::closeLeastFed() {
    while (open_.size() > most_open) {
        const auto least = std::min_element(
            open_.begin(), open_.end(), [](const auto& a, const auto& b) { return a.second.fed < b.second.fed; });
        try {
            least->second.target->finish(RunStatus::Finished);
        } catch (const Error&) { // all that it had was flushed when it was read; only its end is not told
        }
        open_.erase(least);
    }
}

void RunImport::finish() {
    std::exception_ptr failure;
    for (auto& [uri, open] : open_) {
        try {
            open.target->finish(RunStatus::Finished);
        } catch (const Error&) {
            failure = std::current_exception();
        }
    }
    open_.clear();
    if (failure)
        std::rethrow_exception(failure);
}

ImportTarget& RunImport::targetOf(const LogRun& run, bool single) {
    std::unique_ptr<ImportTarget>& target = open_[run.uri].target;
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
    ImportedRun result;
    result.name = run.name;
    result.format = run.format;
    bool anew = false;
    std::vector<LogFile> files = lookAt(run, anew);
    if (std::none_of(files.begin(), files.end(), [](const LogFile& file) { return file.has_new; }))
        return result;
    ImportTarget& target = targetOf(run, single);
    if (anew)
        target.startAnew();
    // A file without values belongs to the run that the others make.
    std::vector<const LogFile*> unsaved;
    for (LogFile& file : files) {
        if (!file.has_new || interrupted())
            continue;
        readFile(file, run, target);
        ++result.counts.files;
        unsaved.push_back(&file);
        if (target.run()) {
            for (const LogFile* read : unsaved)
                saveCursor(read->key, read->cursor, *target.run());
            unsaved.clear();
        }
    }
    target.endRun();
    const std::size_t read = result.counts.files;
    result.counts = target.takeCounts();
    result.counts.files = read;
    result.run = target.run().value_or(0);
    result.remarks = target.takeRemarks();
    if (read > 0)
        open_[run.uri].fed = ++feedings_;
    return result;
}

// Which files have something new, and from where. `anew`: all are read from their beginning, because one of them
// was replaced and the steps that it takes back are the others' too, or because an import broke off and nobody
// knows which of the rows came.
std::vector<RunImport::LogFile> RunImport::lookAt(const LogRun& run, bool& anew) {
    std::vector<LogFile> files;
    bool known = false;
    for (const fs::path& path : run.files) {
        LogFile& file = files.emplace_back();
        file.path = path;
        file.parser = makeLogParser(run.format, path);
        file.has_samples = run.format == LogFormat::OwnRun && isRolloutFile(path);
        file.cursor.facts = factsOf(path);
        newest_change_ = std::max(newest_change_, file.cursor.facts.mtime);
        // The same file may be a run by itself and a part of that of its folder. The next checkpoint's file goes on
        // with the history of the last one.
        const bool alone = file.parser->isSnapshot() || path.string() == run.uri;
        file.key = alone ? run.uri : run.uri + '\n' + path.string();
        const std::optional<Cursor> saved = savedCursor(file.key, run.uri);
        if (!saved)
            continue;
        known = true;
        const FileFacts& before = saved->facts;
        const FileFacts& now = file.cursor.facts;
        file.has_new =
            saved->unfinished || before.inode != now.inode || before.size != now.size || before.mtime != now.mtime;
        if (!file.has_new)
            continue;
        if (!file.parser->isSnapshot()) {
            file.replaced = static_cast<std::size_t>(now.size) < saved->offset ||
                            identityOf(path, saved->offset) != saved->identity ||
                            (saved->tail && tailOf(path, saved->offset) != *saved->tail);
            anew = anew || file.replaced || saved->unfinished;
            if (saved->unfinished)
                continue; // nothing of it counts
            file.cursor.offset = saved->offset;
        }
        file.parser->restore(saved->parser);
    }
    if (!known && run.format != LogFormat::TrainerState && runOf(run))
        anew = true;
    if (!anew)
        return files;
    for (LogFile& file : files) {
        // Should this import break off as well, what is not read by then has no cursor.
        database_->run("DELETE FROM import_state WHERE source_uri = ?", file.key);
        file.has_new = true;
        file.cursor.offset = 0;
        file.parser = makeLogParser(run.format, file.path);
    }
    return files;
}

void RunImport::readFile(LogFile& file, const LogRun& run, ImportTarget& target) {
    if (const auto id = file.has_samples ? runOf(run) : std::nullopt) {
        Cursor begun = file.cursor;
        begun.unfinished = true;
        begun.identity = identityOf(file.path, begun.offset);
        begun.tail = tailOf(file.path, begun.offset);
        saveCursor(file.key, begun, *id);
    }
    target.beginFile(file.path, file.replaced);
    if (file.parser->isSnapshot() && static_cast<std::size_t>(file.cursor.facts.size) > largest_log_snapshot)
        target.skipped(fmt::format("it has {} MiB, and such a file is read up to {} MiB only",
                                   file.cursor.facts.size >> 20, largest_log_snapshot >> 20));
    else
        readPieces(file, target);
    target.endFile();
    target.flush();
    file.cursor.identity = identityOf(file.path, file.cursor.offset);
    file.cursor.tail = tailOf(file.path, file.cursor.offset);
    file.cursor.parser = file.parser->state();
}

// Moves the cursor on as far as it comes.
void RunImport::readPieces(LogFile& file, ImportTarget& target) {
    LogParser& parser = *file.parser;
    std::ifstream stream(file.path, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(file.cursor.offset));
    if (!stream)
        fail(ErrorKind::Io, "{}: cannot be read", file.path.string());
    std::string buffer;
    for (bool at_end = false; !at_end;) {
        if (!parser.isSnapshot() && interrupted()) {
            file.cursor.facts.mtime = 0; // not the file's: the rest counts as new
            return;
        }
        const std::size_t kept = buffer.size();
        buffer.resize(kept + piece_bytes);
        stream.read(buffer.data() + kept, static_cast<std::streamsize>(piece_bytes));
        buffer.resize(kept + static_cast<std::size_t>(stream.gcount()));
        at_end = buffer.size() == kept;
        const bool all_there = at_end && (!options_.follow || parser.isSnapshot());
        const std::size_t consumed = parser.parse(buffer, all_there, target);
        file.cursor.offset += consumed;
        buffer.erase(0, consumed);
        if (buffer.size() > (parser.isSnapshot() ? largest_log_snapshot : longest_log_record) + piece_bytes)
            fail(ErrorKind::InvalidInput, "{}: grows faster than it can be read", file.path.string());
    }
}

// That an earlier import of the same place made.
std::optional<RunId> RunImport::runOf(const LogRun& run) {
    return database_->integer("SELECT min(id) FROM runs WHERE source_uri = ? AND source = ?", run.uri,
                              nameOf(run.format));
}

// Nothing where there is none, or none that can be read: then the file is read from its beginning.
std::optional<RunImport::Cursor> RunImport::savedCursor(const std::string& key, const std::string& uri) {
    Statement select =
        database_->prepare("SELECT inode, offset, last_size, last_mtime_us, state_json FROM import_state "
                           "WHERE source_uri = ? AND run_id IN (SELECT id FROM runs WHERE source_uri = ?)");
    if (!select.bind(key, uri).step())
        return std::nullopt;
    Cursor cursor;
    cursor.facts = {select.integer(0), select.integer(2), select.integer(3)};
    cursor.offset = static_cast<std::size_t>(std::max<std::int64_t>(0, select.integer(1)));
    const auto state = nlohmann::json::parse(select.text(4), nullptr, false);
    if (!state.is_object() || !state.contains("identity") || !state["identity"].is_number_unsigned() ||
        !state.contains("parser"))
        return std::nullopt;
    cursor.identity = state["identity"].get<std::uint32_t>();
    if (const auto tail = state.find("tail"); tail != state.end() && tail->is_number_unsigned())
        cursor.tail = tail->get<std::uint32_t>();
    cursor.unfinished = state.contains("unfinished");
    cursor.parser = state["parser"].dump();
    return cursor;
}

void RunImport::saveCursor(const std::string& key, const Cursor& cursor, RunId run) {
    nlohmann::json state{{"identity", cursor.identity},
                         {"parser", nlohmann::json::parse(cursor.parser, nullptr, false)}};
    if (cursor.tail)
        state["tail"] = *cursor.tail;
    if (cursor.unfinished)
        state["unfinished"] = true;
    database_->run("INSERT OR REPLACE INTO import_state(source_uri, inode, offset, last_size, last_mtime_us, "
                   "state_json, run_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
                   key, cursor.facts.inode, cursor.offset, cursor.facts.size, cursor.facts.mtime, state.dump(),
                   run);
}

} // namespace fulgurite
