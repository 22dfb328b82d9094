// SPDX-License-Identifier: Apache-2.0
// A node as the window and the tools see it. Callbacks come on the client's thread; whoever owns a user interface
// carries them over to its own.
#pragma once

#include "core/client/engine_types.h"
#include "core/client/http_client.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::client {

// Hears about one generation, in order; the last call is onDone, onError or onRefused. A stop by cancel() comes as
// Error{Cancelled}; a connection that ends before the answer does as Error{Unavailable}.
class GenerateListener {
  public:
    virtual ~GenerateListener() = default;
    virtual void onStart(const StreamStart&) {}
    virtual void onPrefill(const StreamPrefill&) {}
    virtual void onTokens(std::vector<TokenInfo> tokens) = 0;
    virtual void onDone(const StreamDone& done) = 0;
    virtual void onError(const Error& error) = 0;
    virtual void onRefused(const Error& error, const Refusal&) { onError(error); }
};

class CascadeClient;
class InspectionClient;
class RetrievalClient;

template <class T>
using Callback = std::function<void(Outcome<T>)>;

// Methods may be called from any thread and return at once.
class EngineClient {
  public:
    virtual ~EngineClient() = default;
    virtual const HttpEndpoint& endpoint() const = 0;
    virtual void health(Callback<Health> callback) = 0;
    virtual void info(Callback<EngineInfo> callback) = 0;
    virtual void load(Callback<EngineLoad> callback) = 0;
    virtual std::shared_ptr<HttpCall> generate(const GenerateRequest& request,
                                               std::shared_ptr<GenerateListener> listener) = 0;
    virtual void tokenize(const Prompt& prompt, bool special, bool pieces, Callback<Tokenization> callback) = 0;
    virtual void reentry(const std::vector<GenerateRequest>& sequences,
                         Callback<std::vector<ReentryCost>> callback) = 0;
    // core/client/inspection_client.h; lives as long as this. nullptr: the server's models cannot be looked into.
    virtual InspectionClient* inspection() { return nullptr; }
    // core/client/retrieval_client.h; lives as long as this. nullptr: the server keeps no collections.
    virtual RetrievalClient* retrieval() { return nullptr; }
    // core/client/cascade_client.h, likewise. nullptr: the server keeps no image libraries.
    virtual CascadeClient* cascade() { return nullptr; }
};

struct ClientOptions {
    std::string token; // bearer
    HttpClientOptions http;
};

// A node that speaks /fulgurite/v1. Destroying it cancels what runs; no callback comes afterwards.
std::unique_ptr<EngineClient> connectToNode(const HttpEndpoint& endpoint, ClientOptions options);
// Any server with OpenAI's /v1/chat/completions and /v1/completions (vLLM, SGLang, llama.cpp). What it cannot do is
// missing from info().capabilities and answered with Error{Unsupported}. `model` empty: the first it offers.
std::unique_ptr<EngineClient> connectToOpenAi(const HttpEndpoint& endpoint, const std::string& model,
                                              ClientOptions options);

} // namespace fulgurite::client
