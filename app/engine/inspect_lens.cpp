// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect lens`: what the model would say after each layer.
#include "app/engine/capture_text.h"
#include "app/engine/inspect.h"
#include "core/base/json.h"

#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

struct LensOptions {
    CaptureInput input;
    std::optional<std::size_t> position;
};

nlohmann::json toJson(const capture::LensView& view) {
    nlohmann::json layers = nlohmann::json::array();
    for (const capture::LensLayer& layer : view.layers) {
        nlohmann::json candidates = nlohmann::json::array();
        for (const capture::LensCandidate& candidate : layer.candidates) {
            candidates.push_back(
                {{"id", candidate.id}, {"text", candidate.text}, {"logprob", jsonNumber(candidate.logprob)}});
        }
        layers.push_back({{"layer", layer.layer},
                          {"final_rank", layer.final_rank},
                          {"kl", jsonNumber(layer.kl)},
                          {"candidates", std::move(candidates)}});
    }
    return {{"position", view.position}, {"layers", std::move(layers)}};
}

void showLens(const LensOptions& options) {
    const auto file = capture::CaptureFile::open(options.input.file);
    const capture::LensView view = file->lens(positionIn(*file, options.position));
    if (options.input.json) {
        fmt::print("{}\n", dumpJson(toJson(view)));
        return;
    }
    fmt::print("after token {}; rank: of what the last layer puts first; kl: from the model's output, nats\n"
               "{:>9} {:>6} {:>8}  candidates\n",
               view.position, "layer", "rank", "kl");
    for (const capture::LensLayer& layer : view.layers) {
        fmt::print("{:>9} {:>6} {:>8} ", layer.layer == 0 ? "embedding" : std::to_string(layer.layer - 1),
                   layer.final_rank, figure(layer.kl));
        for (const capture::LensCandidate& candidate : layer.candidates) {
            fmt::print(" {} {:.2f}", quotedToken(candidate.text), candidate.logprob);
        }
        fmt::print("\n");
    }
}

} // namespace

void addInspectLens(CLI::App& inspect) {
    auto options = std::make_shared<LensOptions>();
    CLI::App* command = inspect.add_subcommand("lens", "What the model would say after each layer");
    addCaptureInput(*command, options->input);
    command->add_option("--position", options->position, "Token, from 0; the last one unless given");
    command->footer("Example:\n  fulgurite-engine inspect lens --capture q.fcap --position 41");
    command->callback([options] { showLens(*options); });
}

} // namespace fulgurite::app
