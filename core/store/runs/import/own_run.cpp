// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/import/own_run.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"
#include "core/base/json_field.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

namespace fs = std::filesystem;

constexpr const char* description_name = "run.json";
constexpr const char* metrics_name = "metrics.jsonl";
constexpr const char* rollouts_name = "rollouts.jsonl";
constexpr double most_exponent = 20; // of a ratio, as trainers cut it

// Numbers of one array of `meta`, one a token; a shorter or missing array leaves NaN.
std::vector<double> numbersOf(const nlohmann::json& meta, const char* key, std::size_t count) {
    std::vector<double> numbers(count, std::nan(""));
    const auto found = meta.find(key);
    if (found == meta.end() || !found->is_array())
        return numbers;
    for (std::size_t i = 0; i < std::min(count, found->size()); ++i) {
        if ((*found)[i].is_number())
            numbers[i] = (*found)[i].get<double>();
    }
    return numbers;
}

void takeTokens(nlohmann::json& meta, RunSample& sample) {
    const auto texts = meta.find("texts");
    if (texts == meta.end() || !texts->is_array())
        return;
    const std::size_t count = texts->size();
    const std::vector<double> ids = numbersOf(meta, "tokens", count);
    const std::vector<double> old = numbersOf(meta, "logp_old", count);
    const std::vector<double> now = numbersOf(meta, "logp", count);
    const std::vector<double> weights = numbersOf(meta, "weight", count);
    const std::vector<double> capped = numbersOf(meta, "capped", count);
    for (std::size_t i = 0; i < count; ++i) {
        RolloutToken token;
        token.id = std::isfinite(ids[i]) ? static_cast<TokenId>(ids[i]) : 0;
        token.bytes = (*texts)[i].is_string() ? (*texts)[i].get<std::string>() : "";
        token.logprob = static_cast<float>(old[i]);
        const double exponent = std::clamp(now[i] - old[i], -most_exponent, most_exponent);
        token.ratio = std::isnan(exponent) ? 1 : static_cast<float>(std::exp(exponent));
        token.weight = std::isnan(weights[i]) ? token.ratio : static_cast<float>(weights[i]);
        token.capped = capped[i] > 0;
        sample.tokens.push_back(std::move(token));
    }
    for (const char* key : {"texts", "tokens", "logp_old", "logp", "weight", "capped"})
        meta.erase(key);
}

} // namespace

std::vector<fs::path> ownRunFiles(const fs::path& folder) {
    std::vector<fs::path> files;
    if (!fs::is_regular_file(folder / description_name) || !fs::is_regular_file(folder / metrics_name))
        return files;
    files.push_back(folder / metrics_name);
    if (fs::is_regular_file(folder / rollouts_name))
        files.push_back(folder / rollouts_name);
    return files;
}

RunSample rolloutOf(const nlohmann::json& json, const std::string& where) {
    const JsonField row(json, where);
    RunSample sample;
    sample.step = row["step"].integer(0, run_step_limit);
    sample.prompt = row["prompt"].string();
    sample.completion = row["completion"].string();
    const auto number = [&](const char* key) {
        const auto found = json.find(key);
        return found != json.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
    };
    sample.reward = number("reward");
    sample.advantage = number("advantage");
    nlohmann::json meta = json.value("meta", nlohmann::json::object());
    if (!meta.is_object())
        fail(ErrorKind::InvalidInput, "{}: meta is no object", where);
    const auto group = meta.find("prompt_index");
    sample.group = group != meta.end() && group->is_number_integer() ? group->get<std::int64_t>() : 0;
    takeTokens(meta, sample);
    sample.meta_json = meta.dump();
    return sample;
}

bool isRolloutFile(const fs::path& file) {
    return file.filename() == rollouts_name;
}

OwnRunDescription describeOwnRun(const fs::path& folder) {
    const std::string name = (folder / description_name).string();
    OwnRunDescription description;
    description.config_json = readTextFile(folder / description_name);
    const nlohmann::json json = parseJson(description.config_json, name);
    if (!json.is_object())
        fail(ErrorKind::Corrupt, "{}: is no JSON object", name);
    description.algo = json.value("method", "");
    if (const auto objective = json.find("objective"); objective != json.end() && objective->is_object())
        description.algo = objective->value("loss", description.algo);
    if (const auto seed = json.find("seed"); seed != json.end() && seed->is_number_integer())
        description.seed = seed->get<std::int64_t>();
    return description;
}

void RolloutLinesParser::line(std::string_view text, bool whole, LogSink& sink) {
    if (!whole)
        return;
    const std::string where = fmt::format("line {}", lineNumber());
    try {
        sink.sample(rolloutOf(parseJson(text, where), where));
    } catch (const std::exception& error) { // a damaged line costs that line alone
        sink.skipped(error.what());
    }
}

} // namespace fulgurite
