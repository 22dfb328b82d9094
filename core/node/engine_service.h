// SPDX-License-Identifier: Apache-2.0
// The product's ModelService: a checkpoint folder, its tokenizer and chat template, and an engine.
#pragma once

#include "core/model/hybrid_model.h"
#include "core/node/model_service.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::node {

struct EngineServiceOptions {
    std::filesystem::path model;
    std::string id; // under which it is served; empty: the folder's name
    EngineOptions engine;
    // Loads the model of that folder, wherever it is to compute; empty: on this processor, by one rank.
    std::function<std::shared_ptr<const HybridModel>(const std::filesystem::path& folder)> load;
    std::filesystem::path
        data; // captures go into its folder captures/, collections into retrieval/; empty: none are kept
    std::uint64_t capture_limit_bytes = std::uint64_t{16} << 30; // of one capture
    std::vector<std::filesystem::path> embedders; // folders of text encoders on offer for collections
};

// Loads everything. Throws Error that names the file. A folder without a chat template is served without chat.
std::unique_ptr<ModelService> loadEngineService(const EngineServiceOptions& options);

} // namespace fulgurite::node
