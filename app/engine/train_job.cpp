// SPDX-License-Identifier: Apache-2.0
#include "app/engine/train_job.h"

#include "core/base/atomic_file.h"
#include "core/node/api_error.h"
#include "core/node/job_files.h"
#include "core/node/object_reader.h"

#include <algorithm>
#include <array>
#include <sstream>

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

std::chrono::milliseconds trainPatience(const node::JobRecord& job) {
    constexpr double kSteps = 5; // one may evaluate, write answers of another length, save
    constexpr std::size_t kTail = std::size_t{64} << 10;
    const nlohmann::json config = job.spec.value("config", nlohmann::json::object());
    const auto log = job.folder / config.value("out", "run") / "metrics.jsonl";
    double longest = 0; // seconds
    std::istringstream lines(node::readJobLog(log, std::nullopt, kTail).text);
    for (std::string line; std::getline(lines, line);) {
        const auto figures = nlohmann::json::parse(line, nullptr, false); // the first may be cut
        if (figures.is_object() && figures.contains("perf.step_time")) {
            longest = std::max(longest, figures.value("perf.step_time", 0.0));
        }
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(longest * kSteps * 1000));
}

} // namespace fulgurite::app
