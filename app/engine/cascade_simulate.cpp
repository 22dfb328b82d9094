// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine cascade simulate`: how much of a library queries touch, and what a cascade then costs.
#include "app/engine/cascade.h"
#include "app/engine/cascade_library.h"
#include "core/base/error.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace fulgurite::app {

namespace {

struct SimulateOptions {
    LibraryOptions common;
    std::string stages;
    std::string draw = "zipf";
    cascade::SimulationSettings settings;
};

nlohmann::json bandJson(const cascade::Band& band) {
    return {{"mean", band.mean}, {"low", band.low}, {"high", band.high}};
}

// n t_s + sum of touched_j n t_j, for the mean, lowest and highest shares.
cascade::Band costAt(const cascade::SimulationPoint& point, const std::vector<double>& costs, double images) {
    cascade::Band cost{images * costs[0], images * costs[0], images * costs[0]};
    for (std::size_t j = 0; j < point.touched.size(); ++j) {
        cost.mean += point.touched[j].mean * images * costs[j + 1];
        cost.low += point.touched[j].low * images * costs[j + 1];
        cost.high += point.touched[j].high * images * costs[j + 1];
    }
    return cost;
}

void simulate(SimulateOptions options) {
    const auto service = openLibraries(options.common);
    const cascade::Library library = findLibrary(*service, options.common.library);
    const auto stages = parseStages(options.stages, service->encoders());
    if (stages.size() < 2) {
        fail(ErrorKind::InvalidInput, "a simulation needs two stages or more");
    }
    options.settings.draw = options.draw == "zipf"       ? cascade::Draw::Zipf
                            : options.draw == "fraction" ? cascade::Draw::Fraction
                                                         : cascade::Draw::Random;
    for (std::size_t j = 0; j + 1 < stages.size(); ++j) {
        options.settings.keep.push_back(stages[j].keep);
    }
    const auto [count, points] = service->simulate(library.id, stages.front().encoder, options.settings);
    if (points.empty()) {
        fail(ErrorKind::InvalidInput, "{}: no image is encoded by {} yet; run `cascade build`", library.name,
             stages.front().encoder);
    }
    const cascade::StageCosts costs = service->costsOf(stages);
    const char* unit = costs.measured ? "s" : "FLOP";
    const auto images = static_cast<double>(count);
    const double everything = images * costs.each.back();
    if (!options.common.json) {
        fmt::print("{}, {} images, {}: encoding everything with {} costs {:.4g} {}\n{:>8} {:>9} {:>19} {:>12} "
                   "{:>8} {:>8}\n",
                   stagesText(stages), count, options.draw, stages.back().encoder, everything, unit, "query",
                   "touched", "between seeds", "cost", "factor", "closed");
    }
    nlohmann::json curve = nlohmann::json::array();
    for (const cascade::SimulationPoint& point : points) {
        const cascade::Band cost = costAt(point, costs.each, images);
        const cascade::Band& first = point.touched.front();
        const double closed = cascade::lifetimeFactor(costs.each, first.mean);
        if (!options.common.json) {
            fmt::print("{:>8} {:>9.4f} {:>9.4f} to {:.4f} {:>12.4g} {:>8.2f} {:>8.2f}\n", point.query, first.mean,
                       first.low, first.high, cost.mean, everything / cost.mean, closed);
            continue;
        }
        nlohmann::json touched = nlohmann::json::array();
        for (const cascade::Band& band : point.touched) {
            touched.push_back(bandJson(band));
        }
        curve.push_back({{"query", point.query},
                         {"touched", touched},
                         {"cost", bandJson(cost)},
                         {"factor", everything / cost.mean},
                         {"closed_factor", closed}});
    }
    if (options.common.json) {
        fmt::print("{}\n", nlohmann::json{{"stages", stagesJson(stages)},
                                          {"images", count},
                                          {"unit", unit},
                                          {"costs", costs.each},
                                          {"everything", everything},
                                          {"break_even_fraction", cascade::breakEvenFraction(costs.each)},
                                          {"curve", curve}}
                               .dump());
    }
}

} // namespace

void addCascadeSimulate(CLI::App& cascade) {
    auto options = std::make_shared<SimulateOptions>();
    CLI::App* command =
        cascade.add_subcommand("simulate", "How much of a library queries touch, and what the cascade then costs");
    addLibraryOptions(*command, options->common);
    command->add_option("--stages", options->stages, "ENCODER:IMAGES,..., as for `query`");
    options->settings.queries = 1000;
    command->add_option("--queries", options->settings.queries, "Queries of a run")
        ->check(CLI::Range(1, 10000000))
        ->capture_default_str();
    command
        ->add_option(
            "--draw", options->draw,
            "Which images people look for: zipf (popularity), fraction (a share of them), random (no pattern)")
        ->check(CLI::IsMember({"zipf", "fraction", "random"}))
        ->capture_default_str();
    command->add_option("--exponent", options->settings.exponent, "Of zipf: popularity is rank^-EXPONENT")
        ->capture_default_str();
    command->add_option("--fraction", options->settings.fraction, "Of fraction: the share")->capture_default_str();
    command
        ->add_option("--seeds", options->settings.seeds, "Runs; the bands lie between the lowest and the highest")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    command->footer(
        "The query for an image is its own vector by the first encoder.\n"
        "Example:\n"
        "  fulgurite-engine cascade simulate --data DIR --stages spyglass-s:50,spyglass-l --queries 5000");
    command->callback([options] { simulate(*options); });
}

} // namespace fulgurite::app
