// SPDX-License-Identifier: Apache-2.0
// A checkpoint of any shape with random weights, to measure on: right sizes and plausible activations, no meaning.
#pragma once

#include "core/checkpoint/model_config.h"
#include "kernels/dtype.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

namespace fulgurite {

struct RandomCheckpointOptions {
    DType dtype = DType::BF16; // BF16 or F32; the router is always F32, as published
    bool int8_experts = false; // what writeInt8Checkpoint would make of the same random checkpoint
    std::uint64_t seed = 0;
    std::uint64_t max_shard_bytes = std::uint64_t{4} << 30;
    // Called now and then; return false to stop (throws Error{Cancelled}; finished shards stay).
    std::function<bool(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
};

// Writes config.json (the given text), the shards and their index into `folder`, which must be new or empty.
// Published tensor names. Weights are uniform with standard deviation 1 / sqrt(inputs), norms are 1. Throws
// Error{InvalidInput | Io}; says how many bytes are missing when the disk is too small.
void writeRandomCheckpoint(std::string_view config_json, const ModelConfig& config,
                           const std::filesystem::path& folder, const RandomCheckpointOptions& options);

} // namespace fulgurite
