// SPDX-License-Identifier: Apache-2.0
// /fulgurite/v1/jobs.
#include "core/node/endpoints.h"
#include "core/node/job_files.h"
#include "core/node/json_text.h"
#include "core/node/query_reader.h"

#include <fmt/format.h>

#include <algorithm>
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

} // namespace

Answer listJobs(const EndpointContext& context, const HttpRequest& request) {
    JobService& jobs = serviceOf(context);
    QueryReader(request.head.query).finish();
    nlohmann::json list = nlohmann::json::array();
    for (const JobRecord& job : jobs.list())
        list.push_back(toJson(job));
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
    return jsonReply(toJson(jobs.start(*kind, name, *spec)));
}

Answer showJob(const EndpointContext& context, const HttpRequest& request) {
    JobService& jobs = serviceOf(context);
    const Target target = targetOf(request);
    QueryReader query(request.head.query);
    if (target.view.empty()) {
        query.finish();
        return jsonReply(toJson(jobs.find(target.id)));
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
    if (!request.body.empty()) {
        const nlohmann::json body = parseBody(request.body);
        ObjectReader(body, "").finish();
    }
    if (target.view == "pause")
        return jsonReply(toJson(jobs.pause(target.id)));
    if (target.view == "resume")
        return jsonReply(toJson(jobs.resume(target.id)));
    if (target.view == "stop")
        return jsonReply(toJson(jobs.stop(target.id)));
    throw ApiError(404, fmt::format("a job cannot be told to '{}'", target.view.substr(0, 64)));
}

Answer removeJob(const EndpointContext& context, const HttpRequest& request) {
    JobService& jobs = serviceOf(context);
    const Target target = targetOf(request);
    if (!target.view.empty())
        throw ApiError(405, "only a whole job can be removed");
    jobs.remove(target.id);
    return jsonReply({{"removed", target.id}});
}

} // namespace fulgurite::node
