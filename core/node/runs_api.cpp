// SPDX-License-Identifier: Apache-2.0
// /fulgurite/v1/runs: what a node's runs file shows, and what clients report into it.
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/query_reader.h"
#include "core/node/runs_json.h"
#include "core/node/runs_service.h"
#include "core/node/thing_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace fulgurite::node {

namespace {

constexpr std::int64_t kMaxColumns = 10'000;
constexpr std::int64_t kMaxPoints = 200'000; // in one answer
constexpr std::size_t kMaxSeries = 200;
constexpr std::int64_t kMaxHistograms = 1000; // in one answer
constexpr std::int64_t kDefaultColumns = 1000;
constexpr std::string_view kPrefix = "/fulgurite/v1/runs/";

RunsService& serviceOf(const EndpointContext& context) {
    if (context.services.runs == nullptr)
        throw ApiError(400, "this engine keeps no runs: start it with --data FOLDER", {}, "unsupported");
    return *context.services.runs;
}

HttpReply jsonReply(const nlohmann::json& json) {
    HttpReply reply;
    reply.body = dumpJson(json);
    return reply;
}

// "RUN", "VIEW" and "REST" of /fulgurite/v1/runs/RUN/VIEW/REST.
struct Target {
    std::string run;
    std::string view;
    std::string rest;
};

Target targetOf(const HttpRequest& request) {
    const std::string_view path = std::string_view(request.head.path).substr(kPrefix.size());
    const std::size_t slash = path.find('/');
    Target target{std::string(path.substr(0, slash)), {}, {}};
    if (slash == std::string_view::npos)
        return target;
    const std::string_view behind = path.substr(slash + 1);
    const std::size_t second = behind.find('/');
    target.view = behind.substr(0, second);
    if (second != std::string_view::npos)
        target.rest = behind.substr(second + 1);
    return target;
}

nlohmann::json runJson(RunsService& runs, RunId run) {
    nlohmann::json json = toJson(runs.reader().run(run));
    json["config"] = nlohmann::json::parse(runs.reader().config(run), nullptr, false);
    if (json["config"].is_discarded())
        json["config"] = nullptr;
    return json;
}

std::vector<SeriesId> readSeriesIds(QueryReader& query) {
    const std::string text = query.text("series").value_or("");
    std::vector<SeriesId> ids;
    for (const char* at = text.data(); at < text.data() + text.size();) {
        SeriesId id = 0;
        const auto [end, error] = std::from_chars(at, text.data() + text.size(), id);
        if (error != std::errc() || (end < text.data() + text.size() && *end != ','))
            break;
        ids.push_back(id);
        at = end + 1;
    }
    if (ids.empty() || ids.size() > kMaxSeries)
        refuse("series", fmt::format("must be 1 to {} ids with commas between them", kMaxSeries));
    return ids;
}

void requireSeriesOf(RunsService& runs, RunId run, const std::vector<SeriesId>& ids) {
    const std::vector<SeriesRecord> known = runs.reader().series(run);
    for (const SeriesId id : ids) {
        if (std::none_of(known.begin(), known.end(), [id](const SeriesRecord& s) { return s.id == id; }))
            throw ApiError(404, fmt::format("run {} has no series {}", run, id), "series");
    }
}

// Columns of a chart, or with "after" the points behind a step.
nlohmann::json pointsView(RunsService& runs, RunId run, QueryReader& query) {
    const std::vector<SeriesId> ids = readSeriesIds(query);
    const std::int64_t from = query.integer("from", INT64_MIN, INT64_MAX).value_or(-run_step_limit);
    const std::int64_t to = query.integer("to", INT64_MIN, INT64_MAX).value_or(run_step_limit);
    const std::int64_t columns = query.integer("columns", 1, kMaxColumns).value_or(kDefaultColumns);
    const auto after = query.integer("after", INT64_MIN, INT64_MAX);
    const std::int64_t limit = query.integer("limit", 1, kMaxPoints).value_or(kMaxPoints);
    query.finish();
    requireSeriesOf(runs, run, ids);
    nlohmann::json list = nlohmann::json::array();
    std::int64_t left = limit;
    for (const SeriesId id : ids) {
        nlohmann::json one;
        if (after) {
            nlohmann::json points = nlohmann::json::array();
            for (const RunPoint& point : runs.reader().tail(id, *after, static_cast<std::size_t>(left)))
                points.push_back({point.step, numberJson(point.value)});
            left -= static_cast<std::int64_t>(points.size());
            one["points"] = std::move(points);
        } else {
            // The whole of a series is looked at over the steps that it has.
            std::int64_t first = from;
            std::int64_t last = to;
            for (const SeriesRecord& series : runs.reader().series(run)) {
                if (series.id == id && series.min_step) {
                    first = std::max(first, *series.min_step);
                    last = std::min(last, *series.max_step);
                }
            }
            one = toJson(runs.reader().view(id, first, last, static_cast<std::size_t>(columns)));
        }
        one["id"] = id;
        list.push_back(std::move(one));
    }
    return {{"generation", runs.reader().run(run).generation}, {"series", std::move(list)}};
}

nlohmann::json seriesView(RunsService& runs, RunId run, QueryReader& query) {
    query.finish();
    nlohmann::json list = nlohmann::json::array();
    for (const SeriesRecord& series : runs.reader().series(run))
        list.push_back(toJson(series));
    return {{"series", std::move(list)}};
}

nlohmann::json marksView(RunsService& runs, RunId run, QueryReader& query) {
    const std::int64_t from = query.integer("from", INT64_MIN, INT64_MAX).value_or(-run_step_limit);
    const std::int64_t to = query.integer("to", INT64_MIN, INT64_MAX).value_or(run_step_limit);
    const std::int64_t limit = query.integer("limit", 2, kMaxPoints).value_or(kDefaultColumns);
    query.finish();
    nlohmann::json list = nlohmann::json::array();
    for (const StepMark& mark : runs.reader().marks(run, from, to, static_cast<std::size_t>(limit)))
        list.push_back(toJson(mark));
    return {{"marks", std::move(list)}};
}

nlohmann::json samplesView(RunsService& runs, RunId run, const std::string& id, QueryReader& query) {
    const auto step = query.integer("step", -run_step_limit, run_step_limit);
    query.finish();
    if (!id.empty()) {
        SampleId sample = 0;
        const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), sample);
        if (error != std::errc() || end != id.data() + id.size())
            throw ApiError(404, fmt::format("there is no sample '{}'", id.substr(0, 64)));
        return toJson(runs.reader().sample(run, sample), true);
    }
    nlohmann::json list = nlohmann::json::array();
    if (step) {
        for (const RunSample& sample : runs.reader().samples(run, *step))
            list.push_back(toJson(sample, false));
        return {{"samples", std::move(list)}};
    }
    for (const auto& [at, count] : runs.reader().sampleSteps(run))
        list.push_back({{"step", at}, {"count", count}});
    return {{"steps", std::move(list)}};
}

