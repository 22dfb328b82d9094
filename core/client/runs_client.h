// SPDX-License-Identifier: Apache-2.0
// The runs of a node, as docs/protocol.md has them, in the words of the runs file (core/store/runs).
#pragma once

#include "core/client/engine_client.h"
#include "core/client/http_client.h"
#include "core/store/runs/run_reader.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fulgurite::client {

// What is not set stays.
struct RunEdit {
    std::optional<std::string> name;
    std::optional<std::string> project;
    std::optional<std::string> notes;
    std::optional<std::vector<std::string>> tags;
    std::optional<RunStatus> status;
};

struct RunDetail {
    RunRecord run;
    std::string config; // JSON
};

// Of the series that were asked for, in their order. `generation` is RunRecord's.
struct SeriesViews {
    std::int64_t generation = 0;
    std::vector<std::pair<SeriesId, SeriesView>> series;
};
struct SeriesTails {
    std::int64_t generation = 0;
    std::vector<std::pair<SeriesId, std::vector<RunPoint>>> series;
};

struct StepHistogram {
    std::int64_t step = 0;
    std::vector<HistogramBucket> buckets;
};

// Methods may be called from any thread and return at once; replies come on the client's thread. A call that was
// cancelled replies with Error{Cancelled}.
class RunsClient {
  public:
    using Call = std::shared_ptr<HttpCall>;

    virtual ~RunsClient() = default;
    virtual Call list(Callback<std::vector<RunRecord>> reply) = 0; // newest first
    virtual Call detail(RunId run, Callback<RunDetail> reply) = 0;
    virtual Call edit(RunId run, const RunEdit& edit, Callback<RunDetail> reply) = 0;
    virtual Call remove(RunId run, Callback<RunId> reply) = 0;

    virtual Call series(RunId run, Callback<std::vector<SeriesRecord>> reply) = 0;
    // RunReader::view of at most 200 series at once.
    virtual Call view(RunId run, const std::vector<SeriesId>& series, std::int64_t from, std::int64_t to,
                      std::size_t columns, Callback<SeriesViews> reply) = 0;
    // Points behind `step` of each, at most 200,000 in all.
    virtual Call tail(RunId run, const std::vector<SeriesId>& series, std::int64_t step,
                      Callback<SeriesTails> reply) = 0;
    virtual Call marks(RunId run, std::int64_t from, std::int64_t to, std::size_t limit,
                       Callback<std::vector<StepMark>> reply) = 0;

    virtual Call sampleSteps(RunId run, Callback<std::vector<std::pair<std::int64_t, std::int64_t>>> reply) = 0;
    virtual Call samples(RunId run, std::int64_t step, Callback<std::vector<RunSample>> reply) = 0;
    virtual Call sample(RunId run, SampleId sample, Callback<RunSample> reply) = 0; // with tokens

    // Series that have histograms, with the last step of one. Error{NotFound} from an older node, too.
    virtual Call lastHistograms(RunId run, Callback<std::vector<std::pair<SeriesId, std::int64_t>>> reply) = 0;
    // Those behind `step`, at most 1,000.
    virtual Call histograms(RunId run, SeriesId series, std::int64_t step,
                            Callback<std::vector<StepHistogram>> reply) = 0;
};

// A connection of its own to a node. Destroying it cancels what runs; no callback comes afterwards.
std::unique_ptr<RunsClient> connectToRuns(const HttpEndpoint& endpoint, const std::string& token,
                                          const HttpClientOptions& options);

} // namespace fulgurite::client
