// SPDX-License-Identifier: Apache-2.0
#include "core/train/run_log.h"

#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"

#include <chrono>
#include <limits>

namespace fulgurite {

namespace {

Microseconds now() {
    const auto time = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

} // namespace

void RunLog::begin(const RunIdentity& identity, const nlohmann::ordered_json& config, std::uint64_t step) {
    folder_.begin(config, step);
    if (!database_.empty()) {
        openDatabase(identity, config, step);
    }
}

// A folder that begins anew goes on with its run in the file too, so that a second start does not leave two.
void RunLog::openDatabase(const RunIdentity& identity, const nlohmann::ordered_json& config, std::uint64_t step) {
    const auto note = folder_.root() / "run.uuid";
    const std::string uuid = std::filesystem::exists(note) ? readTextFile(note) : "";
    if (!uuid.empty()) {
        try {
            writer_ = RunWriter::resume(database_, uuid);
            writer_->rewind(step == 0 ? 0 : static_cast<std::int64_t>(step) + 1);
            return;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::NotFound) { // it is not in this file, or was removed from it: a new one
                throw;
            }
        }
    }
    NewRun run;
    run.name = identity.name.empty() ? folder_.root().filename().string() : identity.name;
    run.source = "fulgurite";
    run.source_uri = std::filesystem::absolute(folder_.root()).string();
    run.algo = identity.method;
    run.seed = static_cast<std::int64_t>(identity.seed);
    run.config_json = config.dump();
    writer_ = RunWriter::create(database_, run);
    writeFileAtomically(note, writer_->uuid());
}

void RunLog::figures(const nlohmann::ordered_json& line) {
    folder_.log(line);
    if (writer_ == nullptr) {
        return;
    }
    const auto step = line.at("step").get<std::int64_t>();
    StepMark mark{step, now(), std::nullopt, std::nullopt};
    for (const auto& [name, value] : line.items()) {
        if (name == "data.tokens") {
            mark.tokens = value.get<std::int64_t>();
        }
        if (name != "step") {
            writer_->add(name, step,
                         value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN());
        }
    }
    writer_->mark(mark);
}

void RunLog::rollout(const nlohmann::ordered_json& line, RunSample sample) {
    folder_.log(line, RunFolder::kRollouts);
    if (writer_ != nullptr) {
        writer_->sample(std::move(sample));
    }
}

void RunLog::finish(RunStatus status) {
    if (writer_ != nullptr) {
        writer_->finish(status);
        writer_.reset();
    }
}

} // namespace fulgurite