// Which series have histograms; of one series those behind a step.
nlohmann::json histogramsView(RunsService& runs, RunId run, QueryReader& query) {
    const auto series = query.integer("series", 1, INT64_MAX);
    const std::int64_t after = query.integer("after", INT64_MIN, INT64_MAX).value_or(INT64_MIN);
    const std::int64_t limit = query.integer("limit", 1, kMaxHistograms).value_or(kMaxHistograms);
    query.finish();
    nlohmann::json list = nlohmann::json::array();
    if (!series) {
        for (const auto& [id, last] : runs.reader().lastHistograms(run))
            list.push_back({{"id", id}, {"last_step", last}});
        return {{"series", std::move(list)}};
    }
    requireSeriesOf(runs, run, {*series});
    for (const std::int64_t step : runs.reader().histogramSteps(*series)) {
        if (step > after && static_cast<std::int64_t>(list.size()) < limit)
            list.push_back({{"step", step}, {"buckets", toJson(runs.reader().histogram(*series, step))}});
    }
    return {{"histograms", std::move(list)}};
}

// {"step": 5, "time": 1.7e9, "tokens": 4096, "epoch": 0.5, "values": {"loss": 0.5}}
std::size_t pushRow(RunWriter& writer, const nlohmann::json& row, const std::string& path) {
    ObjectReader reader(row, path);
    const auto step = reader.integer("step", -run_step_limit, run_step_limit);
    if (!step)
        refuse(reader.pathOf("step"), "is missing");
    StepMark mark;
    mark.step = *step;
    constexpr double kLatest = 1e11; // seconds; the year 5138
    if (const auto time = reader.number("time", 0, kLatest))
        mark.wall_us = static_cast<Microseconds>(*time * 1e6);
    mark.tokens = reader.integer("tokens", 0, INT64_MAX);
    mark.epoch = reader.number("epoch", 0, 1e12);
    const nlohmann::json* values = reader.object("values");
    reader.finish();
    if (mark.wall_us || mark.tokens || mark.epoch)
        writer.mark(mark);
    if (values == nullptr)
        return 0;
    for (const auto& [name, value] : values->items())
        writer.add(name, *step, readNumber(value, reader.pathOf("values") + "." + name));
    return values->size();
}

