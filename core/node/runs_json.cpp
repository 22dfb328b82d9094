// SPDX-License-Identifier: Apache-2.0
#include "core/node/runs_json.h"

#include "core/node/api_error.h"
#include "core/node/json_text.h"
#include "core/store/runs/metric_names.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace fulgurite::node {

namespace {

constexpr std::size_t kLongestTag = 128;
constexpr std::size_t kMostTags = 100;
constexpr std::size_t kMostTokens = 1 << 20;
constexpr std::int64_t kMaxGroup = std::int64_t{1} << 40;
constexpr std::int64_t kMaxToken = INT32_MAX;

template <class T>
nlohmann::json orNull(const std::optional<T>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
}

nlohmann::json numberOrNull(const std::optional<double>& value) {
    return value ? numberJson(*value) : nlohmann::json();
}

std::optional<double> readOptionalNumber(ObjectReader& reader, std::string_view key) {
    const nlohmann::json* value = reader.find(key);
    return value ? std::optional(readNumber(*value, reader.pathOf(key))) : std::nullopt;
}

RolloutToken readToken(const nlohmann::json& value, const std::string& path) {
    ObjectReader reader(value, path);
    RolloutToken token;
    token.id = static_cast<TokenId>(reader.integer("id", 0, kMaxToken).value_or(0));
    token.bytes = reader.string("text").value_or("");
    if (const nlohmann::json* bytes = reader.array("bytes")) {
        token.bytes.clear();
        for (const nlohmann::json& byte : *bytes) {
            if (!byte.is_number_integer() || byte < 0 || byte > 255)
                refuse(reader.pathOf("bytes"), "must be a list of numbers from 0 to 255");
            token.bytes.push_back(static_cast<char>(byte.get<int>()));
        }
    }
    token.logprob = static_cast<float>(readOptionalNumber(reader, "logprob").value_or(0));
    token.ratio = static_cast<float>(readOptionalNumber(reader, "ratio").value_or(1));
    token.weight = static_cast<float>(readOptionalNumber(reader, "weight").value_or(token.ratio));
    token.capped = reader.boolean("capped").value_or(token.weight != token.ratio);
    reader.finish();
    return token;
}

nlohmann::json toJson(const RolloutToken& token) {
    nlohmann::json json{{"id", token.id},
                        {"text", token.bytes},
                        {"logprob", numberJson(token.logprob)},
                        {"ratio", numberJson(token.ratio)},
                        {"weight", numberJson(token.weight)},
                        {"capped", token.capped}};
    if (!isUtf8(token.bytes))
        json["bytes"] = byteList(token.bytes);
    return json;
}

} // namespace

nlohmann::json numberJson(double value) {
    if (std::isnan(value))
        return {};
    if (std::isinf(value))
        return value > 0 ? "inf" : "-inf";
    return value;
}

double readNumber(const nlohmann::json& value, const std::string& path) {
    if (value.is_number())
        return value.get<double>();
    if (value.is_null() || value == "nan")
        return std::numeric_limits<double>::quiet_NaN();
    if (value == "inf" || value == "-inf")
        return value == "inf" ? INFINITY : -INFINITY;
    refuse(path, "must be a number, null, \"nan\", \"inf\" or \"-inf\"");
}

nlohmann::json toJson(const RunRecord& run) {
    return {{"id", run.id},
            {"uuid", run.uuid},
            {"project", run.project},
            {"name", run.name},
            {"source", run.source},
            {"source_uri", run.source_uri},
            {"algo", run.algo},
            {"created_us", run.created_us},
            {"ended_us", orNull(run.ended_us)},
            {"status", nameOf(run.status)},
            {"parent", orNull(run.parent)},
            {"seed", orNull(run.seed)},
            {"notes", run.notes},
            {"tags", run.tags},
            {"last_step", orNull(run.last_step)},
            {"series", run.series},
            {"points", run.points},
            {"generation", run.generation},
            {"alive", run.alive}};
}

nlohmann::json toJson(const SeriesRecord& series) {
    return {{"id", series.id},
            {"name", series.name},
            {"canonical", series.canonical},
            {"definition", meaningOfMetric(series.name).definition},
            {"clock", series.kind == SeriesKind::Clock},
            {"points", series.points},
            {"min_step", orNull(series.min_step)},
            {"max_step", orNull(series.max_step)},
            {"last", numberOrNull(series.last_value)},
            {"min", numberOrNull(series.min_value)},
            {"max", numberOrNull(series.max_value)},
            {"nan", series.nan},
            {"infinite", series.infinite},
            {"overwritten", series.overwritten}};
}

