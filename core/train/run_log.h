// SPDX-License-Identifier: Apache-2.0
// Where the figures of a run go: metrics.jsonl and rollouts.jsonl in its folder, and a runs file that many runs may
// share, which the window reads.
#pragma once

#include "core/store/runs/run_reader.h"
#include "core/store/runs/run_writer.h"
#include "core/train/run_folder.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace fulgurite {

struct RunIdentity {
    std::string name;   // for people; empty: that of the folder
    std::string method; // "pretrain", "sft", or the rule of reinforcement learning
    std::uint64_t seed = 0;
};

class RunLog {
  public:
    // `database`: the runs file; empty for none. Nothing is touched before begin().
    RunLog(const RunFolder& folder, std::filesystem::path database)
        : folder_(folder), database_(std::move(database)) {}

    // Begins the run, or goes on with it after `step`: what was logged beyond is forgotten everywhere, and what the
    // runs file lacks up to there it gets from the folder's logs. The run's identity in the runs file is kept in
    // FOLDER/run.uuid. `done`: there is no step left; then a run that was cut before its end was told is finished,
    // and of one that is nothing is touched. Throws before it changes anything while another program writes the
    // run.
    void begin(const RunIdentity& identity, const nlohmann::ordered_json& config, std::uint64_t step,
               bool done = false);
    // Figures of a step under canonical names; "step" is one of them, and "data.tokens" may be. What is null is a
    // NaN.
    void figures(const nlohmann::ordered_json& line);
    // An answer; `line` is what rollouts.jsonl shows of it.
    void rollout(const nlohmann::ordered_json& line, RunSample sample);
    // What was logged is on the disk, before the checkpoint that goes on from there. A runs file that is busy does
    // not hinder it: begin() fills what never came.
    void flush();
    // The run has ended, one way or the other. Without this it counts as cut. What the run did stands already, so
    // that a runs file that takes nothing is no failure of it: after some tries trouble() says so.
    void finish(RunStatus status);
    const std::string& trouble() const { return trouble_; } // empty while all is well

  private:
    void openDatabase(const RunIdentity& identity, const nlohmann::ordered_json& config, std::uint64_t step,
                      bool done);
    static std::uint64_t firstLacking(RunReader& reader, const RunRecord& run, std::uint64_t step);
    void create(const RunIdentity& identity, const nlohmann::ordered_json& config);
    void fill(std::uint64_t from, std::uint64_t to);
    void write(const nlohmann::ordered_json& line, std::optional<Microseconds> time);

    const RunFolder& folder_;
    std::filesystem::path database_;
    std::unique_ptr<RunWriter> writer_;
    std::string trouble_;
};

} // namespace fulgurite
