// SPDX-License-Identifier: Apache-2.0
// RunsClient and JobsClient over /fulgurite/v1.
#include "core/client/runs_client.h"

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/client/jobs_client.h"
#include "core/client/node_api.h"
#include "core/client/runs_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace fulgurite::client {

namespace {

constexpr const char* kRuns = "/fulgurite/v1/runs";
constexpr const char* kJobs = "/fulgurite/v1/jobs";

std::string runPath(RunId run, const std::string& rest = {}) {
    return fmt::format("{}/{}{}{}", kRuns, run, rest.empty() ? "" : "/", rest);
}

std::string jobPath(std::int64_t id, const std::string& rest = {}) {
    return fmt::format("{}/{}{}{}", kJobs, id, rest.empty() ? "" : "/", rest);
}

class NodeRuns final : public RunsClient {
  public:
    NodeRuns(HttpEndpoint endpoint, std::string token, const HttpClientOptions& options)
        : api_(std::move(endpoint), std::move(token), options) {}

    Call list(Callback<std::vector<RunRecord>> reply) override {
        return get<std::vector<RunRecord>>(kRuns, readRuns, std::move(reply));
    }
    Call detail(RunId run, Callback<RunDetail> reply) override {
        return get<RunDetail>(runPath(run), readRunDetail, std::move(reply));
    }
    Call edit(RunId run, const RunEdit& edit, Callback<RunDetail> reply) override {
        return api_.ask<RunDetail>("PATCH", runPath(run), runEditBody(edit), readRunDetail, std::move(reply));
    }
    Call remove(RunId run, Callback<RunId> reply) override {
        return api_.ask<RunId>("DELETE", runPath(run), {}, readRemovedRun, std::move(reply));
    }
    Call series(RunId run, Callback<std::vector<SeriesRecord>> reply) override {
        return get<std::vector<SeriesRecord>>(runPath(run, "series"), readSeriesList, std::move(reply));
    }
    Call view(RunId run, const std::vector<SeriesId>& series, std::int64_t from, std::int64_t to,
              std::size_t columns, Callback<SeriesViews> reply) override {
        return get<SeriesViews>(runPath(run, fmt::format("points?series={}&from={}&to={}&columns={}",
                                                         fmt::join(series, ","), from, to, columns)),
                                readSeriesViews, std::move(reply));
    }
    Call tail(RunId run, const std::vector<SeriesId>& series, std::int64_t step,
              Callback<SeriesTails> reply) override {
        return get<SeriesTails>(
            runPath(run, fmt::format("points?series={}&after={}", fmt::join(series, ","), step)), readSeriesTails,
            std::move(reply));
    }
    Call marks(RunId run, std::int64_t from, std::int64_t to, std::size_t limit,
               Callback<std::vector<StepMark>> reply) override {
        return get<std::vector<StepMark>>(
            runPath(run, fmt::format("marks?from={}&to={}&limit={}", from, to, limit)), readMarks,
            std::move(reply));
    }
    Call sampleSteps(RunId run, Callback<std::vector<std::pair<std::int64_t, std::int64_t>>> reply) override {
        return get<std::vector<std::pair<std::int64_t, std::int64_t>>>(runPath(run, "samples"), readSampleSteps,
                                                                       std::move(reply));
    }
    Call samples(RunId run, std::int64_t step, Callback<std::vector<RunSample>> reply) override {
        return get<std::vector<RunSample>>(runPath(run, fmt::format("samples?step={}", step)), readSamples,
                                           std::move(reply));
    }
    Call sample(RunId run, SampleId sample, Callback<RunSample> reply) override {
        return get<RunSample>(runPath(run, fmt::format("samples/{}", sample)), readSample, std::move(reply));
    }

    Call lastHistograms(RunId run, Callback<std::vector<std::pair<SeriesId, std::int64_t>>> reply) override {
        return get<std::vector<std::pair<SeriesId, std::int64_t>>>(runPath(run, "histograms"), readLastHistograms,
                                                                   std::move(reply));
    }
    Call histograms(RunId run, SeriesId series, std::int64_t step,
                    Callback<std::vector<StepHistogram>> reply) override {
        return get<std::vector<StepHistogram>>(
            runPath(run, fmt::format("histograms?series={}&after={}", series, step)), readHistograms,
            std::move(reply));
    }

  private:
    template <class T>
    Call get(const std::string& path, T (*reader)(std::string_view, const std::string&), Callback<T> reply) {
        return api_.ask<T>("GET", path, {}, reader, std::move(reply));
    }

    NodeApi api_;
};

class NodeJobs final : public JobsClient {
  public:
    NodeJobs(HttpEndpoint endpoint, std::string token, const HttpClientOptions& options)
        : api_(std::move(endpoint), std::move(token), options) {}

    Call list(Callback<JobList> reply) override {
        return api_.ask<JobList>("GET", kJobs, {}, readJobs, std::move(reply));
    }
    Call start(const std::string& kind, const std::string& name, const std::string& spec,
               Callback<NodeJob> reply) override {
        const auto parsed = nlohmann::json::parse(spec, nullptr, false);
        if (!parsed.is_object())
            fail(ErrorKind::InvalidInput, "what a job is to do must be a JSON object");
        const nlohmann::json body{{"kind", kind}, {"name", name}, {"spec", parsed}};
        return api_.ask<NodeJob>("POST", kJobs, dumpJson(body),
                                 readNodeJob, std::move(reply));
    }
    Call show(std::int64_t id, Callback<NodeJob> reply) override {
        return api_.ask<NodeJob>("GET", jobPath(id), {}, readNodeJob, std::move(reply));
    }
    Call log(std::int64_t id, std::optional<std::uint64_t> from, Callback<JobLogPiece> reply) override {
        const std::string query = from ? fmt::format("log?from={}", *from) : "log";
        return api_.ask<JobLogPiece>("GET", jobPath(id, query), {}, readJobLog, std::move(reply));
    }
    Call pause(std::int64_t id, Callback<NodeJob> reply) override { return steer(id, "pause", std::move(reply)); }
    Call resume(std::int64_t id, Callback<NodeJob> reply) override { return steer(id, "resume", std::move(reply)); }
    Call stop(std::int64_t id, Callback<NodeJob> reply) override { return steer(id, "stop", std::move(reply)); }
    Call kill(std::int64_t id, Callback<NodeJob> reply) override {
        return steer(id, "stop", std::move(reply), R"({"now":true})");
    }
    Call remove(std::int64_t id, Callback<std::int64_t> reply) override {
        return api_.ask<std::int64_t>("DELETE", jobPath(id), {}, readRemovedJob, std::move(reply));
    }

  private:
    Call steer(std::int64_t id, const char* what, Callback<NodeJob> reply, const char* body = "{}") {
        return api_.ask<NodeJob>("POST", jobPath(id, what), body, readNodeJob, std::move(reply));
    }

    NodeApi api_;
};

} // namespace

std::unique_ptr<RunsClient> connectToRuns(const HttpEndpoint& endpoint, const std::string& token,
                                          const HttpClientOptions& options) {
    return std::make_unique<NodeRuns>(endpoint, token, options);
}

std::unique_ptr<JobsClient> connectToJobs(const HttpEndpoint& endpoint, const std::string& token,
                                          const HttpClientOptions& options) {
    return std::make_unique<NodeJobs>(endpoint, token, options);
}

} // namespace fulgurite::client
