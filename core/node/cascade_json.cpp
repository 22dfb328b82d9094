// SPDX-License-Identifier: Apache-2.0
#include "core/node/cascade_json.h"

#include "core/base/base64.h"
#include "core/node/api_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

namespace fulgurite::node {

namespace {

using nlohmann::json;

constexpr std::size_t kMostTerms = 64;
constexpr std::size_t kMostStages = 16;
constexpr std::size_t kMostFolders = 1000;
constexpr std::size_t kMostTextBytes = 4096;
constexpr std::size_t kMostNameBytes = 255;
constexpr std::size_t kMostPictureBytes = std::size_t{16} << 20;
constexpr std::int64_t kMostKept = std::int64_t{1} << 40;
constexpr std::size_t kTopScores = 400;
constexpr double kNanoseconds = 1e9;
constexpr std::int64_t kMilliseconds = 1000;

const char* nameOf(cascade::ScanState::Phase phase) {
    return phase == cascade::ScanState::Phase::Paused ? "paused" : "running";
}

const char* nameOf(cascade::LedgerEntry::Kind kind) {
    constexpr std::array<const char*, 5> kNames{"ingest", "query", "text", "search", "evaluation"};
    return kNames[static_cast<std::size_t>(kind)];
}

json bandJson(double mean, double low, double high) {
    return {{"mean", mean}, {"low", low}, {"high", high}};
}

// Infinite or not a number: null, as JSON has neither.
json finite(double value) {
    return std::isfinite(value) ? json(value) : json();
}

// `order` is best first; what fell begins behind the images that go on.
json fellJson(const cascade::QueryOutcome& outcome, const cascade::StageResult& stage, std::size_t fell) {
    json list = json::array();
    for (std::size_t i = stage.out; i < stage.order.size() && i < stage.out + fell; ++i) {
        list.push_back(
            {{"image", outcome.ids[stage.order[i].index]}, {"rank", i + 1}, {"score", stage.order[i].score}});
    }
    return list;
}

json stageJson(const cascade::QueryOutcome& outcome, std::size_t place, std::size_t fell) {
    const cascade::StageResult& stage = outcome.result.stages[place];
    json top = json::array();
    for (std::size_t i = 0; i < std::min(stage.order.size(), kTopScores); ++i) {
        top.push_back(stage.order[i].score);
    }
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
            {"cut_score", stage.cut_score ? json(*stage.cut_score) : json()},
            {"cold_seconds", outcome.stage_cold_seconds[place]},
            {"histogram",
             {{"low", stage.histogram.low}, {"high", stage.histogram.high}, {"counts", stage.histogram.counts}}},
            {"fell", fellJson(outcome, stage, fell)},
            {"top_scores", std::move(top)}};
}

// Rank and score of an image at every stage that it reached, by its place in the library.
struct Passage {
    std::vector<std::size_t> ranks;
    std::vector<float> scores;
};

std::unordered_map<std::uint32_t, Passage> passagesOf(const cascade::QueryResult& result, std::size_t limit) {
    std::unordered_map<std::uint32_t, Passage> passages;
    for (std::size_t i = 0; i < std::min(limit, result.ranking.size()); ++i) {
        passages[result.ranking[i]];
    }
    for (const cascade::StageResult& stage : result.stages) {
        for (std::size_t i = 0; i < stage.order.size(); ++i) {
            if (const auto found = passages.find(stage.order[i].index); found != passages.end()) {
                found->second.ranks.push_back(i + 1);
                found->second.scores.push_back(stage.order[i].score);
            }
        }
    }
    return passages;
}

// Of a captions file: the variant's chain in words, "spyglass-s → spyglass-l, keep 50".
std::string variantName(const std::vector<cascade::QueryStage>& stages) {
    std::string names;
    std::string cuts;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        names += (i == 0 ? "" : " \u2192 ") + stages[i].encoder;
        if (i + 1 < stages.size()) {
            cuts += fmt::format("{}{}", cuts.empty() ? ", keep " : " / ", stages[i].keep);
        }
    }
    return stages.size() == 1 ? names + " alone" : names + cuts;
}

