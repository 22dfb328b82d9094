// SPDX-License-Identifier: Apache-2.0
#include "core/client/runs_json.h"

#include "core/base/json.h"
#include "core/base/json_field.h"

#include <array>
#include <cmath>
#include <limits>

namespace fulgurite::client {

namespace {

// The document and a view of it: reading fields of a reply throws Corrupt.
struct ParsedReply {
    ParsedReply(std::string_view body, const std::string& where)
        : json(parseJson(body, where)), field(json, where, ErrorKind::Corrupt) {}
    nlohmann::json json;
    JsonField field;
};

std::int64_t integer(const JsonField& field) {
    return field.integer(INT64_MIN, INT64_MAX);
}
std::optional<std::int64_t> integerOrNothing(const JsonField& field, const char* key) {
    return field.has(key) ? std::optional(integer(field[key])) : std::nullopt;
}

// NaN is null, infinities are "inf" and "-inf".
double number(const JsonField& field) {
    if (field.value().is_null())
        return std::numeric_limits<double>::quiet_NaN();
    if (field.value().is_string()) {
        field.expect(field.string() == "inf" || field.string() == "-inf", "a number");
        return field.string() == "inf" ? INFINITY : -INFINITY;
    }
    return field.number();
}
std::optional<double> numberOrNothing(const JsonField& field, const char* key) {
    return field.has(key) ? std::optional(number(field[key])) : std::nullopt;
}

RunRecord runOf(const JsonField& field) {
    RunRecord run;
    run.id = integer(field["id"]);
    run.uuid = field["uuid"].string();
    run.project = field["project"].string();
    run.name = field["name"].string();
    run.source = field["source"].string();
    run.source_uri = field["source_uri"].string();
    run.algo = field["algo"].string();
    run.created_us = integer(field["created_us"]);
    run.ended_us = integerOrNothing(field, "ended_us");
    const auto status = runStatusNamed(field["status"].string());
    field["status"].expect(status.has_value(), "the name of a status");
    run.status = *status;
    run.parent = integerOrNothing(field, "parent");
    run.seed = integerOrNothing(field, "seed");
    run.notes = field["notes"].string();
    run.tags = listOf<std::string>(field["tags"], [](const JsonField& tag) { return tag.string(); });
    run.last_step = integerOrNothing(field, "last_step");
    run.series = integer(field["series"]);
    run.points = integer(field["points"]);
    run.generation = integer(field["generation"]);
    run.alive = field["alive"].boolean();
    return run;
}

SeriesRecord seriesOf(const JsonField& field) {
    SeriesRecord series;
    series.id = integer(field["id"]);
    series.name = field["name"].string();
    series.canonical = field["canonical"].string();
    series.kind = field["clock"].boolean() ? SeriesKind::Clock : SeriesKind::Metric;
    series.points = integer(field["points"]);
    series.min_step = integerOrNothing(field, "min_step");
    series.max_step = integerOrNothing(field, "max_step");
    series.last_value = numberOrNothing(field, "last");
    series.min_value = numberOrNothing(field, "min");
    series.max_value = numberOrNothing(field, "max");
    series.nan = integer(field["nan"]);
    series.infinite = integer(field["infinite"]);
    series.overwritten = integer(field["overwritten"]);
    return series;
}

SeriesColumn columnOf(const JsonField& list) {
    list.expect(list.size() == 11, "a list of 11 numbers");
    SeriesColumn column;
    column.begin = integer(list.at(0));
    column.end = integer(list.at(1));
    PointSummary& s = column.summary;
    s.n = integer(list.at(2));
    s.nan = integer(list.at(3));
    s.positive_infinite = integer(list.at(4));
    s.negative_infinite = integer(list.at(5));
    s.minimum = number(list.at(6));
    s.maximum = number(list.at(7));
    s.sum = number(list.at(8));
    s.first = number(list.at(9));
    s.last = number(list.at(10));
    return column;
}

RolloutToken tokenOf(const JsonField& field) {
    RolloutToken token;
    token.id = static_cast<TokenId>(field["id"].integer(0, INT32_MAX));
    token.bytes = field["text"].string();
    if (field.has("bytes")) {
        token.bytes.clear();
        for (std::size_t i = 0; i < field["bytes"].size(); ++i)
            token.bytes.push_back(static_cast<char>(field["bytes"].at(i).integer(0, 255)));
    }
    token.logprob = static_cast<float>(number(field.at("logprob")));
    token.ratio = static_cast<float>(number(field.at("ratio")));
    token.weight = static_cast<float>(number(field.at("weight")));
    token.capped = field["capped"].boolean();
    return token;
}

RunSample sampleOf(const JsonField& field) {
    RunSample sample;
    sample.id = integer(field["id"]);
    sample.step = integer(field["step"]);
    sample.group = integer(field["group"]);
    sample.prompt = field["prompt"].string();
    sample.completion = field["completion"].string();
    sample.reward = numberOrNothing(field, "reward");
    sample.advantage = numberOrNothing(field, "advantage");
    sample.meta_json = field["meta"].string();
    sample.token_count = integer(field["token_count"]);
    if (field.has("tokens"))
        sample.tokens = listOf<RolloutToken>(field["tokens"], tokenOf);
    return sample;
}

NodeJob nodeJobOf(const JsonField& field) {
    constexpr std::array<const char*, 6> states{"running", "paused", "stopping", "finished", "failed", "stopped"};
    NodeJob job;
    job.id = integer(field["id"]);
    job.kind = field["kind"].string();
    job.name = field["name"].string();
    job.spec = field["spec"].value().dump();
    const std::string& state = field["state"].string();
    std::size_t index = 0;
    while (index < states.size() && state != states[index])
        ++index;
    field["state"].expect(index < states.size(), "the name of a state");
    job.state = static_cast<NodeJobState>(index);
    job.created_us = integer(field["created_us"]);
    job.ended_us = integerOrNothing(field, "ended_us");
    job.kill_us = integerOrNothing(field, "kill_us");
    if (field.has("exit_code"))
        job.exit_code = static_cast<int>(field["exit_code"].integer(INT32_MIN, INT32_MAX));
    job.message = field["message"].string();
    job.folder = field["folder"].string();
    job.log_bytes = field["log_bytes"].count();
    if (const auto run = field.value().find("run"); run != field.value().end())
        job.run = run->is_string() ? run->get<std::string>() : std::string();
    return job;
}

} // namespace

std::vector<RunRecord> readRuns(std::string_view body, const std::string& where) {
    return listOf<RunRecord>(ParsedReply(body, where).field["runs"], runOf);
}

RunDetail readRunDetail(std::string_view body, const std::string& where) {
    const ParsedReply reply(body, where);
    return {runOf(reply.field), reply.field.at("config").value().dump()};
}

RunId readRemovedRun(std::string_view body, const std::string& where) {
    return integer(ParsedReply(body, where).field["removed"]);
}

std::vector<SeriesRecord> readSeriesList(std::string_view body, const std::string& where) {
    return listOf<SeriesRecord>(ParsedReply(body, where).field["series"], seriesOf);
}

SeriesViews readSeriesViews(std::string_view body, const std::string& where) {
    const ParsedReply reply(body, where);
    SeriesViews result;
    result.generation = integer(reply.field["generation"]);
    const JsonField list = reply.field["series"];
    for (std::size_t i = 0; i < list.size(); ++i) {
        SeriesView view;
        view.exact = list.at(i)["exact"].boolean();
        view.columns = listOf<SeriesColumn>(list.at(i)["columns"], columnOf);
        result.series.emplace_back(integer(list.at(i)["id"]), std::move(view));
    }
    return result;
}

SeriesTails readSeriesTails(std::string_view body, const std::string& where) {
    const ParsedReply reply(body, where);
    SeriesTails result;
    result.generation = integer(reply.field["generation"]);
    const JsonField list = reply.field["series"];
    for (std::size_t i = 0; i < list.size(); ++i) {
        auto points = listOf<RunPoint>(list.at(i)["points"], [](const JsonField& point) {
            return RunPoint{integer(point.at(0)), number(point.at(1))};
        });
        result.series.emplace_back(integer(list.at(i)["id"]), std::move(points));
    }
    return result;
}

std::vector<StepMark> readMarks(std::string_view body, const std::string& where) {
    return listOf<StepMark>(ParsedReply(body, where).field["marks"], [](const JsonField& field) {
        return StepMark{integer(field["step"]), integerOrNothing(field, "wall_us"),
                        integerOrNothing(field, "tokens"), numberOrNothing(field, "epoch")};
    });
}

std::vector<std::pair<std::int64_t, std::int64_t>> readSampleSteps(std::string_view body,
                                                                   const std::string& where) {
    using Step = std::pair<std::int64_t, std::int64_t>;
    return listOf<Step>(ParsedReply(body, where).field["steps"], [](const JsonField& field) {
        return Step{integer(field["step"]), integer(field["count"])};
    });
}

std::vector<RunSample> readSamples(std::string_view body, const std::string& where) {
    return listOf<RunSample>(ParsedReply(body, where).field["samples"], sampleOf);
}

RunSample readSample(std::string_view body, const std::string& where) {
    return sampleOf(ParsedReply(body, where).field);
}

std::vector<std::pair<SeriesId, std::int64_t>> readLastHistograms(std::string_view body, const std::string& where) {
    using Last = std::pair<SeriesId, std::int64_t>;
    return listOf<Last>(ParsedReply(body, where).field["series"], [](const JsonField& field) {
        return Last{integer(field["id"]), integer(field["last_step"])};
    });
}

std::vector<StepHistogram> readHistograms(std::string_view body, const std::string& where) {
    return listOf<StepHistogram>(ParsedReply(body, where).field["histograms"], [](const JsonField& field) {
        return StepHistogram{
            integer(field["step"]), listOf<HistogramBucket>(field["buckets"], [](const JsonField& bucket) {
                return HistogramBucket{number(bucket.at(0)), number(bucket.at(1)), number(bucket.at(2))};
            })};
    });
}

std::string runEditBody(const RunEdit& edit) {
    nlohmann::json json = nlohmann::json::object();
    if (edit.name)
        json["name"] = *edit.name;
    if (edit.project)
        json["project"] = *edit.project;
    if (edit.notes)
        json["notes"] = *edit.notes;
    if (edit.tags)
        json["tags"] = *edit.tags;
    if (edit.status)
        json["status"] = nameOf(*edit.status);
    return dumpJson(json);
}

JobList readJobs(std::string_view body, const std::string& where) {
    const ParsedReply reply(body, where);
    JobList result;
    result.kinds = listOf<std::string>(reply.field["kinds"], [](const JsonField& kind) { return kind.string(); });
    result.jobs = listOf<NodeJob>(reply.field["jobs"], nodeJobOf);
    return result;
}

NodeJob readNodeJob(std::string_view body, const std::string& where) {
    return nodeJobOf(ParsedReply(body, where).field);
}

JobLogPiece readJobLog(std::string_view body, const std::string& where) {
    const ParsedReply reply(body, where);
    return {reply.field["from"].count(), reply.field["next"].count(), reply.field["size"].count(),
            reply.field["text"].string()};
}

std::int64_t readRemovedJob(std::string_view body, const std::string& where) {
    return integer(ParsedReply(body, where).field["removed"]);
}

} // namespace fulgurite::client
