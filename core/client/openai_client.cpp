// SPDX-License-Identifier: Apache-2.0
// EngineClient over OpenAI's interface: any vLLM, SGLang or llama.cpp server becomes a node that can chat.
#include "core/client/engine_client.h"
#include "core/client/engine_json.h"
#include "core/client/json_call.h"
#include "core/client/openai_json.h"
#include "core/client/openai_stream.h"
#include "core/client/server_probe.h"

#include <chrono>
#include <mutex>
#include <utility>

namespace fulgurite::client {

namespace {

class OpenAiClient : public EngineClient {
  public:
    // `known`: what a probe has found out; its model may be empty.
    OpenAiClient(HttpEndpoint endpoint, EngineInfo known, ClientOptions options)
        : endpoint_(std::move(endpoint)),
          token_(std::move(options.token)),
          model_(std::make_shared<ModelName>(known.model.id)),
          known_(std::move(known)),
          http_(std::move(options.http)) {}

    const HttpEndpoint& endpoint() const override { return endpoint_; }

    void health(Callback<Health> callback) override {
        models([callback = std::move(callback)](const Outcome<std::vector<std::string>>& names) {
            callback(names.ok() ? Outcome<Health>(Health{HealthState::Ready, {}}) : Outcome<Health>(names.error()));
        });
    }

    void info(Callback<EngineInfo> callback) override {
        models([callback = std::move(callback), model = model_,
                known = known_](const Outcome<std::vector<std::string>>& names) {
            if (!names.ok())
                return callback(names.error());
            EngineInfo info = known;
            info.model.id = model->get();
            callback(std::move(info));
        });
    }

    void load(Callback<EngineLoad> callback) override { callback(unsupported("its load")); }
    void tokenize(const Prompt&, bool, bool, Callback<Tokenization> callback) override {
        callback(unsupported("tokens"));
    }
    void reentry(const std::vector<GenerateRequest>&, Callback<std::vector<ReentryCost>> callback) override {
        callback(unsupported("snapshots"));
    }

    std::shared_ptr<HttpCall> generate(const GenerateRequest& request,
                                       std::shared_ptr<GenerateListener> listener) override {
        if (const auto refusal = refusedByOpenAi(request)) {
            listener->onError(*refusal);
            return std::make_shared<NothingToCancel>();
        }
        const bool chat = std::holds_alternative<std::vector<ChatMessage>>(request.prompt);
        HttpRequest http;
        http.method = "POST";
        http.path = chat ? "/v1/chat/completions" : "/v1/completions";
        http.write_body = [request, model = model_, known = known_] {
            return openAiBody(request, model->get(), known);
        };
        http.headers = headers();
        http.headers["Content-Type"] = "application/json";
        http.headers["Accept"] = "text/event-stream";
        http.head_timeout = http.idle_timeout = std::chrono::milliseconds(0);
        return http_.start(endpoint_, std::move(http),
                           std::make_shared<OpenAiStream>(endpoint_.url(), std::move(listener)));
    }

  private:
    // Learnt from the server on one thread, used on another.
    class ModelName {
      public:
        explicit ModelName(std::string name) : name_(std::move(name)) {}
        std::string get() const {
            const std::scoped_lock lock(mutex_);
            return name_;
        }
        void setIfEmpty(const std::string& name) {
            const std::scoped_lock lock(mutex_);
            if (name_.empty())
                name_ = name;
        }

      private:
        mutable std::mutex mutex_;
        std::string name_;
    };

    struct NothingToCancel : HttpCall {
        void cancel() override {}
    };

    Error unsupported(const char* what) const {
        return {ErrorKind::Unsupported,
                fmt::format("{}: an OpenAI-compatible server does not tell {}", endpoint_.url(), what)};
    }

    std::map<std::string, std::string> headers() const {
        if (token_.empty())
            return {};
        return {{"Authorization", "Bearer " + token_}};
    }

    void models(Callback<std::vector<std::string>> callback) {
        HttpRequest http;
        http.path = "/v1/models";
        http.headers = headers();
        auto keep = [callback = std::move(callback), model = model_](Outcome<std::vector<std::string>> names) {
            if (names.ok() && !names.value().empty())
                model->setIfEmpty(names.value().front());
            callback(std::move(names));
        };
        http_.start(endpoint_, std::move(http),
                    std::make_shared<JsonCall<std::vector<std::string>>>(endpoint_.url() + "/v1/models",
                                                                         readOpenAiModels, std::move(keep)));
    }

    HttpEndpoint endpoint_;
    std::string token_;
    std::shared_ptr<ModelName> model_;
    EngineInfo known_;
    HttpClient http_;
};

} // namespace

std::unique_ptr<EngineClient> connectToOpenAi(const HttpEndpoint& endpoint, const std::string& model,
                                              ClientOptions options) {
    EngineInfo known;
    known.model.id = model;
    known.capabilities = {"chat", "completions", "logprobs", "alternatives", "reasoning"};
    return connectToProbed(endpoint, known, std::move(options));
}

std::unique_ptr<EngineClient> connectToProbed(const HttpEndpoint& endpoint, const EngineInfo& known,
                                              ClientOptions options) {
    return std::make_unique<OpenAiClient>(endpoint, known, std::move(options));
}

} // namespace fulgurite::client