json stagesJson(const std::vector<cascade::QueryStage>& stages) {
    json list = json::array();
    for (std::size_t i = 0; i < stages.size(); ++i) {
        json entry{{"encoder", stages[i].encoder}};
        if (i + 1 < stages.size()) {
            entry["keep"] = stages[i].keep;
        }
        list.push_back(std::move(entry));
    }
    return list;
}

double sum(const std::vector<double>& values) {
    double total = 0;
    for (const double value : values) {
        total += value;
    }
    return total;
}

} // namespace

json libraryJson(cascade::LibraryService& service, const cascade::Library& library) {
    json entry{{"id", library.id},
               {"name", library.name},
               {"folders", library.folders},
               {"images", library.images},
               {"unreadable", library.unreadable},
               {"queries", library.queries},
               {"scan", nullptr},
               {"message", nullptr}};
    entry["vector_bytes"] = static_cast<std::uint64_t>(service.vectorBytes(library.id));
    const cascade::ScanState state = service.scanState(library.id);
    if (!state.message.empty()) {
        entry["message"] = state.message;
    }
    if (state.phase != cascade::ScanState::Phase::Idle) {
        const cascade::ScanProgress& progress = state.progress;
        const double rate = progress.seconds > 0 ? static_cast<double>(progress.done) / progress.seconds : 0;
        const auto left = static_cast<double>(progress.total - std::min(progress.done, progress.total));
        entry["scan"] = {{"state", nameOf(state.phase)},
                         {"done", progress.done},
                         {"total", progress.total},
                         {"rate", rate},
                         {"seconds_left", rate > 0 ? left / rate : 0}};
    }
    return entry;
}

json encoderJson(cascade::LibraryService& service, const cascade::EncoderInfo& encoder) {
    const std::optional<double> seconds = service.measuredSeconds(encoder.id);
    return {{"id", encoder.id},
            {"width", encoder.width},
            {"image_size", encoder.image_size},
            {"patch", encoder.patch},
            {"gflops_image", encoder.image_flops / 1e9},
            {"gflops_text", encoder.text_flops / 1e9},
            {"seconds_image", seconds ? json(*seconds) : json()}};
}

json imageJson(const cascade::ImageEntry& image) {
    return {{"id", image.id},
            {"path", image.path},
            {"width", image.width},
            {"height", image.height},
            {"bytes", image.bytes},
            {"modified", static_cast<std::int64_t>(static_cast<double>(image.modified) / kNanoseconds)}};
}

json queryJson(const cascade::QueryOutcome& outcome, std::size_t limit, std::size_t fell) {
    const cascade::QueryResult& result = outcome.result;
    double text_seconds = 0;
    json stages = json::array();
    for (std::size_t i = 0; i < result.stages.size(); ++i) {
        text_seconds += result.stages[i].text_seconds;
        stages.push_back(stageJson(outcome, i, fell));
    }
    auto passages = passagesOf(result, limit);
    json results = json::array();
    for (std::size_t i = 0; i < std::min(limit, result.ranking.size()); ++i) {
        Passage& passage = passages[result.ranking[i]];
        results.push_back({{"image", outcome.ids[result.ranking[i]]},
                           {"path", i < outcome.entries.size() ? outcome.entries[i].path : std::string()},
                           {"score", passage.scores.empty() ? 0 : passage.scores.back()},
                           {"ranks", std::move(passage.ranks)},
                           {"scores", std::move(passage.scores)}});
    }
    return {{"query", outcome.query},
            {"images", result.images},
            {"seconds", result.seconds},
            {"text_seconds", text_seconds},
            {"cold_seconds", outcome.cold_seconds},
            {"warm_seconds", outcome.warm_seconds},
            {"stages", std::move(stages)},
            {"results", std::move(results)}};
}

