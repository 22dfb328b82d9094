// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine cascade eval`: recall and cost of cascades over captioned images, in the form of the paper's
// tables.
#include "app/engine/cascade.h"
#include "app/engine/cascade_library.h"
#include "core/base/error.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace fulgurite::app {

namespace {

struct CascadeEvalOptions {
    LibraryOptions common;
    std::string captions;
    std::vector<std::string> stages;
    cascade::EvaluationSettings settings;
};

// Every encoder alone, then every cascade that was asked for: unless given, all encoders before the last one or
// two.
std::vector<std::vector<cascade::QueryStage>> variantsOf(const CascadeEvalOptions& options,
                                                         const cascade::EncoderSet& encoders) {
    std::vector<std::vector<cascade::QueryStage>> variants;
    const auto& list = encoders.list();
    for (const cascade::EncoderInfo& info : list) {
        variants.push_back({{info.id, 0}});
    }
    for (const std::string& text : options.stages) {
        variants.push_back(parseStages(text, encoders));
    }
    if (options.stages.empty() && list.size() >= 2) {
        variants.push_back({{list.front().id, 50}, {list.back().id, 0}});
        if (list.size() >= 3) {
            variants.push_back({{list[0].id, 50}, {list[1].id, 0}});
            variants.push_back({{list[0].id, 50}, {list[1].id, 10}, {list[2].id, 0}});
        }
    }
    return variants;
}

void showShare(double share) {
    if (::isatty(STDERR_FILENO) != 0) {
        fmt::print(stderr, "\r{:.0f} % of the captions ", 100 * share);
    }
}

void printTable(const cascade::EvaluationResult& result, double fraction) {
    fmt::print(
        "{} captions over {} images; f = {:g}; lifetime: against every image by {}, F: by the row's own last "
        "encoder\n{:<44} {:>17} {:>6} {:>6} {:>9} {:>9} {:>7} {:>9} {:>10}\n",
        result.captions, result.images, fraction, result.reference, "variant", "R@1 (95 %)", "R@5", "R@10",
        "lifetime", "by FLOP", "F", "ingest", "cold query");
    for (const cascade::EvaluationRow& row : result.rows) {
        const cascade::Recall& first = row.recall.at(1);
        fmt::print("{:<44} {:>5.1f} ({:.1f}-{:.1f}) {:>6.1f} {:>6.1f} {:>8.2f}x {:>8.2f}x {:>6.2f}x {:>7.1f} s "
                   "{:>7.1f} ms\n",
                   stagesText(row.stages), 100 * first.mean, 100 * first.low, 100 * first.high,
                   100 * row.recall.at(5).mean, 100 * row.recall.at(10).mean, row.factor, row.flops_factor,
                   row.own_factor, row.ingest_seconds, row.cold_seconds * 1e3);
    }
    for (const auto& [encoder, seconds] : result.seconds_each) {
        fmt::print("t({}) = {:.3f} ms an image, measured\n", encoder, seconds * 1e3);
    }
}

void printJson(const cascade::EvaluationResult& result, double fraction) {
    nlohmann::json rows = nlohmann::json::array();
    for (const cascade::EvaluationRow& row : result.rows) {
        nlohmann::json recall;
        for (const auto& [k, value] : row.recall) {
            recall[std::to_string(k)] = {value.mean, value.low, value.high};
        }
        rows.push_back({{"variant", stagesText(row.stages)},
                        {"stages", stagesJson(row.stages)},
                        {"recall", recall},
                        {"factor", row.factor},
                        {"flops_factor", row.flops_factor},
                        {"own_factor", row.own_factor},
                        {"own_flops_factor", row.own_flops_factor},
                        {"touched", row.touched},
                        {"ingest_seconds", row.ingest_seconds},
                        {"cold_seconds", row.cold_seconds}});
    }
    fmt::print("{}\n", nlohmann::json{{"captions", result.captions},
                                      {"images", result.images},
                                      {"f", fraction},
                                      {"reference", result.reference},
                                      {"seconds_each", result.seconds_each},
                                      {"rows", rows}}
                           .dump());
}

void evaluate(CascadeEvalOptions options) {
    const auto service = openLibraries(options.common);
    const cascade::Library library = findLibrary(*service, options.common.library);
    options.settings.captions = cascade::readCaptions(options.captions);
    options.settings.variants = variantsOf(options, service->encoders());
    cascade::EvaluationHooks hooks = service->evaluationHooks(library.id);
    hooks.progress = showShare;
    cascade::EvaluationResult result;
    service->withSearch(library.id, [&](const cascade::SearchContext& context) {
        result = cascade::evaluate(options.settings, context, hooks);
    });
    options.common.json ? printJson(result, options.settings.fraction)
                        : printTable(result, options.settings.fraction);
}

} // namespace

void addCascadeEval(CLI::App& cascade) {
    auto options = std::make_shared<CascadeEvalOptions>();
    CLI::App* command = cascade.add_subcommand("eval", "Recall and cost of cascades over captioned images");
    addLibraryOptions(*command, options->common);
    command->add_option("--captions", options->captions, "One {\"file\": ..., \"caption\": ...} a line")
        ->required();
    command->add_option("--stages", options->stages, "A cascade as for `query`; may be given several times")
        ->allow_extra_args(false);
    command->add_option("--limit", options->settings.limit, "Captions at most; 0: all")->capture_default_str();
    command->add_option("--prefix", options->settings.prefix, "Put before every caption");
    command
        ->add_option("--f", options->settings.fraction,
                     "Share of the images that reach the second stage over all time")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    command->footer("Encodes every image by every encoder, once; the ledger enters that as evaluation.\n"
                    "Example:\n"
                    "  fulgurite-engine cascade eval --data DIR --captions DIR/captions.jsonl --stages "
                    "spyglass-s:50,spyglass-l");
    command->callback([options] { evaluate(*options); });
}

} // namespace fulgurite::app
