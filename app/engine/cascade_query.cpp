// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine cascade query`: one search, with what every stage did.
#include "app/engine/cascade.h"
#include "app/engine/cascade_library.h"
#include "core/base/error.h"
#include "core/base/json.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace fulgurite::app {

namespace {

struct CascadeQueryOptions {
    LibraryOptions common;
    std::string text;
    std::vector<std::string> more;
    std::vector<std::string> like;
    std::vector<std::string> like_files;
    std::string stages;
    std::string prefix;
    std::size_t top = 10;
    bool dry = false;
};

// "WEIGHT:TEXT" or "WEIGHT:IMAGE".
std::pair<double, std::string> weighted(const std::string& text) {
    const std::size_t colon = text.find(':');
    double weight = 0;
    const char* end = text.data() + std::min(colon, text.size());
    const char* begin = text.data() + (!text.empty() && text.front() == '+' ? 1 : 0);
    const auto [last, code] = std::from_chars(begin, end, weight);
    if (colon == std::string::npos || code != std::errc() || last != end) {
        fail(ErrorKind::InvalidInput, "'{}': expected WEIGHT:WHAT, for example -0.5:snow", text);
    }
    return {weight, text.substr(colon + 1)};
}

std::vector<cascade::QueryTerm> termsOf(const CascadeQueryOptions& options) {
    std::vector<cascade::QueryTerm> terms;
    if (!options.text.empty()) {
        terms.push_back({options.text, 0, 1});
    }
    for (const std::string& term : options.more) {
        const auto [weight, text] = weighted(term);
        terms.push_back({text, 0, weight});
    }
    for (const std::string& term : options.like) {
        const auto [weight, image] = weighted(term);
        terms.push_back({"", std::atoll(image.c_str()), weight});
    }
    for (const std::string& term : options.like_files) {
        const auto [weight, file] = weighted(term);
        const auto bytes = image::readImageFile(file);
        terms.push_back({std::filesystem::path(file).filename().string(), 0, weight,
                         std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())});
    }
    return terms;
}

// Rank and score that each stage gave to an image, as far as it came.
struct Way {
    std::vector<std::size_t> ranks;
    std::vector<float> scores;
};

Way wayOf(const cascade::QueryResult& result, std::uint32_t index) {
    Way way;
    for (const cascade::StageResult& stage : result.stages) {
        const auto found =
            std::find_if(stage.order.begin(), stage.order.end(),
                         [index](const cascade::ScoredImage& image) { return image.index == index; });
        if (found == stage.order.end()) {
            break;
        }
        way.ranks.push_back(static_cast<std::size_t>(found - stage.order.begin()) + 1);
        way.scores.push_back(found->score);
    }
    return way;
}

nlohmann::json stageJson(const cascade::StageResult& stage) {
    return {{"encoder", stage.encoder},
            {"in", stage.in},
            {"out", stage.out},
            {"seconds", stage.seconds + stage.text_seconds + stage.encode_seconds},
            {"encode_seconds", stage.encode_seconds},
            {"text_seconds", stage.text_seconds},
            {"search_seconds", stage.seconds},
            {"flops", stage.encode_flops},
            {"text_flops", stage.text_flops},
            {"search_flops", stage.search_flops},
            {"encoded", stage.encoded},
            {"cached", stage.cached},
            {"missing", stage.missing},
            {"cut_score", stage.cut_score ? nlohmann::json(*stage.cut_score) : nlohmann::json()}};
}

void printJson(const cascade::QueryOutcome& outcome) {
    nlohmann::json stages = nlohmann::json::array();
    for (const cascade::StageResult& stage : outcome.result.stages) {
        stages.push_back(stageJson(stage));
    }
    nlohmann::json results = nlohmann::json::array();
    for (std::size_t i = 0; i < outcome.entries.size(); ++i) {
        const Way way = wayOf(outcome.result, outcome.result.ranking[i]);
        results.push_back({{"image", outcome.entries[i].id},
                           {"path", outcome.entries[i].path},
                           {"ranks", way.ranks},
                           {"scores", way.scores}});
    }
    const nlohmann::json all{{"query", outcome.query},
                             {"images", outcome.result.images},
                             {"seconds", outcome.result.seconds},
                             {"cold_seconds", outcome.cold_seconds},
                             {"warm_seconds", outcome.warm_seconds},
                             {"stages", stages},
                             {"results", results}};
    fmt::print("{}\n", dumpJson(all));
}

