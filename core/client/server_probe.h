// SPDX-License-Identifier: Apache-2.0
// Finds out what answers at an address and what it can do: a Fulgurite node, or any server with OpenAI's interface.
// A foreign server is asked for at most eight tokens, because only an answer shows whether it gives
// log-probabilities and in which field it puts its thinking.
#pragma once

#include "core/client/engine_client.h"
#include "core/client/server_abilities.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace fulgurite::client {

struct OfferedModel {
    std::string id;
    std::size_t max_positions = 0; // 0: not said
};

struct ProbeStep {
    std::string name; // "engine", "models", "chat", ...
    bool ok = false;
    std::string text; // what was found, or why not
};

struct ServerProbe {
    ServerFacts facts;
    std::vector<OfferedModel> models;
    double round_trip_seconds = 0; // of the first answer, connecting included
    std::vector<ProbeStep> steps;
    // As EngineClient::info() would say it. Absent: a Fulgurite node whose
    // model is still being loaded, or has failed (see problem).
    std::optional<EngineInfo> info;
    std::string problem;  // why it cannot be used now; empty: it can
    bool loading = false; // it will, when it has read its model
    // Set: nothing was sent, because nobody vouches for this certificate, or another one is pinned. The rest is empty.
    std::optional<CertificateInfo> refused_certificate;
};

// Blocks until done: call it from a thread that may wait. Throws Error{Unavailable | Io | InvalidInput} when
// nothing usable answers, and Error{Cancelled} when `stop` was asked for. `model`: which of the server's models to
// try; empty: the first. `heard` (may be empty) hears of each step as it ends, on the calling thread.
ServerProbe probeServer(const HttpEndpoint& endpoint, const ClientOptions& options, const std::string& model,
                        const std::function<void(const ProbeStep&)>& heard = {}, const std::stop_token& stop = {});

// As connectToOpenAi() (engine_client.h), with what a probe has found: only what the server offers is asked of it.
std::unique_ptr<EngineClient> connectToProbed(const HttpEndpoint& endpoint, const EngineInfo& known,
                                              ClientOptions options);

} // namespace fulgurite::client
