// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect decay`: how far back every head can see, from the configuration alone.
#include "app/engine/default_model.h"
#include "app/engine/inspect.h"
#include "app/engine/list_option.h"
#include "core/probe/capture/decay.h"

#include <cmath>
#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

struct DecayOptions {
    std::string model;
    double fraction = 50;
    bool json = false;
};

std::string tokensText(double tokens) {
    return tokens < 100 ? fmt::format("{:.2f}", tokens) : fmt::format("{:.0f}", tokens);
}

void printTable(const capture::DecayMap& map, double fraction) {
    fmt::print("Tokens until a weight has fallen to {:g} %; \"softmax\": unbounded\n{:>5} ", 100 * fraction,
               "layer");
    for (int head = 0; head < map.heads; ++head) {
        fmt::print(" {:>8}", fmt::format("head {}", head));
    }
    fmt::print("\n");
    for (int layer = 0; layer < static_cast<int>(map.layers.size()); ++layer) {
        fmt::print("{:>5} ", layer);
        for (int head = 0; head < (map.unbounded(layer) ? 0 : map.heads); ++head) {
            fmt::print(" {:>8}", tokensText(capture::reach(map.rate({layer, head}), fraction)));
        }
        fmt::print("{}\n", map.unbounded(layer) ? "  softmax" : "");
    }
}

void printDecay(const DecayOptions& options) {
    const capture::DecayMap map = capture::decayMap(ModelConfig::load(findModel(options.model)));
    if (options.json) {
        fmt::print("{}\n", capture::toJson(map));
    } else {
        printTable(map, options.fraction / 100);
    }
}

} // namespace

void addInspectDecay(CLI::App& inspect) {
    auto options = std::make_shared<DecayOptions>();
    CLI::App* command = inspect.add_subcommand("decay", "How far back every lightning head sees");
    command->add_option("--model", options->model,
                        "Model folder, of which config.json is enough; the included model unless given");
    command->add_option("--percent", options->fraction, "Of the table: to how much of itself a weight falls")
        ->check([](const std::string& text) {
            // Not CLI::Range, which lets "nan" through.
            const auto value = wholeNumber<double>(text);
            const bool fits = value && *value >= 1e-9 && *value <= 100;
            return fits ? std::string() : "must be a number from 1e-9 to 100, not " + text;
        })
        ->capture_default_str();
    command->add_flag(
        "--json", options->json,
        "One JSON object: layers, heads, rate, half_life and reach [layers][heads], null for softmax");
    command->footer("Examples:\n"
                    "  fulgurite-engine inspect decay --model DIR\n"
                    "  fulgurite-engine inspect decay --model DIR --percent 1\n"
                    "  fulgurite-engine inspect decay --model DIR --json");
    command->callback([options] { printDecay(*options); });
}

} // namespace fulgurite::app
