// SPDX-License-Identifier: Apache-2.0
// EngineClient over /fulgurite/v1.
#include "core/client/engine_client.h"
#include "core/client/engine_json.h"
#include "core/client/json_call.h"
#include "core/client/sse_parser.h"

#include <utility>

namespace fulgurite::client {

namespace {

class NodeStream : public HttpHandler {
  public:
    NodeStream(std::string where, std::shared_ptr<GenerateListener> listener)
        : where_(std::move(where)), listener_(std::move(listener)) {}

    void onHead(int status, const std::map<std::string, std::string>& headers) override {
        status_ = status;
        const auto type = headers.find("content-type");
        streams_ = status == 200 && type != headers.end() && type->second.starts_with("text/event-stream");
    }

    void onBody(std::string_view bytes) override {
        if (!streams_) {
            body_.append(bytes.substr(0, max_error_bytes - std::min(max_error_bytes, body_.size())));
            return;
        }
        parser_.push(bytes, [this](const SseEvent& event) { onEvent(event); });
    }

    void onEnd() override {
        if (ended_)
            return;
        if (status_ >= 400)
            return end(readError(status_, body_, where_));
        if (!streams_)
            return end(Error(ErrorKind::InvalidInput,
                             fmt::format("{}: the answer is no event stream; is this a Fulgurite node?", where_)));
        end(Error(ErrorKind::Unavailable,
                  fmt::format("{}: the connection ended before the answer did. What arrived is kept.", where_)));
    }

    void onError(const Error& error) override { end(error); }

  private:
    static constexpr std::size_t max_error_bytes = 64 * 1024;

    void onEvent(const SseEvent& event) {
        if (ended_)
            return;
        if (event.name == "start")
            listener_->onStart(readStart(event.data, where_));
        else if (event.name == "prefill")
            listener_->onPrefill(readPrefill(event.data, where_));
        else if (event.name == "token")
            listener_->onTokens(readTokens(event.data, where_));
        else if (event.name == "error")
            end(readError(0, event.data, where_));
        else if (event.name == "done") {
            const StreamDone done = readDone(event.data, where_);
            ended_ = true;
            listener_->onDone(done);
        }
    }

    void end(const Error& error) {
        if (!std::exchange(ended_, true))
            listener_->onError(error);
    }

    std::string where_;
    std::shared_ptr<GenerateListener> listener_;
    SseParser parser_;
    std::string body_;
    int status_ = 0;
    bool streams_ = false;
    bool ended_ = false;
};

class NodeClient : public EngineClient {
  public:
    NodeClient(HttpEndpoint endpoint, ClientOptions options)
        : endpoint_(std::move(endpoint)), token_(std::move(options.token)), http_(std::move(options.http)) {}

    const HttpEndpoint& endpoint() const override { return endpoint_; }

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
        ask<Tokenization>("POST", "/fulgurite/v1/tokenize", tokenizeBody(prompt, special, pieces), readTokenization,
                          std::move(callback));
    }
    void reentry(const std::vector<GenerateRequest>& sequences,
                 Callback<std::vector<ReentryCost>> callback) override {
        ask<std::vector<ReentryCost>>("POST", "/fulgurite/v1/reentry", reentryBody(sequences), readReentry,
                                      std::move(callback));
    }

    std::shared_ptr<HttpCall> generate(const GenerateRequest& request,
                                       std::shared_ptr<GenerateListener> listener) override {
        HttpRequest http = prepare("POST", "/fulgurite/v1/generate", generateBody(request));
        http.headers["Accept"] = "text/event-stream";
        // A request may wait in the node's queue, and prefill for minutes, without a word.
        http.head_timeout = http.idle_timeout = std::chrono::milliseconds(0);
        return http_.start(endpoint_, std::move(http),
                           std::make_shared<NodeStream>(endpoint_.url(), std::move(listener)));
    }

  private:
    HttpRequest prepare(const char* method, const char* path, std::string body) const {
        HttpRequest request;
        request.method = method;
        request.path = path;
        request.body = std::move(body);
        if (!token_.empty())
            request.headers["Authorization"] = "Bearer " + token_;
        if (!request.body.empty())
            request.headers["Content-Type"] = "application/json";
        return request;
    }

    template <class T>
    void ask(const char* method, const char* path, std::string body, typename JsonCall<T>::Reader reader,
             Callback<T> callback, bool any_status = false) {
        http_.start(endpoint_, prepare(method, path, std::move(body)),
                    std::make_shared<JsonCall<T>>(endpoint_.url() + path, std::move(reader), std::move(callback),
                                                  any_status));
    }

    HttpEndpoint endpoint_;
    std::string token_;
    HttpClient http_;
};

} // namespace

std::unique_ptr<EngineClient> connectToNode(const HttpEndpoint& endpoint, ClientOptions options) {
    return std::make_unique<NodeClient>(endpoint, std::move(options));
}

} // namespace fulgurite::client
