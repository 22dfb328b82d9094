// SPDX-License-Identifier: Apache-2.0
// Speed of a model on a device that has no checkpoint: a configuration of any shape, with weights made at random in
// the device's memory, and states as if a text of any length were behind them.
#pragma once

#include "app/engine/layer_bench.h"
#include "core/model/shard.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::app {

struct ShapeBenchOptions {
    std::filesystem::path config; // config.json
    std::string layers;           // "LLS": lightning and softmax layers instead of those of the configuration
    bool int8_experts = false;
    ShardPlan plan; // several ranks: what rank 0 of them computes, with sums over the ranks left out
    std::shared_ptr<kernels::Device> device; // not null
    std::vector<std::size_t> contexts;       // tokens behind which to measure
    std::size_t prompt = 0;                  // tokens of a prefill
    std::size_t decode = 0;
    int repeats = 0;
};

// {"device", "shape", "copy_bytes_per_second", "contexts": [{"context", "decode_seconds", "prefill_tokens",
// "prefill_seconds"}]}, and of one rank that is all: "weight_bytes", and in each context "decode_bytes" and
// "prefill_flops".
// Throws Error{InvalidInput} for a configuration or layers that make no model, Error{OutOfMemory} with the sizes.
Json benchShape(const ShapeBenchOptions& options, kernels::ThreadPool& pool);

// What a person reads of it.
void printShapeReport(const Json& report);

} // namespace fulgurite::app
