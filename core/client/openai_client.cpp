// SPDX-License-Identifier: Apache-2.0
// EngineClient over OpenAI's interface: any vLLM, SGLang or llama.cpp server becomes a node that can chat.
#include "core/client/engine_client.h"
#include "core/client/engine_json.h"
#include "core/client/json_call.h"
#include "core/client/openai_json.h"
#include "core/client/sse_parser.h"

#include <chrono>
#include <mutex>
#include <utility>

namespace fulgurite::client {

namespace {

using Clock = std::chrono::steady_clock;

double secondsBetween(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

class OpenAiStream : public HttpHandler {
  public:
    OpenAiStream(std::string where, std::shared_ptr<GenerateListener> listener)
        : where_(std::move(where)), listener_(std::move(listener)) {}

    void onHead(int status, const std::map<std::string, std::string>&) override { status_ = status; }

    void onBody(std::string_view bytes) override {
        if (status_ != 200)
            body_.append(bytes.substr(0, max_error_bytes - std::min(max_error_bytes, body_.size())));
        else
            parser_.push(bytes, [this](const SseEvent& event) { onEvent(event.data); });
    }

    void onEnd() override {
        if (status_ != 200)
            return end(readError(status_, body_, where_));
        end(Error(ErrorKind::Unavailable,
                  fmt::format("{}: the connection ended before the answer did. What arrived is kept.", where_)));
    }

    void onError(const Error& error) override { end(error); }

  private:
    static constexpr std::size_t max_error_bytes = 64 * 1024;

    void onEvent(const std::string& data) {
        if (ended_)
            return;
        if (data == "[DONE]")
            return finish();
        OpenAiChunk chunk = readOpenAiChunk(data, where_);
        if (!std::exchange(started_, true))
            listener_->onStart({chunk.id, 0});
        if (chunk.prompt_tokens) {
            done_.prompt_tokens = *chunk.prompt_tokens;
            done_.completion_tokens = chunk.completion_tokens;
        }
        if (!chunk.finish_reason.empty())
            done_.reason = finishReasonOf(chunk.finish_reason);
        if (chunk.tokens.empty())
            return;
        if (first_ == Clock::time_point())
            first_ = Clock::now();
        for (const TokenInfo& token : chunk.tokens)
            done_.thinking_tokens += token.channel == StreamChannel::Thinking ? 1 : 0;
        received_ += chunk.tokens.size();
        listener_->onTokens(std::move(chunk.tokens));
    }

    void finish() {
        if (done_.reason.empty())
            return end(
                Error(ErrorKind::InvalidInput, fmt::format("{}: the answer ended without a reason", where_)));
        ended_ = true;
        const auto now = Clock::now();
        const auto first = first_ == Clock::time_point() ? now : first_;
        done_.prefill_seconds = secondsBetween(asked_, first);
        done_.decode_seconds = secondsBetween(first, now);
        if (done_.completion_tokens == 0)
            done_.completion_tokens = received_;
        listener_->onDone(done_);
    }

    void end(const Error& error) {
        if (!std::exchange(ended_, true))
            listener_->onError(error);
    }

    std::string where_;
    std::shared_ptr<GenerateListener> listener_;
    SseParser parser_;
    std::string body_;
    StreamDone done_;
    std::size_t received_ = 0;
    Clock::time_point asked_ = Clock::now();
    Clock::time_point first_;
    int status_ = 0;
    bool started_ = false;
    bool ended_ = false;
};

class OpenAiClient : public EngineClient {
  public:
    OpenAiClient(HttpEndpoint endpoint, std::string model, ClientOptions options)
        : endpoint_(std::move(endpoint)),
          token_(std::move(options.token)),
          model_(std::make_shared<ModelName>(std::move(model))),
          http_(std::move(options.http)) {}

    const HttpEndpoint& endpoint() const override { return endpoint_; }

    void health(Callback<Health> callback) override {
        models([callback = std::move(callback)](const Outcome<std::vector<std::string>>& names) {
            callback(names.ok() ? Outcome<Health>(Health{HealthState::Ready, {}}) : Outcome<Health>(names.error()));
        });
    }

    void info(Callback<EngineInfo> callback) override {
        models([callback = std::move(callback), model = model_](const Outcome<std::vector<std::string>>& names) {
            if (!names.ok())
                return callback(names.error());
            EngineInfo info;
            info.model.id = model->get();
            info.capabilities = {"chat", "completions"};
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
        const bool chat = std::holds_alternative<std::vector<ChatMessage>>(request.prompt);
        HttpRequest http;
        http.method = "POST";
        http.path = chat ? "/v1/chat/completions" : "/v1/completions";
        try {
            http.body = openAiBody(request, model_->get());
        } catch (const Error& error) {
            listener->onError(error);
            return std::make_shared<NothingToCancel>();
        }
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
    HttpClient http_;
};

} // namespace

std::unique_ptr<EngineClient> connectToOpenAi(const HttpEndpoint& endpoint, const std::string& model,
                                              ClientOptions options) {
    return std::make_unique<OpenAiClient>(endpoint, model, std::move(options));
}

} // namespace fulgurite::client
