// SPDX-License-Identifier: Apache-2.0
// /fulgurite/v1/jobs.
#include "core/node/endpoints.h"
#include "core/node/job_files.h"
#include "core/node/json_text.h"
#include "core/node/query_reader.h"
#include "core/node/runs_service.h"
#include "core/node/thing_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace fulgurite::node {

namespace {

constexpr std::int64_t kMaxLogBytes = 1 << 20; // in one answer
constexpr std::int64_t kDefaultLogBytes = 64 << 10;
constexpr std::size_t kLongestName = 256;
constexpr std::string_view kPrefix = "/fulgurite/v1/jobs/";

JobService& serviceOf(const EndpointContext& context) {
    if (context.services.jobs == nullptr)
        throw ApiError(400, "this engine runs no jobs: start it with --data FOLDER", {}, "unsupported");
    return *context.services.jobs;
}

HttpReply jsonReply(const nlohmann::json& json) {
    HttpReply reply;
    reply.body = dumpJson(json);
    return reply;
}

struct Target {
    JobId id = 0;
    std::string view; // behind the id
};

Target targetOf(const HttpRequest& request) {
    const std::string_view path = std::string_view(request.head.path).substr(kPrefix.size());
    const std::size_t slash = std::min(path.find('/'), path.size());
    Target target;
    const auto [end, error] = std::from_chars(path.data(), path.data() + slash, target.id);
    if (error != std::errc() || end != path.data() + slash)
        throw ApiError(404, fmt::format("there is no job '{}'", path.substr(0, std::min<std::size_t>(slash, 64))));
    if (slash < path.size())
        target.view = path.substr(slash + 1);
    return target;
}

// What it has written stays with its owner when nobody knows any more whose job it was.
void keepRunsOf(const EndpointContext& context, JobId job) {
    if (context.services.runs == nullptr)
        return;
    for (const RunRecord& run : context.services.runs->reader().runs()) {
        if (jobOfRun(context, run) == job)
            context.ledger.assign(Kind::Run, run.uuid, ownerOfRun(context, run));
    }
}

// With the run that it reports: a trainer leaves its uuid in its folder. null: none yet, or none at all.
nlohmann::json jobJson(const JobRecord& job) {
    constexpr std::size_t kUuidBytes = 36;
    nlohmann::json json = toJson(job);
    json["run"] = nullptr;
    const auto config = job.spec.find("config");
    const bool placed = config != job.spec.end() && config->is_object() && config->contains("out") &&
                        config->at("out").is_string();
    const std::filesystem::path out = placed ? config->at("out").get<std::string>() : std::string("run");
    std::string uuid = readJobLog(job.folder / out / "run.uuid", std::nullopt, kUuidBytes + 1).text;
    const bool whole = uuid.size() == kUuidBytes && std::all_of(uuid.begin(), uuid.end(), [](unsigned char c) {
                           return std::isxdigit(c) != 0 || c == '-';
                       });
    if (whole)
        json["run"] = std::move(uuid);
    return json;
}

// A job reads and writes with the node's rights. Whoever is no administrator names files of shared folders, and
// leaves it to the node where the results go.
void checkFiles(const NameableFiles& files, const nlohmann::json& value) {
    if (value.is_string()) {
        const std::filesystem::path path(value.get<std::string>());
        const bool leaves = path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end();
        if (leaves)
            files.require(path.string());
    }
    if (value.is_structured()) {
        for (const auto& [key, each] : value.items())
            checkFiles(files, each);
    }
}

void checkSpec(const EndpointContext& context, const HttpRequest& request, const nlohmann::json& spec) {
    if (callerOf(request).has(Scope::Admin))
        return;
    const auto config = spec.find("config");
    for (const char* key : {"out", "runs"}) {
        if (config != spec.end() && config->is_object() && config->contains(key))
            throw ApiError(403, "where a job of this token writes is for the node to say; leave it out",
                           std::string("spec.config.") + key, "folder_not_shared");
    }
    checkFiles(NameableFiles(context, request), spec);
}

} // namespace

Answer listJobs(const EndpointContext& context, const HttpRequest& request) {
    JobService& jobs = serviceOf(context);
    QueryReader(request.head.query).finish();
    nlohmann::json list = nlohmann::json::array();
    for (const JobRecord& job : jobs.list()) {
        if (maySee(context, request, Kind::Job, std::to_string(job.id)))
            list.push_back(jobJson(job));
    }
    return jsonReply({{"kinds", jobs.kinds()}, {"jobs", std::move(list)}});
}

Answer startJob(const EndpointContext& context, const HttpRequest& request) {
    JobService& jobs = serviceOf(context);
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const auto kind = reader.string("kind");
    const std::string name = reader.string("name").value_or("");
    const nlohmann::json* spec = reader.object("spec");
    reader.finish();
    if (!kind)
        refuse("kind", "is missing");
    if (spec == nullptr)
        refuse("spec", "is missing");
    if (name.size() > kLongestName)
        refuse("name", fmt::format("must have at most {} bytes", kLongestName));
    checkSpec(context, request, *spec);
    const JobRecord job = jobs.start(*kind, name, *spec);
    context.ledger.claim(Kind::Job, std::to_string(job.id), callerOf(request));
    return jsonReply(jobJson(job));
}

Answer showJob(const EndpointContext& context, const HttpRequest& request) {
    JobService& jobs = serviceOf(context);
    const Target target = targetOf(request);
    QueryReader query(request.head.query);
    if (target.view.empty()) {
        query.finish();
        return jsonReply(jobJson(jobs.find(target.id)));
    }
    if (target.view != "log")
        throw ApiError(404, fmt::format("a job has no view '{}'", target.view.substr(0, 64)));
    const auto from = query.integer("from", 0, INT64_MAX);
    const std::int64_t limit = query.integer("limit", 1, kMaxLogBytes).value_or(kDefaultLogBytes);
    query.finish();
    const JobLog log = jobs.log(target.id, from, static_cast<std::size_t>(limit));
    return jsonReply({{"from", log.from}, {"next", log.next}, {"size", log.size}, {"text", log.text}});
}

Answer steerJob(const EndpointContext& context, const HttpRequest& request) {
    JobService& jobs = serviceOf(context);
    const Target target = targetOf(request);
    const nlohmann::json body = request.body.empty() ? nlohmann::json::object() : parseBody(request.body);
    ObjectReader reader(body, "");
    const bool now = target.view == "stop" && reader.boolean("now").value_or(false);
    reader.finish();
    if (target.view == "pause")
        return jsonReply(jobJson(jobs.pause(target.id)));
    if (target.view == "resume")
        return jsonReply(jobJson(jobs.resume(target.id)));
    if (target.view == "stop")
        return jsonReply(jobJson(jobs.stop(target.id, now)));
    throw ApiError(404, fmt::format("a job cannot be told to '{}'", target.view.substr(0, 64)));
}

Answer removeJob(const EndpointContext& context, const HttpRequest& request) {
    JobService& jobs = serviceOf(context);
    const Target target = targetOf(request);
    if (!target.view.empty())
        throw ApiError(405, "only a whole job can be removed");
    keepRunsOf(context, target.id);
    jobs.remove(target.id);
    context.ledger.forget(Kind::Job, std::to_string(target.id));
    return jsonReply({{"removed", target.id}});
}

} // namespace fulgurite::node
