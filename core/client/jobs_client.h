// SPDX-License-Identifier: Apache-2.0
// The jobs of a node, as docs/protocol.md has them: training runs that are started, watched and steered from here.
#pragma once

#include "core/client/engine_client.h"
#include "core/client/http_client.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::client {

enum class NodeJobState : std::uint8_t { Running, Paused, Stopping, Finished, Failed, Stopped };

struct NodeJob {
    std::int64_t id = 0;
    std::string kind; // "train"
    std::string name;
    std::string spec; // JSON
    NodeJobState state = NodeJobState::Running;
    std::int64_t created_us = 0; // since 1970, UTC
    std::optional<std::int64_t> ended_us;
    std::optional<std::int64_t> kill_us; // of one that is stopping: when it is killed
    std::optional<int> exit_code;
    std::string message; // why it failed
    std::string folder;  // on the node
    std::uint64_t log_bytes = 0;
    // The uuid of the run that it reports; empty: it has begun none. Nothing: the node is older and does not say.
    std::optional<std::string> run;
};

struct JobList {
    std::vector<std::string> kinds; // that the node can start
    std::vector<NodeJob> jobs;      // newest first
};

// What a job printed; `next` is where to go on.
struct JobLogPiece {
    std::uint64_t from = 0;
    std::uint64_t next = 0;
    std::uint64_t size = 0;
    std::string text;
};

// Methods may be called from any thread and return at once; replies come on the client's thread. A call that was
// cancelled replies with Error{Cancelled}.
class JobsClient {
  public:
    using Call = std::shared_ptr<HttpCall>;

    virtual ~JobsClient() = default;
    virtual Call list(Callback<JobList> reply) = 0;
    // `spec` is JSON; of a training {"method": "rl", "config": {...}}.
    virtual Call start(const std::string& kind, const std::string& name, const std::string& spec,
                       Callback<NodeJob> reply) = 0;
    virtual Call show(std::int64_t id, Callback<NodeJob> reply) = 0;
    // Without `from` the last 64 KiB.
    virtual Call log(std::int64_t id, std::optional<std::uint64_t> from, Callback<JobLogPiece> reply) = 0;
    virtual Call pause(std::int64_t id, Callback<NodeJob> reply) = 0;
    virtual Call resume(std::int64_t id, Callback<NodeJob> reply) = 0; // also what stopped or failed
    virtual Call stop(std::int64_t id, Callback<NodeJob> reply) = 0;
    virtual Call kill(std::int64_t id, Callback<NodeJob> reply) = 0; // without waiting for what it would save
    virtual Call remove(std::int64_t id, Callback<std::int64_t> reply) = 0;
};

// A connection of its own to a node. Destroying it cancels what runs; no callback comes afterwards.
std::unique_ptr<JobsClient> connectToJobs(const HttpEndpoint& endpoint, const std::string& token,
                                          const HttpClientOptions& options);

} // namespace fulgurite::client