json ledgerJson(const cascade::LedgerReport& report) {
    const auto images = static_cast<double>(report.images);
    double fraction = 0; // by the dearer encoder that has met most
    if (!report.curve.empty()) {
        for (const double share : report.curve.back().touched) {
            fraction = std::max(fraction, share);
        }
    }
    double seconds = 0;
    double flops = 0;
    for (const cascade::EncoderTotals& total : report.totals) {
        seconds += total.seconds;
        flops += total.flops;
    }
    json stages = json::array();
    for (const cascade::EncoderTotals& total : report.totals) {
        stages.push_back({{"encoder", total.encoder},
                          {"encoded", total.encoded},
                          {"seconds", total.seconds},
                          {"flops", total.flops},
                          {"bytes", static_cast<std::uint64_t>(total.bytes)},
                          {"share", seconds > 0 ? total.seconds / seconds : 0},
                          {"touched", images > 0 ? static_cast<double>(total.encoded) / images : 0}});
    }
    json curve = json::array();
    for (const cascade::LedgerPoint& point : report.curve) {
        curve.push_back({{"query", point.query},
                         {"seconds", point.seconds},
                         {"flops", point.flops},
                         {"touched", point.touched}});
    }
    json entries = json::array();
    for (const cascade::LedgerEntry& entry : report.entries) {
        entries.push_back({{"kind", nameOf(entry.kind)},
                           {"query", entry.query},
                           {"time", entry.time / kMilliseconds},
                           {"text", entry.text},
                           {"stage", entry.stage},
                           {"encoder", entry.encoder},
                           {"items", entry.items},
                           {"cached", entry.cached},
                           {"seconds", entry.seconds},
                           {"flops", entry.flops},
                           {"bytes", static_cast<std::uint64_t>(entry.bytes)}});
    }
    const double all_seconds = report.seconds_each.empty() ? 0 : images * report.seconds_each.back();
    const double all_flops = report.flops_each.empty() ? 0 : images * report.flops_each.back();
    return {{"since", report.since / kMilliseconds},
            {"queries", report.queries},
            {"images", report.images},
            {"stages", std::move(stages)},
            {"factor",
             {{"seconds", seconds > 0 ? all_seconds / seconds : 0}, {"flops", flops > 0 ? all_flops / flops : 0}}},
            {"closed",
             {{"seconds", cascade::lifetimeFactor(report.seconds_each, fraction)},
              {"flops", cascade::lifetimeFactor(report.flops_each, fraction)},
              {"f", fraction}}},
            {"everything", {{"seconds", all_seconds}, {"flops", all_flops}}},
            {"break_even", {{"query", finite(report.break_even)}, {"fit", "as repetitive as so far"}}},
            {"curve", std::move(curve)},
            {"entries", std::move(entries)}};
}

json simulationJson(const cascade::Simulation& simulation, std::size_t first_cut,
                    const cascade::StageCosts& stage_costs) {
    const auto n = static_cast<double>(simulation.images);
    const std::vector<double>& costs = stage_costs.each;
    const double first = costs.empty() ? 0 : costs.front();
    json curve = json::array();
    json closed = json::array();
    for (const cascade::SimulationPoint& point : simulation.points) {
        const cascade::Band touched = point.touched.empty() ? cascade::Band{} : point.touched.front();
        cascade::Band cost{n * first, n * first, n * first};
        for (std::size_t i = 0; i < point.touched.size() && i + 1 < costs.size(); ++i) {
            cost.mean += n * point.touched[i].mean * costs[i + 1];
            cost.low += n * point.touched[i].low * costs[i + 1];
            cost.high += n * point.touched[i].high * costs[i + 1];
        }
        curve.push_back({{"query", point.query},
                         {"touched", bandJson(touched.mean, touched.low, touched.high)},
                         {"cost", bandJson(cost.mean, cost.low, cost.high)}});
        // The closed form charges every later stage with the share of the first cut.
        const double random =
            cascade::randomTouched(simulation.images, first_cut, static_cast<double>(point.query));
        const double charged = n * (first + touched.mean * (sum(costs) - first));
        closed.push_back({{"query", point.query},
                          {"touched", bandJson(random, random, random)},
                          {"cost", bandJson(charged, charged, charged)}});
    }
    return {{"images", simulation.images},
            {"unit", stage_costs.measured ? "s" : "FLOP"},
            {"everything", costs.empty() ? 0 : n * costs.back()},
            {"curve", std::move(curve)},
            {"closed", std::move(closed)}};
}

