// SPDX-License-Identifier: Apache-2.0
// What a training run does, read from a file that a person writes; see docs/user/training.md.
#pragma once

#include "core/train/config_parts.h"
#include "core/train/train_pass.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

enum class TrainMethod : std::uint8_t { Pretrain, Sft };

struct TrainConfig {
    TrainMethod method = TrainMethod::Pretrain;
    std::filesystem::path out; // folder of the run
    RunPlace place;
    std::filesystem::path model;        // weights to start from; empty: fresh ones
    std::filesystem::path fresh_config; // config.json of a fresh model
    double fresh_deviation = 0.02;      // of its weights
    std::filesystem::path tokenizer;    // folder; empty when all data are token ids
    std::vector<std::filesystem::path> data;
    std::size_t sequence = 512; // tokens; of a conversation the most
    std::size_t batch = 8;      // sequences that exist at one time
    std::size_t accumulate = 1; // batches of one update
    std::uint64_t steps = 0;    // updates
    RateSchedule rate;
    OptimizerOptions optimizer;
    double balance = 0.01; // coefficient of the load-balance loss
    std::uint64_t seed = 1;
    CheckpointOptions checkpoint;
    Arithmetic arithmetic = Arithmetic::Float32; // of the layers' products
    std::size_t threads = 0;

    // For `method`, which the file may repeat but not contradict. `name` for messages; paths are taken relative to
    // `folder`. Throws Error{InvalidInput} that names the field.
    static TrainConfig parse(TrainMethod method, std::string_view text, const std::string& name,
                             const std::filesystem::path& folder);
    // Every field with the value in force, in the form that parse() reads.
    nlohmann::ordered_json toJson() const;
    // Of the fields that decide what a step computes, the first that differs; empty when a run may go on with
    // `other`.
    std::string differenceThatMatters(const TrainConfig& other) const;

    std::size_t samplesOfStep() const { return batch * accumulate; }
};

} // namespace fulgurite
