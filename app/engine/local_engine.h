// SPDX-License-Identifier: Apache-2.0
// A model loaded into this process with all that prompting needs, and the options that choose it.
#pragma once

#include "app/engine/rank_options.h"
#include "core/generate/engine.h"
#include "core/text/chat_template.h"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace fulgurite::app {

struct LocalEngineOptions {
    std::string model;
    std::size_t threads = 0;
    std::size_t memory_mib = 0;
    std::string device;
    RankOptions ranks;
};

void addLocalEngineOptions(CLI::App& command, LocalEngineOptions& options);

struct LocalEngine {
    std::filesystem::path folder;
    std::shared_ptr<const Tokenizer> tokenizer;
    std::shared_ptr<const ChatTemplate> chat_template; // null when the model has none
    std::unique_ptr<Engine> engine;
};

LocalEngine openLocalEngine(const LocalEngineOptions& options);

} // namespace fulgurite::app