json evaluationJson(const cascade::EvaluationResult& result, std::size_t front_from) {
    json rows = json::array();
    json front = json::array();
    for (std::size_t i = 0; i < result.rows.size(); ++i) {
        const cascade::EvaluationRow& row = result.rows[i];
        if (i >= front_from) {
            json keep = json::array();
            for (std::size_t stage = 0; stage + 1 < row.stages.size(); ++stage) {
                keep.push_back(row.stages[stage].keep);
            }
            const auto first = row.recall.find(1);
            front.push_back({{"keep", std::move(keep)},
                             {"recall1", first == row.recall.end() ? 0 : first->second.mean},
                             {"factor", row.factor}});
            continue;
        }
        json recall = json::object();
        for (const auto& [k, share] : row.recall) {
            recall[std::to_string(k)] = {share.mean, share.low, share.high};
        }
        rows.push_back({{"variant", variantName(row.stages)},
                        {"stages", stagesJson(row.stages)},
                        {"recall", std::move(recall)},
                        {"factor", row.factor},
                        {"flops_factor", row.flops_factor},
                        {"own_factor", row.own_factor},
                        {"own_flops_factor", row.own_flops_factor},
                        {"touched", row.touched},
                        {"cold_seconds", row.cold_seconds},
                        {"ingest_seconds", row.ingest_seconds}});
    }
    return {{"captions", result.captions},
            {"images", result.images},
            {"reference", result.reference},
            {"rows", std::move(rows)},
            {"front", std::move(front)}};
}

std::vector<cascade::QueryStage> readStages(const json& list, const std::string& path) {
    if (list.empty() || list.size() > kMostStages) {
        refuse(path, fmt::format("must hold 1 to {} stages", kMostStages));
    }
    std::vector<cascade::QueryStage> stages;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string here = fmt::format("{}[{}]", path, i);
        ObjectReader reader(list[i], here);
        cascade::QueryStage stage;
        const auto encoder = reader.string("encoder");
        if (!encoder) {
            refuse(here + ".encoder",
                   "is missing: the name of an encoder, as GET /fulgurite/v1/encoders lists them");
        }
        stage.encoder = *encoder;
        const auto keep = reader.integer("keep", 1, kMostKept);
        if (!keep && i + 1 < list.size()) {
            refuse(here + ".keep", "is missing: how many images go on to the next stage");
        }
        stage.keep = static_cast<std::size_t>(keep.value_or(0));
        reader.finish();
        stages.push_back(std::move(stage));
    }
    return stages;
}

std::vector<cascade::QueryTerm> readTerms(const json& list, const std::string& path) {
    if (list.empty() || list.size() > kMostTerms) {
        refuse(path, fmt::format("must hold 1 to {} terms", kMostTerms));
    }
    std::vector<cascade::QueryTerm> terms;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string here = fmt::format("{}[{}]", path, i);
        ObjectReader reader(list[i], here);
        cascade::QueryTerm term;
        const auto text = reader.string("text");
        const auto image = reader.integer("image", 1, INT64_MAX);
        const auto picture = reader.string("picture");
        const auto name = reader.string("name");
        if (int{text.has_value()} + int{image.has_value()} + int{picture.has_value()} != 1 ||
            (text && text->empty())) {
            refuse(here, "must have one of 'text', 'image' and 'picture'");
        }
        if (text && text->size() > kMostTextBytes) {
            refuse(here + ".text", fmt::format("is longer than {} bytes", kMostTextBytes));
        }
        term.text = picture ? name.value_or("").substr(0, kMostNameBytes) : text.value_or("");
        if (picture) {
            const auto bytes = fromBase64(*picture);
            if (!bytes || bytes->empty() || bytes->size() > kMostPictureBytes) {
                refuse(here + ".picture", fmt::format("must be the base64 of a JPEG, PNG or WebP of at most {} MiB",
                                                      kMostPictureBytes >> 20));
            }
            term.picture = *bytes;
        }
        term.image = image.value_or(0);
        term.weight = reader.number("weight", -100, 100).value_or(1);
        reader.finish();
        terms.push_back(std::move(term));
    }
    return terms;
}

std::vector<std::string> readFolders(const json& list, const std::string& path) {
    if (list.size() > kMostFolders) {
        refuse(path, fmt::format("must hold at most {} folders", kMostFolders));
    }
    std::vector<std::string> folders;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!list[i].is_string() || list[i].get_ref<const std::string&>().empty()) {
            refuse(fmt::format("{}[{}]", path, i), "must be the path of a folder");
        }
        folders.push_back(list[i].get<std::string>());
    }
    return folders;
}

} // namespace fulgurite::node
