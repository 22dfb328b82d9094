// SPDX-License-Identifier: Apache-2.0
// The product's ModelService: a checkpoint folder, its tokenizer and chat template, and an engine.
#pragma once

#include "core/model/shard.h"
#include "core/node/model_service.h"
#include "kernels/device.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::node {

struct EngineServiceOptions {
    std::filesystem::path model;
    std::string id; // under which it is served; empty: the folder's name
    EngineOptions engine;
    ShardPlan plan;                          // how the model is split over ranks of this process
    std::shared_ptr<kernels::Device> device; // null: the processor computes
    std::filesystem::path
        data; // captures go into its folder captures/, collections into retrieval/; empty: none are kept
    std::uint64_t capture_limit_bytes = std::uint64_t{16} << 30; // of one capture
    std::vector<std::filesystem::path> embedders; // folders of text encoders on offer for collections
};

// Loads everything. Throws Error that names the file. A folder without a chat template is served without chat.
std::unique_ptr<ModelService> loadEngineService(const EngineServiceOptions& options);

} // namespace fulgurite::node