HttpReply pushPoints(RunsService& runs, RunId run, const nlohmann::json& body) {
    RunWriter& writer = runs.writer(run);
    std::size_t values = 0;
    if (body.contains("rows")) {
        ObjectReader reader(body, "");
        const nlohmann::json* rows = reader.array("rows");
        reader.finish();
        for (std::size_t i = 0; rows != nullptr && i < rows->size(); ++i)
            values += pushRow(writer, (*rows)[i], fmt::format("rows[{}]", i));
    } else {
        values = pushRow(writer, body, "");
    }
    writer.flush(); // what is acknowledged is in the file
    return jsonReply({{"run", run}, {"values", values}});
}

HttpReply pushSamples(RunsService& runs, RunId run, const nlohmann::json& body) {
    ObjectReader reader(body, "");
    const nlohmann::json* list = reader.array("samples");
    reader.finish();
    if (list == nullptr)
        refuse("samples", "is missing");
    std::vector<RunSample> samples;
    for (std::size_t i = 0; i < list->size(); ++i)
        samples.push_back(readSample((*list)[i], fmt::format("samples[{}]", i)));
    RunWriter& writer = runs.writer(run);
    for (RunSample& sample : samples)
        writer.sample(std::move(sample));
    writer.flush();
    return jsonReply({{"run", run}, {"samples", samples.size()}});
}

HttpReply rewindRun(RunsService& runs, RunId run, const nlohmann::json& body) {
    ObjectReader reader(body, "");
    const auto step = reader.integer("step", -run_step_limit, run_step_limit);
    reader.finish();
    if (!step)
        refuse("step", "is missing");
    runs.writer(run).rewind(*step);
    runs.writer(run).flush();
    return jsonReply(runJson(runs, run));
}

HttpReply finishRun(RunsService& runs, RunId run, const nlohmann::json& body) {
    ObjectReader reader(body, "");
    const RunStatus status = readStatus(reader.string("status").value_or("finished"));
    reader.finish();
    runs.finish(run, status);
    return jsonReply(runJson(runs, run));
}

} // namespace

Answer listRuns(const EndpointContext& context, const HttpRequest& request) {
    RunsService& runs = serviceOf(context);
    QueryReader(request.head.query).finish();
    nlohmann::json list = nlohmann::json::array();
    for (const RunRecord& run : runs.reader().runs()) {
        if (maySeeRun(context, request, run))
            list.push_back(toJson(run));
    }
    return jsonReply({{"runs", std::move(list)}});
}

