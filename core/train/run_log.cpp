// SPDX-License-Identifier: Apache-2.0
#include "core/train/run_log.h"

#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/store/runs/import/own_run.h"
#include "core/store/runs/runs_file.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

namespace fulgurite {

namespace {

constexpr int kFinishTries = 10; // each waits 5 s for a file that is busy
constexpr auto kFinishPause = std::chrono::milliseconds(500);

} // namespace

// The runs file comes first: while another program has the run there, the folder's logs stay as they are.
void RunLog::begin(const RunIdentity& identity, const nlohmann::ordered_json& config, std::uint64_t step,
                   bool done) {
    if (!database_.empty()) {
        openDatabase(identity, config, step, done);
    }
    if (done) {
        finish(RunStatus::Finished);
    } else {
        folder_.begin(config, step);
    }
}

// A step whose rows were cut in two is in the file in parts, and is written again as a whole. The mark is the last
// of its rows.
std::uint64_t RunLog::firstLacking(RunReader& reader, const RunRecord& run, std::uint64_t step) {
    const auto wanted = static_cast<std::int64_t>(step);
    const auto last = reader.markAt(run.id, wanted);
    if (last && last->step == wanted) {
        return step + 1;
    }
    return static_cast<std::uint64_t>(std::clamp<std::int64_t>(run.last_step.value_or(0), 0, wanted));
}

// A folder that begins anew goes on with its run in the file too, so that a second start does not leave two.
void RunLog::openDatabase(const RunIdentity& identity, const nlohmann::ordered_json& config, std::uint64_t step,
                          bool done) {
    const auto note = folder_.root() / "run.uuid";
    const std::string uuid = std::filesystem::exists(note) ? readTextFile(note) : "";
    std::uint64_t from = 0; // steps that the file lacks
    try {
        RunReader reader(database_);
        const auto id = uuid.empty() ? std::nullopt : reader.findRun(uuid);
        if (!id) {
            fail(ErrorKind::NotFound, "{}: there is no run with the uuid {}", database_.string(), uuid);
        }
        const RunRecord found = reader.run(*id);
        if (done && found.status == RunStatus::Finished) {
            return;
        }
        writer_ = RunWriter::resume(database_, *id);
        from = step == 0 ? 0 : firstLacking(reader, found, step);
        writer_->rewind(static_cast<std::int64_t>(from));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::NotFound) { // it is not in this file, or was removed from it: a new one
            throw;
        }
        if (done) {
            return; // it was removed after its end
        }
        create(identity, config);
    }
    fill(from, step);
}

void RunLog::create(const RunIdentity& identity, const nlohmann::ordered_json& config) {
    NewRun run;
    run.name = identity.name.empty() ? folder_.root().filename().string() : identity.name;
    run.source = "fulgurite";
    run.source_uri = std::filesystem::absolute(folder_.root()).string();
    run.algo = identity.method;
    run.seed = static_cast<std::int64_t>(identity.seed);
    run.config_json = config.dump();
    writer_ = RunWriter::create(database_, run);
    writeFileAtomically(folder_.root() / "run.uuid", writer_->uuid());
}

// A checkpoint may be ahead of the runs file, which takes its rows later and loses those that wait when the program
// is killed; the folder's logs are not.
void RunLog::fill(std::uint64_t from, std::uint64_t to) {
    if (to == 0 || from > to) {
        return;
    }
    const auto isOf = [to](const nlohmann::json& line) { return line.at("step").get<std::uint64_t>() <= to; };
    for (const nlohmann::json& line : folder_.logged(RunFolder::kMetrics, from)) {
        if (isOf(line)) {
            write(line, std::nullopt);
        }
    }
    for (const nlohmann::json& line : folder_.logged(RunFolder::kRollouts, from)) {
        try {
            if (isOf(line)) {
                writer_->sample(rolloutOf(line, RunFolder::kRollouts));
            }
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::InvalidInput && error.kind() != ErrorKind::Corrupt) {
                throw;
            } // a damaged line costs one answer of a log, and not the run
        }
    }
}

void RunLog::write(const nlohmann::ordered_json& line, std::optional<Microseconds> time) {
    const auto step = line.at("step").get<std::int64_t>();
    StepMark mark{step, time, std::nullopt, std::nullopt};
    for (const auto& [name, value] : line.items()) {
        if (name == "data.tokens" && value.is_number()) {
            mark.tokens = value.get<std::int64_t>();
        }
        if (name != "step") {
            writer_->add(name, step,
                         value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN());
        }
    }
    writer_->mark(mark);
}

void RunLog::figures(const nlohmann::ordered_json& line) {
    folder_.log(line);
    if (writer_ != nullptr) {
        write(line, nowMicroseconds());
    }
}

void RunLog::rollout(const nlohmann::ordered_json& line, RunSample sample) {
    folder_.log(line, RunFolder::kRollouts);
    if (writer_ != nullptr) {
        writer_->sample(std::move(sample));
    }
}

void RunLog::flush() {
    folder_.sync();
    if (writer_ == nullptr) {
        return;
    }
    try {
        writer_->flush();
    } catch (const Error&) { // the rows wait on, and RunWriter says by itself when it takes no more
    }
}

void RunLog::finish(RunStatus status) {
    if (writer_ == nullptr) {
        return;
    }
    // Another program may be deleting a long run, or the disk is full for a moment. A run that failed has somebody
    // who waits for the reason.
    const int tries = status == RunStatus::Failed ? 1 : kFinishTries;
    for (int i = 1; i <= tries; ++i) {
        try {
            writer_->finish(status);
            trouble_.clear();
            break;
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::NotFound) {
                break; // somebody removed it from the file: there is no one to tell
            }
            trouble_ = fmt::format("{}. The run itself lost nothing: it is in {}, and the same command, started "
                                   "again, brings the runs file up to date",
                                   error.what(), folder_.root().string());
            std::this_thread::sleep_for(i < tries ? kFinishPause : kFinishPause * 0);
        }
    }
    writer_.reset();
}

} // namespace fulgurite
