// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect heads`: figures of every head at one token of a capture.
#include "app/engine/capture_text.h"
#include "app/engine/inspect.h"
#include "core/base/error.h"
#include "core/base/json.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

using capture::HeadFigures;

struct Column {
    const char* name;
    float HeadFigures::*value;
};

constexpr Column kColumns[] = {{"half_life", &HeadFigures::half_life},
                               {"output_norm", &HeadFigures::output_norm},
                               {"gate_mean", &HeadFigures::gate_mean},
                               {"block_share", &HeadFigures::block_share},
                               {"logit_effect", &HeadFigures::logit_effect},
                               {"entropy", &HeadFigures::entropy},
                               {"effective_span", &HeadFigures::effective_span},
                               {"mean_distance", &HeadFigures::mean_distance},
                               {"mrag_importance", &HeadFigures::mrag_importance},
                               {"previous_token", &HeadFigures::previous_token},
                               {"induction", &HeadFigures::induction},
                               {"planted_fact", &HeadFigures::planted_fact}};

struct HeadsOptions {
    CaptureInput input;
    std::optional<std::size_t> position;
    std::string sort;
    std::size_t count = 0;
};

// By falling magnitude; heads for which the figure is not defined come last.
void sortBy(std::vector<HeadFigures>& heads, const std::string& name) {
    const auto* column =
        std::find_if(std::begin(kColumns), std::end(kColumns), [&](const Column& c) { return name == c.name; });
    const auto size = [value = column->value](const HeadFigures& head) {
        return std::isnan(head.*value) ? -1.0f : std::abs(head.*value);
    };
    std::stable_sort(heads.begin(), heads.end(),
                     [&](const HeadFigures& a, const HeadFigures& b) { return size(a) > size(b); });
}

nlohmann::json toJson(const capture::CaptureFile& file, const capture::HeadTable& table) {
    nlohmann::json heads = nlohmann::json::array();
    for (const HeadFigures& head : table.heads) {
        nlohmann::json entry{{"layer", head.head.layer},
                             {"head", head.head.head},
                             {"kind", head.kind == LayerKind::Softmax ? "softmax" : "lightning"}};
        for (const Column& column : kColumns) {
            entry[column.name] = jsonNumber(head.*column.value);
        }
        heads.push_back(std::move(entry));
    }
    return {{"position", table.position},
            {"target", table.target},
            {"target_text", file.textOf(table.target)},
            {"heads", std::move(heads)}};
}

void printTable(const capture::CaptureFile& file, const capture::HeadTable& table) {
    fmt::print("token {}; effects are on the logit of {}\n{:>5} {:>4}", table.position,
               quotedToken(file.textOf(table.target)), "layer", "head");
    for (const Column& column : kColumns) {
        fmt::print(" {:>15}", column.name);
    }
    fmt::print("\n");
    for (const HeadFigures& head : table.heads) {
        fmt::print("{:>5} {:>4}", head.head.layer, head.head.head);
        for (const Column& column : kColumns) {
            fmt::print(" {:>15}", figure(head.*column.value));
        }
        fmt::print("\n");
    }
}

void showHeads(const HeadsOptions& options) {
    const auto file = capture::CaptureFile::open(options.input.file);
    capture::HeadTable table = file->heads(positionIn(*file, options.position));
    if (!options.sort.empty()) {
        sortBy(table.heads, options.sort);
    }
    if (options.count > 0) {
        table.heads.resize(std::min(options.count, table.heads.size()));
    }
    if (options.input.json) {
        fmt::print("{}\n", dumpJson(toJson(*file, table)));
    } else {
        printTable(*file, table);
    }
}

} // namespace

void addInspectHeads(CLI::App& inspect) {
    auto options = std::make_shared<HeadsOptions>();
    CLI::App* command = inspect.add_subcommand("heads", "Figures of every head at one token of a capture");
    addCaptureInput(*command, options->input);
    command->add_option("--position", options->position, "Token, from 0; the last one unless given");
    std::vector<std::string> names;
    for (const Column& column : kColumns) {
        names.emplace_back(column.name);
    }
    command->add_option("--sort", options->sort, "Figure to sort by, largest magnitude first")
        ->check(CLI::IsMember(names));
    command->add_option("--count", options->count, "Only so many heads; 0 is all");
    command->footer("Example:\n  fulgurite-engine inspect heads --capture q.fcap --sort planted_fact --count 5");
    command->callback([options] { showHeads(*options); });
}

} // namespace fulgurite::app
