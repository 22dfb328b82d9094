// SPDX-License-Identifier: Apache-2.0
// The endpoints as functions from a request to an answer; node.cpp has the table that names them.
#pragma once

#include "core/node/auth.h"
#include "core/node/generation_job.h"
#include "core/node/http_types.h"
#include "core/node/metrics.h"
#include "core/node/model_host.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace fulgurite::node {

class CascadeService;
class JobService;
class Ledger;
class ModelShelf;
class RunsService;

// A part of the node that could not be started.
struct FeatureProblem {
    std::string feature; // "runs"
    std::string reason;
};

// What a node does besides its model; null where it keeps nothing (serve without --data).
struct NodeServices {
    RunsService* runs = nullptr;
    JobService* jobs = nullptr;
    CascadeService* cascade = nullptr; // image libraries
    ModelShelf* models = nullptr;      // that it can be told to load; null: it keeps the one it has
    std::shared_ptr<Ledger> ledger;    // who made what; null: the node keeps that in memory
    std::vector<FeatureProblem> problems = {};
    // Folders that any token with the right scope may name files of; an admin's may name all that the node can
    // read.
    std::vector<std::filesystem::path> shared_folders = {};
    // Names of this machine, besides localhost, under which a node without a token is asked.
    std::vector<std::string> host_names = {};
};

struct EndpointContext {
    ModelHost& host;
    Metrics& metrics;
    const AccessControl& access;
    JobLimits limits;
    NodeServices services;
    Ledger& ledger;
    const std::atomic<bool>& draining; // going down: nothing new is begun
};

// Of a route that asks for a token.
const Caller& callerOf(const HttpRequest& request);

// Runs generations and answers with what they write: who asked pays for them, and is alone with their snapshots.
// Throws what submit() throws.
std::shared_ptr<ReplySource> startGeneration(const EndpointContext& context, const HttpRequest& request,
                                             std::shared_ptr<ModelService> service,
                                             std::unique_ptr<ReplyFormatter> formatter,
                                             std::vector<GenerateRequest> requests);

using Answer = std::variant<HttpReply, std::shared_ptr<ReplySource>>;

// All throw ApiError or Error for what they refuse.
Answer listModels(const EndpointContext& context, const HttpRequest& request);
Answer showModel(const EndpointContext& context, const HttpRequest& request); // /v1/models/ID
Answer chatCompletions(const EndpointContext& context, const HttpRequest& request);
Answer completions(const EndpointContext& context, const HttpRequest& request);
Answer embeddings(const EndpointContext& context, const HttpRequest& request);

Answer health(const EndpointContext& context, const HttpRequest& request);
Answer ready(const EndpointContext& context, const HttpRequest& request);
Answer whoAmI(const EndpointContext& context, const HttpRequest& request);
Answer shareThing(const EndpointContext& context, const HttpRequest& request);
Answer metricsText(const EndpointContext& context, const HttpRequest& request);

Answer info(const EndpointContext& context, const HttpRequest& request);
Answer status(const EndpointContext& context, const HttpRequest& request);
Answer showModelState(const EndpointContext& context, const HttpRequest& request); // /fulgurite/v1/model
Answer listModelChoices(const EndpointContext& context, const HttpRequest& request);
Answer loadModel(const EndpointContext& context, const HttpRequest& request);
Answer unloadModel(const EndpointContext& context, const HttpRequest& request);
Answer stopModelChange(const EndpointContext& context, const HttpRequest& request);
Answer generate(const EndpointContext& context, const HttpRequest& request);
Answer tokenize(const EndpointContext& context, const HttpRequest& request);
Answer reentry(const EndpointContext& context, const HttpRequest& request);

Answer takeState(const EndpointContext& context, const HttpRequest& request);
Answer beginStateUpload(const EndpointContext& context, const HttpRequest& request);
Answer showState(const EndpointContext& context, const HttpRequest& request);   // /fulgurite/v1/states/ID
Answer changeState(const EndpointContext& context, const HttpRequest& request); // .../states/ID/ORDER
Answer removeState(const EndpointContext& context, const HttpRequest& request);

Answer planOfCapture(const EndpointContext& context, const HttpRequest& request);
Answer takeCapture(const EndpointContext& context, const HttpRequest& request);
Answer listCaptures(const EndpointContext& context, const HttpRequest& request);
Answer showCapture(const EndpointContext& context, const HttpRequest& request); // /fulgurite/v1/captures/ID[/VIEW]
Answer removeCapture(const EndpointContext& context, const HttpRequest& request);
Answer decayOfModel(const EndpointContext& context, const HttpRequest& request);
Answer costsOfModel(const EndpointContext& context, const HttpRequest& request);
Answer compareUnderIntervention(const EndpointContext& context, const HttpRequest& request);

Answer listRuns(const EndpointContext& context, const HttpRequest& request);
Answer beginRun(const EndpointContext& context, const HttpRequest& request);
Answer showRun(const EndpointContext& context, const HttpRequest& request);   // /fulgurite/v1/runs/RUN[/VIEW]
Answer pushToRun(const EndpointContext& context, const HttpRequest& request); // /fulgurite/v1/runs/RUN/WHAT
Answer editRun(const EndpointContext& context, const HttpRequest& request);
Answer removeRun(const EndpointContext& context, const HttpRequest& request);

Answer listJobs(const EndpointContext& context, const HttpRequest& request);
Answer startJob(const EndpointContext& context, const HttpRequest& request);
Answer showJob(const EndpointContext& context, const HttpRequest& request);  // /fulgurite/v1/jobs/ID[/log]
Answer steerJob(const EndpointContext& context, const HttpRequest& request); // /fulgurite/v1/jobs/ID/pause ...
Answer removeJob(const EndpointContext& context, const HttpRequest& request);

Answer listEncoders(const EndpointContext& context, const HttpRequest& request);
Answer listLibraries(const EndpointContext& context, const HttpRequest& request);
Answer createLibrary(const EndpointContext& context, const HttpRequest& request);
Answer showLibrary(const EndpointContext& context, const HttpRequest& request); // .../libraries/ID[/VIEW]
Answer changeLibrary(const EndpointContext& context, const HttpRequest& request);
Answer removeLibrary(const EndpointContext& context, const HttpRequest& request);
Answer actOnLibrary(const EndpointContext& context, const HttpRequest& request); // scan, query, simulate, evaluate

Answer searchPrompts(const EndpointContext& context, const HttpRequest& request);
Answer listEmbedders(const EndpointContext& context, const HttpRequest& request);
Answer describeEmbedder(const EndpointContext& context, const HttpRequest& request); // of a folder
Answer listCollections(const EndpointContext& context, const HttpRequest& request);
Answer createCollection(const EndpointContext& context, const HttpRequest& request);
Answer showCollection(const EndpointContext& context, const HttpRequest& request);   // .../collections/ID[/VIEW]
Answer changeCollection(const EndpointContext& context, const HttpRequest& request); // .../collections/ID/ORDER
Answer removeCollection(const EndpointContext& context, const HttpRequest& request);

} // namespace fulgurite::node
