// SPDX-License-Identifier: Apache-2.0
// The folder of a run of our own trainer: run.json with the configuration in force, metrics.jsonl with a row a
// step, and after reinforcement learning rollouts.jsonl with what the policy wrote (docs/user/training.md).
#pragma once

#include "core/store/runs/import/line_parser.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite {

// The logs of the folder; empty when it is no run of ours.
std::vector<std::filesystem::path> ownRunFiles(const std::filesystem::path& folder);
bool isRolloutFile(const std::filesystem::path& file);

// What run.json says. Throws Error{Io | Corrupt} that names the file.
struct OwnRunDescription {
    std::string config_json;
    std::string algo; // "cispo", "grpo", "dapo", "pretrain", "sft"
    std::optional<std::int64_t> seed;
};
OwnRunDescription describeOwnRun(const std::filesystem::path& folder);

// What one line of rollouts.jsonl says; `where` is for messages. Throws Error{Corrupt | InvalidInput}.
RunSample rolloutOf(const nlohmann::json& json, const std::string& where);

// One completion a line:
//   {"step": 4, "prompt": "..", "completion": "..", "reward": 1.0, "advantage": 0.5, "meta": {"prompt_index": 0,
//    "texts": [..], "tokens": [..], "logp_old": [..], "logp": [..], "weight": [..], "capped": [0|1, ..], ...}}
// The arrays become the tokens of a sample; what else `meta` has stays its meta_json.
class RolloutLinesParser final : public LineParser {
  protected:
    void line(std::string_view text, bool whole, LogSink& sink) override;
};

} // namespace fulgurite
