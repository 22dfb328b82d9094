// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect routing`: the load of the experts, or the experts of a range of tokens.
#include "app/engine/capture_text.h"
#include "app/engine/inspect.h"

#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

struct RoutingOptions {
    CaptureInput input;
    std::optional<std::size_t> first;
    std::size_t count = 1;
};

nlohmann::json toJson(const capture::RoutingSummary& summary) {
    nlohmann::json layers = nlohmann::json::array();
    const auto experts = static_cast<std::size_t>(summary.experts);
    for (std::size_t layer = 0; layer < static_cast<std::size_t>(summary.layers); ++layer) {
        nlohmann::json load = nlohmann::json::array();
        nlohmann::json weight = nlohmann::json::array();
        for (std::size_t e = layer * experts; e < (layer + 1) * experts; ++e) {
            load.push_back(summary.load[e]);
            weight.push_back(summary.weight[e]);
        }
        layers.push_back({{"load", std::move(load)},
                          {"weight", std::move(weight)},
                          {"entropy_bits", summary.entropy_bits[layer]}});
    }
    return {{"tokens", summary.tokens}, {"top_k", summary.top_k}, {"layers", std::move(layers)}};
}

void printSummary(const capture::RoutingSummary& summary) {
    const auto experts = static_cast<std::size_t>(summary.experts);
    const double choices = static_cast<double>(summary.tokens) * summary.top_k;
    fmt::print("{} tokens, {} experts each; percent of all choices, and the entropy of the load in bits\n{:>5}",
               summary.tokens, summary.top_k, "layer");
    for (std::size_t e = 0; e < experts; ++e) {
        fmt::print(" {:>6}", e);
    }
    fmt::print(" {:>8}\n", "entropy");
    for (std::size_t layer = 0; layer < static_cast<std::size_t>(summary.layers); ++layer) {
        fmt::print("{:>5}", layer);
        for (std::size_t e = 0; e < experts; ++e) {
            fmt::print(" {:>6.2f}", 100 * static_cast<double>(summary.load[layer * experts + e]) / choices);
        }
        fmt::print(" {:>8.3f}\n", summary.entropy_bits[layer]);
    }
}

void printSlice(const capture::CaptureFile& file, const capture::RoutingSlice& slice) {
    const auto tokens = file.tokens(slice.first, slice.count);
    const auto k = static_cast<std::size_t>(slice.top_k);
    const auto layers = static_cast<std::size_t>(slice.layers);
    for (std::size_t t = 0; t < slice.count; ++t) {
        fmt::print("{} {}\n", slice.first + t, quotedToken(tokens[t].text));
        for (std::size_t layer = 0; layer < layers; ++layer) {
            const std::size_t at = t * layers + layer;
            fmt::print("  layer {:>3}:", layer);
            for (std::size_t i = 0; i < k; ++i) {
                fmt::print(" {:>3} {:.3f}", slice.experts[at * k + i], slice.weights[at * k + i]);
            }
            fmt::print("  margin {:.3f}\n", slice.margin[at]);
        }
    }
}

nlohmann::json toJson(const capture::RoutingSlice& slice) {
    return {{"first", slice.first},  {"count", slice.count},     {"layers", slice.layers},
            {"top_k", slice.top_k},  {"experts", slice.experts}, {"weights", slice.weights},
            {"margin", slice.margin}};
}

void showRouting(const RoutingOptions& options) {
    const auto file = capture::CaptureFile::open(options.input.file);
    if (options.first) {
        const capture::RoutingSlice slice = file->routing(*options.first, options.count);
        if (options.input.json) {
            fmt::print("{}\n", toJson(slice).dump());
        } else {
            printSlice(*file, slice);
        }
        return;
    }
    const capture::RoutingSummary summary = file->routingSummary();
    if (options.input.json) {
        fmt::print("{}\n", toJson(summary).dump());
    } else {
        printSummary(summary);
    }
}

} // namespace

void addInspectRouting(CLI::App& inspect) {
    auto options = std::make_shared<RoutingOptions>();
    CLI::App* command = inspect.add_subcommand("routing", "Load of the experts, or the experts of some tokens");
    addCaptureInput(*command, options->input);
    command->add_option("--first", options->first, "The experts of this token and those after it");
    command->add_option("--count", options->count, "How many tokens")->check(CLI::PositiveNumber)->capture_default_str();
    command->footer("Examples:\n"
                    "  fulgurite-engine inspect routing --capture q.fcap\n"
                    "  fulgurite-engine inspect routing --capture q.fcap --first 40 --count 3");
    command->callback([options] { showRouting(*options); });
}

} // namespace fulgurite::app
