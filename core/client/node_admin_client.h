// SPDX-License-Identifier: Apache-2.0
// How a node fares, as docs/protocol.md has it: the machine, the model's memory, and the log.
#pragma once

#include "core/client/engine_client.h"
#include "core/client/http_client.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::client {

struct GpuState {
    std::string name;
    std::uint64_t memory_used = 0; // bytes
    std::uint64_t memory_total = 0;
    double utilisation = 0; // per cent
    double temperature = 0; // degrees Celsius
    double watts = 0;
};

struct NodeReport {
    std::string host;
    std::string version;
    std::int64_t process = 0;
    double uptime_seconds = 0;
    double clock = 0; // the node's, seconds since 1970
    std::size_t cores = 0;
    double load = 0;                // of the last minute
    std::uint64_t memory_total = 0; // of the machine, bytes
    std::uint64_t memory_available = 0;
    std::uint64_t process_bytes = 0; // resident, mapped weights included
    std::string gpu_driver;
    std::string gpu_problem; // why no GPU is reported; empty: some are
    std::vector<GpuState> gpus;
    std::string model_state; // as in ModelState
    std::string model_message;
    std::string model_id;
    std::string model_path;
    std::uint64_t weight_bytes = 0;
};

struct NodeLogLine {
    std::uint64_t number = 0;
    std::int64_t time_us = 0; // since 1970, UTC
    std::string level;        // "info", "warning", "error"
    std::string text;
};

struct NodeLogPiece {
    std::vector<NodeLogLine> lines; // oldest first
    std::uint64_t next = 0;         // number of the line after the last
};

// What a node has loaded, and a change under way.
struct ModelState {
    std::string state; // "loading", "ready", "leaving", "unloaded", "failed"
    std::string message;
    std::string id;         // of the loaded one; empty: none
    std::size_t in_use = 0; // requests that use it now
    bool changing = false;
    std::string to;   // what it is being changed to; empty: unloaded
    std::string step; // "reading weights"
    std::uint64_t done = 0;
    std::uint64_t total = 0; // bytes; 0: not known
    double seconds = 0;      // that the change has taken
};

// A model that the node can be told to load.
struct ModelChoice {
    std::string id;
    std::string architecture;
    std::uint64_t parameters = 0;
    std::uint64_t weight_bytes = 0;
    std::uint64_t needed_bytes = 0; // with one conversation
    bool loaded = false;
    std::string problem; // why it cannot be loaded; empty: it can
};

struct ModelChoices {
    std::vector<ModelChoice> choices;
    std::string device;
    std::uint64_t free_bytes = 0;
};

// Methods may be called from any thread and return at once; replies come on the client's thread.
class NodeAdminClient {
  public:
    virtual ~NodeAdminClient() = default;
    virtual void report(Callback<NodeReport> reply) = 0;
    // Lines from that number on, at most some hundred; of 0 the last that are kept.
    virtual void log(std::uint64_t from, Callback<NodeLogPiece> reply) = 0;

    virtual void model(Callback<ModelState> reply) = 0;
    virtual void modelChoices(Callback<ModelChoices> reply) = 0;
    // `wait`: what uses the present model may end first, instead of refusing. `force`: whatever memory is free. The
    // reply comes when the node has begun.
    virtual void loadModel(const std::string& id, bool wait, bool force, Callback<ModelState> reply) = 0;
    virtual void unloadModel(bool wait, Callback<ModelState> reply) = 0;
    virtual void stopModelChange(Callback<ModelState> reply) = 0;
};

// A connection of its own. Destroying it cancels what runs; no callback comes afterwards.
std::unique_ptr<NodeAdminClient> connectToAdmin(const HttpEndpoint& endpoint, const std::string& token,
                                                const HttpClientOptions& options);

} // namespace fulgurite::client