void printTable(const cascade::QueryOutcome& outcome) {
    fmt::print("{} images, {:.1f} ms (with everything encoded {:.1f} ms, with nothing {:.1f} ms)\n",
               outcome.result.images, outcome.result.seconds * 1e3, outcome.warm_seconds * 1e3,
               outcome.cold_seconds * 1e3);
    fmt::print("{:<16} {:>8} {:>8} {:>9} {:>9} {:>11} {:>10} {:>10}\n", "stage", "in", "out", "encoded", "cached",
               "encoding", "search", "GFLOP");
    for (const cascade::StageResult& stage : outcome.result.stages) {
        fmt::print("{:<16} {:>8} {:>8} {:>9} {:>9} {:>8.1f} ms {:>7.2f} ms {:>10.3f}\n", stage.encoder, stage.in,
                   stage.out, stage.encoded, stage.cached, stage.encode_seconds * 1e3,
                   (stage.seconds + stage.text_seconds) * 1e3,
                   (stage.text_flops + stage.encode_flops + stage.search_flops) / 1e9);
    }
    for (std::size_t i = 0; i < outcome.entries.size(); ++i) {
        const Way way = wayOf(outcome.result, outcome.result.ranking[i]);
        std::string ranks;
        for (const std::size_t rank : way.ranks) {
            ranks += (ranks.empty() ? "" : " -> ") + std::to_string(rank);
        }
        fmt::print("{:>4}  {:<18} {:>7.4f}  {}\n", i + 1, ranks, way.scores.empty() ? 0.0f : way.scores.back(),
                   outcome.entries[i].path);
    }
}

void query(const CascadeQueryOptions& options) {
    const auto service = openLibraries(options.common);
    const cascade::Library library = findLibrary(*service, options.common.library);
    cascade::QueryRequest request;
    request.terms = termsOf(options);
    request.stages = parseStages(options.stages, service->encoders());
    request.depth = options.top;
    request.prefix = options.prefix;
    const cascade::QueryOutcome outcome = service->query(library.id, request, !options.dry);
    options.common.json ? printJson(outcome) : printTable(outcome);
}

} // namespace

void addCascadeQuery(CLI::App& cascade) {
    auto options = std::make_shared<CascadeQueryOptions>();
    CLI::App* command = cascade.add_subcommand("query", "Search a library by text");
    command->add_option("text", options->text, "What the image shows");
    addLibraryOptions(*command, options->common);
    command
        ->add_option("--term", options->more,
                     "Another text with a weight, as WEIGHT:TEXT; a negative one leads away")
        ->allow_extra_args(false);
    command->add_option("--like", options->like, "An image of the library with a weight, as WEIGHT:IMAGE")
        ->allow_extra_args(false);
    command
        ->add_option("--like-file", options->like_files,
                     "A picture that is in no library with a weight, as WEIGHT:FILE")
        ->allow_extra_args(false);
    command->add_option("--stages", options->stages,
                        "ENCODER:IMAGES,...: how many images each hands on; all encoders with 50, 10 unless given");
    command->add_option("--prefix", options->prefix, "Put before every text, such as \"a photo of \"");
    command->add_option("--top", options->top, "Images of the ranking")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str();
    command->add_flag("--dry", options->dry,
                      "Leave no query in the ledger; what it encodes is kept and entered all the same");
    command->footer("Examples:\n"
                    "  fulgurite-engine cascade query --data DIR \"three red apples\"\n"
                    "  fulgurite-engine cascade query --data DIR \"a dog\" --term -0.5:snow --like 0.3:17 --json\n"
                    "  fulgurite-engine cascade query --data DIR \"a cat\" --stages spyglass-s:100,spyglass-l");
    command->callback([options] { query(*options); });
}

} // namespace fulgurite::app
