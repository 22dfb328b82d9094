// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect cost`: what one more token costs as the context grows.
#include "app/engine/capture_text.h"
#include "app/engine/default_model.h"
#include "app/engine/device_option.h"
#include "app/engine/inspect.h"
#include "core/base/error.h"
#include "core/model/weights.h"
#include "core/probe/cost_growth.h"

#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

struct CostOptions {
    std::string model;
    std::string device;
    bool m1 = false;
    bool measure = false;
    bool json = false;
    std::size_t last = 131072;
    std::size_t threads = 0;
    int repeats = 5;
};

struct Curve {
    bool computed = false;
    std::vector<capture::CostPoint> points;
};

Curve curveOf(const CostOptions& options) {
    const auto contexts = capture::growingContexts(options.last);
    if (options.m1) {
        if (options.measure) {
            fail(ErrorKind::InvalidInput, "--measure: only a model that is loaded can be measured, not --m1");
        }
        return {true, capture::costCurve(capture::minimaxM1Shape(), {}, contexts)};
    }
    const auto model = loadModelOn(findModel(options.model), options.device);
    Curve curve{false, capture::costCurve(model->config(), probe::costFormatOf(model->weights()), contexts)};
    if (options.measure) {
        kernels::ThreadPool pool(options.threads);
        probe::measureDecode(*model, curve.points, options.repeats, probe::ownTurn(pool));
    }
    return curve;
}

void printJson(const Curve& curve) {
    nlohmann::json points = nlohmann::json::array();
    for (const capture::CostPoint& point : curve.points) {
        points.push_back({{"context", point.context},
                          {"hybrid_flops", point.hybrid_flops},
                          {"hybrid_bytes", point.hybrid_bytes},
                          {"softmax_flops", point.softmax_flops},
                          {"softmax_bytes", point.softmax_bytes},
                          {"seconds", jsonNumber(point.seconds)}});
    }
    fmt::print("{}\n", nlohmann::json{{"computed", curve.computed}, {"points", std::move(points)}}.dump());
}

void printTable(const Curve& curve) {
    fmt::print("One token after so many others{}; twin: the same model with softmax attention in every layer\n"
               "{:>9} {:>12} {:>12} {:>7} {:>12} {:>12} {:>12}\n",
               curve.computed ? ", computed" : "", "context", "GFLOP", "twin", "ratio", "MB", "twin",
               "measured ms");
    for (const capture::CostPoint& point : curve.points) {
        fmt::print("{:>9} {:>12.5g} {:>12.5g} {:>7.3f} {:>12.5g} {:>12.5g} {:>12}\n", point.context,
                   point.hybrid_flops / 1e9, point.softmax_flops / 1e9, point.hybrid_flops / point.softmax_flops,
                   point.hybrid_bytes / 1e6, point.softmax_bytes / 1e6, figure(point.seconds * 1e3));
    }
}

void showCost(const CostOptions& options) {
    const Curve curve = curveOf(options);
    if (options.json) {
        printJson(curve);
    } else {
        printTable(curve);
    }
}

} // namespace

void addInspectCost(CLI::App& inspect) {
    auto options = std::make_shared<CostOptions>();
    CLI::App* command = inspect.add_subcommand("cost", "What one more token costs as the context grows");
    auto* model = command->add_option("--model", options->model, "Model folder; the included model unless given");
    addDeviceOption(*command, options->device);
    command->add_flag("--m1", options->m1, "MiniMax-M1's own shape, computed")->excludes(model);
    command->add_option("--last", options->last, "Longest context")
        ->check(CLI::Range(1, 1 << 30))
        ->capture_default_str();
    command->add_flag("--measure", options->measure, "Also time a decode step at each context");
    command->add_option("--repeats", options->repeats, "Steps of which the median is taken")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    command->add_option("--threads", options->threads, "Threads; 0 is one per core")->capture_default_str();
    command->add_flag("--json", options->json, "One JSON object instead of a table");
    command->footer("Examples:\n"
                    "  fulgurite-engine inspect cost --model DIR --measure\n"
                    "  fulgurite-engine inspect cost --m1 --last 1000000");
    command->callback([options] { showCost(*options); });
}

} // namespace fulgurite::app
