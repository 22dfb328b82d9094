// SPDX-License-Identifier: Apache-2.0
// Parts that the configurations of all kinds of runs have, read and written in one way.
#pragma once

#include "core/train/config_fields.h"
#include "core/train/optimizer.h"
#include "kernels/dtype.h"

#include <filesystem>
#include <string>
#include <vector>

namespace fulgurite {

struct CheckpointOptions {
    std::uint64_t every = 200; // steps, or batches of rollouts
    std::size_t keep = 2;
    DType dtype = DType::BF16; // of the model folder; the run's own state is float32
};

// Large enough for any count that a person means.
inline constexpr std::int64_t kManySteps = std::int64_t{1} << 40;

// Each takes the object's fields whole and refuses others.
RateSchedule readRate(ConfigFields fields, RateSchedule defaults);
OptimizerOptions readOptimizer(ConfigFields fields, OptimizerOptions defaults);
CheckpointOptions readCheckpoint(ConfigFields fields, CheckpointOptions defaults);
nlohmann::ordered_json toJson(const RateSchedule& rate);
nlohmann::ordered_json toJson(const OptimizerOptions& adam);
nlohmann::ordered_json toJson(const CheckpointOptions& checkpoint);

// Refuses a configuration written for another method than `method`.
void checkMethod(ConfigFields& fields, const std::string& method, const std::string& name);
// Where a run shows itself beside its folder.
struct RunPlace {
    std::string name;               // for people; empty: that of the folder
    std::filesystem::path database; // a runs file; empty: none

    // Takes "name" and "runs"; without the latter it is a file in `out`.
    static RunPlace read(ConfigFields& fields, const std::filesystem::path& folder,
                         const std::filesystem::path& out);
    void write(nlohmann::ordered_json& json) const;
};

// `value` relative to `folder`; empty stays empty.
std::filesystem::path pathIn(const std::filesystem::path& folder, const std::string& value);

// The first field of `mine` that `theirs` has not or has otherwise, those that decide nothing about what a step
// computes left out: "out", "name", "runs", "checkpoint", "threads". Empty: none.
std::string firstDifference(nlohmann::ordered_json mine, const nlohmann::ordered_json& theirs);

} // namespace fulgurite
