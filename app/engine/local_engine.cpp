// SPDX-License-Identifier: Apache-2.0
#include "app/engine/local_engine.h"

#include "app/engine/default_model.h"
#include "app/engine/device_option.h"
#include "app/engine/ranked_model.h"
#include "core/base/error.h"

namespace fulgurite::app {

void addLocalEngineOptions(CLI::App& command, LocalEngineOptions& options) {
    const char* group = "Model";
    command
        .add_option("-m,--model", options.model,
                    "Model folder (default: FULGURITE_MODEL, or the model that comes with the program)")
        ->group(group);
    command.add_option("--threads", options.threads, "Threads that compute; 0 is one per core")->group(group);
    command
        .add_option("--memory", options.memory_mib,
                    "MiB for keys, values and states; 0 is half of what the machine has free")
        ->group(group);
    addRankOptions(command, options.ranks);
    addDeviceOption(command, options.device);
}

LocalEngine openLocalEngine(const LocalEngineOptions& options) {
    LocalEngine local;
    local.folder = findModel(options.model);
    local.tokenizer = Tokenizer::load(local.folder);
    try {
        local.chat_template = ChatTemplate::load(local.folder);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::NotFound) {
            throw;
        }
    }
    EngineOptions engine;
    engine.threads = threadsOfRank(options.ranks, options.threads);
    engine.memory_bytes = memoryOfRank(options.ranks, options.device, options.memory_mib << 20);
    local.engine = std::make_unique<Engine>(
        loadRanked(
            {.folder = local.folder, .ranks = options.ranks, .device = options.device, .threads = options.threads}),
        local.tokenizer, engine);
    return local;
}

} // namespace fulgurite::app