Answer beginRun(const EndpointContext& context, const HttpRequest& request) {
    RunsService& runs = serviceOf(context);
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const NewRun run = readNewRun(reader);
    const bool go_on = reader.boolean("continue").value_or(false);
    reader.finish();
    // Somebody else's uuid is as good as none.
    const auto there = run.uuid.empty() ? std::nullopt : runs.reader().findRun(run.uuid);
    if (there && !maySeeRun(context, request, runs.reader().run(*there)))
        throw ApiError(404, fmt::format("there is no run '{}' to go on with; choose another uuid", run.uuid),
                       "uuid");
    if (there && !mayChangeRun(context, request, runs.reader().run(*there)))
        throw ApiError(403, "this run is shared with you for reading; only its owner goes on with it", "uuid",
                       "shared_for_reading");
    const RunId id = runs.begin(run, go_on);
    if (!there) // one that was there before stays whose it is
        context.ledger.claim(Kind::Run, runs.reader().run(id).uuid, callerOf(request));
    return jsonReply(runJson(runs, id));
}

Answer showRun(const EndpointContext& context, const HttpRequest& request) {
    RunsService& runs = serviceOf(context);
    const Target target = targetOf(request);
    const RunId run = runs.find(target.run);
    QueryReader query(request.head.query);
    if (target.view.empty()) {
        query.finish();
        return jsonReply(runJson(runs, run));
    }
    if (target.view == "samples")
        return jsonReply(samplesView(runs, run, target.rest, query));
    if (target.rest.empty() && target.view == "series")
        return jsonReply(seriesView(runs, run, query));
    if (target.rest.empty() && target.view == "points")
        return jsonReply(pointsView(runs, run, query));
    if (target.rest.empty() && target.view == "marks")
        return jsonReply(marksView(runs, run, query));
    if (target.rest.empty() && target.view == "histograms")
        return jsonReply(histogramsView(runs, run, query));
    throw ApiError(404, fmt::format("a run has no view '{}'", target.view.substr(0, 64)));
}

Answer pushToRun(const EndpointContext& context, const HttpRequest& request) {
    RunsService& runs = serviceOf(context);
    const Target target = targetOf(request);
    const RunId run = runs.find(target.run);
    const nlohmann::json body = parseBody(request.body);
    if (target.view == "points")
        return pushPoints(runs, run, body);
    if (target.view == "samples")
        return pushSamples(runs, run, body);
    if (target.view == "rewind")
        return rewindRun(runs, run, body);
    if (target.view == "finish")
        return finishRun(runs, run, body);
    throw ApiError(404, fmt::format("nothing can be sent to '{}' of a run", target.view.substr(0, 64)));
}

Answer editRun(const EndpointContext& context, const HttpRequest& request) {
    RunsService& runs = serviceOf(context);
    const Target target = targetOf(request);
    if (!target.view.empty())
        throw ApiError(405, "only a whole run can be edited");
    const RunId run = runs.find(target.run);
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const auto name = reader.string("name");
    const auto project = reader.string("project");
    const auto notes = reader.string("notes");
    const auto status = reader.string("status");
    const nlohmann::json* list = reader.array("tags");
    reader.finish();
    const auto tags = list ? std::optional(readTags(*list)) : std::nullopt;
    const auto wanted = status ? std::optional(readStatus(*status)) : std::nullopt;
    if (wanted) {
        runs.release(run);
        runs.editor().setStatus(run, *wanted);
    }
    if (name)
        runs.editor().setName(run, *name);
    if (project)
        runs.editor().setProject(run, *project);
    if (notes)
        runs.editor().setNotes(run, *notes);
    if (tags)
        runs.editor().setTags(run, *tags);
    return jsonReply(runJson(runs, run));
}

Answer removeRun(const EndpointContext& context, const HttpRequest& request) {
    RunsService& runs = serviceOf(context);
    const Target target = targetOf(request);
    if (!target.view.empty())
        throw ApiError(405, "only a whole run can be removed");
    const RunId run = runs.find(target.run);
    const std::string uuid = runs.reader().run(run).uuid;
    runs.release(run);
    runs.editor().remove(run);
    context.ledger.forget(Kind::Run, uuid);
    return jsonReply({{"removed", run}});
}

} // namespace fulgurite::node
