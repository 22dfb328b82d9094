// SPDX-License-Identifier: Apache-2.0
// Where the figures of a run go: metrics.jsonl and rollouts.jsonl in its folder, and a runs file that many runs may
// share, which the window reads.
#pragma once

#include "core/store/runs/run_writer.h"
#include "core/train/run_folder.h"

#include <filesystem>
#include <memory>
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

    // Begins the run, or goes on with it after `step`: what was logged beyond is forgotten everywhere. The run's
    // identity in the runs file is kept in FOLDER/run.uuid.
    void begin(const RunIdentity& identity, const nlohmann::ordered_json& config, std::uint64_t step);
    // Figures of a step under canonical names; "step" is one of them, and "data.tokens" may be. What is null is a
    // NaN.
    void figures(const nlohmann::ordered_json& line);
    // An answer; `line` is what rollouts.jsonl shows of it.
    void rollout(const nlohmann::ordered_json& line, RunSample sample);
    // The run has ended, one way or the other. Without this it counts as cut.
    void finish(RunStatus status);

  private:
    void openDatabase(const RunIdentity& identity, const nlohmann::ordered_json& config, std::uint64_t step);

    const RunFolder& folder_;
    std::filesystem::path database_;
    std::unique_ptr<RunWriter> writer_;
};

} // namespace fulgurite