nlohmann::json toJson(const StepMark& mark) {
    return {{"step", mark.step},
            {"wall_us", orNull(mark.wall_us)},
            {"tokens", orNull(mark.tokens)},
            {"epoch", numberOrNull(mark.epoch)}};
}

nlohmann::json toJson(const SeriesView& view) {
    nlohmann::json columns = nlohmann::json::array();
    for (const SeriesColumn& column : view.columns) {
        const PointSummary& s = column.summary;
        columns.push_back({column.begin, column.end, s.n, s.nan, s.positive_infinite, s.negative_infinite,
                           numberJson(s.minimum), numberJson(s.maximum), numberJson(s.sum), numberJson(s.first),
                           numberJson(s.last)});
    }
    return {{"exact", view.exact}, {"columns", std::move(columns)}};
}

nlohmann::json toJson(const RunSample& sample, bool with_tokens) {
    nlohmann::json json{{"id", sample.id},
                        {"step", sample.step},
                        {"group", sample.group},
                        {"prompt", sample.prompt},
                        {"completion", sample.completion},
                        {"reward", numberOrNull(sample.reward)},
                        {"advantage", numberOrNull(sample.advantage)},
                        {"meta", sample.meta_json},
                        {"token_count", sample.token_count}};
    if (with_tokens) {
        nlohmann::json tokens = nlohmann::json::array();
        for (const RolloutToken& token : sample.tokens)
            tokens.push_back(toJson(token));
        json["tokens"] = std::move(tokens);
    }
    return json;
}

std::vector<std::string> readTags(const nlohmann::json& list) {
    std::vector<std::string> tags;
    for (const nlohmann::json& tag : list) {
        if (!tag.is_string() || tag.get_ref<const std::string&>().empty() ||
            tag.get_ref<const std::string&>().size() > kLongestTag || tags.size() == kMostTags)
            refuse("tags", fmt::format("must be at most {} texts of 1 to {} bytes", kMostTags, kLongestTag));
        tags.push_back(tag.get<std::string>());
    }
    return tags;
}

RunStatus readStatus(const std::string& name) {
    const auto status = runStatusNamed(name);
    if (!status)
        refuse("status", "must be \"running\", \"finished\", \"failed\", \"stopped\" or \"paused\"");
    return *status;
}

nlohmann::json toJson(const std::vector<HistogramBucket>& buckets) {
    nlohmann::json list = nlohmann::json::array();
    for (const HistogramBucket& bucket : buckets)
        list.push_back({numberJson(bucket.left), numberJson(bucket.right), numberJson(bucket.count)});
    return list;
}

NewRun readNewRun(ObjectReader& reader) {
    NewRun run;
    run.uuid = reader.string("uuid").value_or("");
    run.project = reader.string("project").value_or("");
    run.name = reader.string("name").value_or("");
    run.source = reader.string("source").value_or("push");
    run.algo = reader.string("algo").value_or("");
    run.seed = reader.integer("seed", INT64_MIN, INT64_MAX);
    run.notes = reader.string("notes").value_or("");
    if (const nlohmann::json* config = reader.object("config"))
        run.config_json = dumpJson(*config);
    if (const nlohmann::json* tags = reader.array("tags"))
        run.tags = readTags(*tags);
    return run;
}

RunSample readSample(const nlohmann::json& value, const std::string& path) {
    ObjectReader reader(value, path);
    RunSample sample;
    const auto step = reader.integer("step", -run_step_limit, run_step_limit);
    if (!step)
        refuse(reader.pathOf("step"), "is missing");
    sample.step = *step;
    sample.group = reader.integer("group", 0, kMaxGroup).value_or(0);
    sample.prompt = reader.string("prompt").value_or("");
    sample.completion = reader.string("completion").value_or("");
    sample.reward = readOptionalNumber(reader, "reward");
    sample.advantage = readOptionalNumber(reader, "advantage");
    if (const nlohmann::json* meta = reader.object("meta"))
        sample.meta_json = dumpJson(*meta);
    if (const nlohmann::json* tokens = reader.array("tokens")) {
        if (tokens->size() > kMostTokens)
            refuse(reader.pathOf("tokens"), "has too many tokens");
        for (std::size_t i = 0; i < tokens->size(); ++i)
            sample.tokens.push_back(readToken((*tokens)[i], fmt::format("{}[{}]", reader.pathOf("tokens"), i)));
    }
    reader.finish();
    return sample;
}

} // namespace fulgurite::node
