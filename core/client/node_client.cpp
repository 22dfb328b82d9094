// SPDX-License-Identifier: Apache-2.0
// EngineClient over /fulgurite/v1.
#include "core/client/cascade_client.h"
#include "core/client/engine_client.h"
#include "core/client/engine_json.h"
#include "core/client/event_stream_call.h"
#include "core/client/inspection_client.h"
#include "core/client/node_api.h"
#include "core/client/retrieval_client.h"

#include <mutex>
#include <utility>

namespace fulgurite::client {

namespace {

class NodeStream final : public EventStreamCall {
  public:
    NodeStream(std::string where, std::shared_ptr<GenerateListener> listener)
        : EventStreamCall(std::move(where)), listener_(std::move(listener)) {}

  protected:
    bool onEvent(const SseEvent& event) override {
        if (event.name == "start")
            listener_->onStart(readStart(event.data, where()));
        else if (event.name == "prefill")
            listener_->onPrefill(readPrefill(event.data, where()));
        else if (event.name == "token")
            listener_->onTokens(readTokens(event.data, where()));
        else if (event.name == "done") {
            const StreamDone done = readDone(event.data, where());
            listener_->onDone(done);
            return true;
        }
        return false;
    }
    void onFailure(const Error& error) override { listener_->onError(error); }
    void onRefusal(const Error& error, const Refusal& refusal) override { listener_->onRefused(error, refusal); }

  private:
    std::shared_ptr<GenerateListener> listener_;
};

class NodeClient : public EngineClient {
  public:
    NodeClient(HttpEndpoint endpoint, ClientOptions options)
        : api_(std::move(endpoint), std::move(options.token), options.http),
          http_options_(std::move(options.http)) {}

    const HttpEndpoint& endpoint() const override { return api_.endpoint(); }

    void health(Callback<Health> callback) override {
        // A model that loads or failed is told with a status of its own and the same body.
        ask<Health>("GET", "/health", {}, readHealth, std::move(callback), true);
    }
    void info(Callback<EngineInfo> callback) override {
        ask<EngineInfo>("GET", "/fulgurite/v1/info", {}, readInfo, std::move(callback));
    }
    void load(Callback<EngineLoad> callback) override {
        ask<EngineLoad>("GET", "/fulgurite/v1/status", {}, readLoad, std::move(callback));
    }
    void tokenize(const Prompt& prompt, bool special, bool pieces, Callback<Tokenization> callback) override {
        post<Tokenization>(
            "/fulgurite/v1/tokenize", [=] { return tokenizeBody(prompt, special, pieces); }, readTokenization,
            std::move(callback));
    }
    void reentry(const std::vector<GenerateRequest>& sequences,
                 Callback<std::vector<ReentryCost>> callback) override {
        post<std::vector<ReentryCost>>(
            "/fulgurite/v1/reentry", [sequences] { return reentryBody(sequences); }, readReentry,
            std::move(callback));
    }

    InspectionClient* inspection() override { return later(inspection_, connectToInspection); }
    RetrievalClient* retrieval() override { return later(retrieval_, connectToRetrieval); }
    CascadeClient* cascade() override { return later(cascade_, connectToCascade); }

    std::shared_ptr<HttpCall> generate(const GenerateRequest& request,
                                       std::shared_ptr<GenerateListener> listener) override {
        HttpRequest http =
            api_.prepareLate("POST", "/fulgurite/v1/generate", [request] { return generateBody(request); });
        http.headers["Accept"] = "text/event-stream";
        // A request may wait in the node's queue, and prefill for minutes, without a word.
        http.head_timeout = http.idle_timeout = std::chrono::milliseconds(0);
        return api_.start(std::move(http),
                          std::make_shared<NodeStream>(api_.endpoint().url(), std::move(listener)));
    }

  private:
    // The client of a further part of the protocol, made when it is first asked for: each has a thread of its own,
    // so that large arrays hold no answer up.
    template <class Client>
    struct Later {
        std::once_flag once;
        std::unique_ptr<Client> client;
    };

    template <class Client, class Connect>
    Client* later(Later<Client>& part, Connect connect) {
        std::call_once(part.once, [&] { part.client = connect(api_.endpoint(), api_.token(), http_options_); });
        return part.client.get();
    }

    template <class T>
    void ask(const char* method, const char* path, std::string body, typename JsonCall<T>::Reader reader,
             Callback<T> callback, bool any_status = false) {
        api_.ask<T>(method, path, std::move(body), std::move(reader), std::move(callback), any_status);
    }

    template <class T>
    void post(const char* path, std::function<std::string()> write_body, typename JsonCall<T>::Reader reader,
              Callback<T> callback) {
        api_.start(
            api_.prepareLate("POST", path, std::move(write_body)),
            std::make_shared<JsonCall<T>>(api_.endpoint().url() + path, std::move(reader), std::move(callback)));
    }

    NodeApi api_;
    HttpClientOptions http_options_; // of the clients made later
    Later<InspectionClient> inspection_;
    Later<RetrievalClient> retrieval_;
    Later<CascadeClient> cascade_;
};

} // namespace

std::unique_ptr<EngineClient> connectToNode(const HttpEndpoint& endpoint, ClientOptions options) {
    return std::make_unique<NodeClient>(endpoint, std::move(options));
}

} // namespace fulgurite::client
