// SPDX-License-Identifier: Apache-2.0
#include "app/engine/train_job.h"

#include "core/base/atomic_file.h"
#include "core/node/api_error.h"
#include "core/node/object_reader.h"

#include <algorithm>
#include <array>

namespace fulgurite::app {

namespace {

constexpr std::array<std::string_view, 3> kMethods{"pretrain", "sft", "rl"};

} // namespace

node::JobKind trainJobKind(std::filesystem::path runs, std::filesystem::path model) {
    return [runs = std::move(runs), model = std::move(model)](const nlohmann::json& spec,
                                                              const std::filesystem::path& folder) {
        node::ObjectReader reader(spec, "spec");
        const auto method = reader.string("method");
        const nlohmann::json* given = reader.object("config");
        reader.finish();
        if (!method || std::find(kMethods.begin(), kMethods.end(), *method) == kMethods.end())
            node::refuse("spec.method", "must be \"pretrain\", \"sft\" or \"rl\"");
        if (given == nullptr)
            node::refuse("spec.config", "is missing");
        nlohmann::json config = *given;
        if (!config.contains("out"))
            config["out"] = "run";
        if (!config.contains("runs"))
            config["runs"] = runs.string();
        if (!config.contains("model") && !config.contains("fresh"))
            config["model"] = model.string();
        const std::filesystem::path file = folder / "config.json";
        writeFileAtomically(file, config.dump(2) + "\n");
        // The program that runs now, also when its file was replaced meanwhile.
        return node::JobCommand{std::filesystem::read_symlink("/proc/self/exe").string(), "train", *method,
                                file.string()};
    };
}

} // namespace fulgurite::app
