// SPDX-License-Identifier: Apache-2.0
#include "core/client/server_probe.h"

#include "core/client/certificate.h"
#include "core/client/engine_json.h"
#include "core/client/probe_answers.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <utility>

namespace fulgurite::client {

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t most_bytes = std::size_t{4} << 20;

// One exchange whose end somebody waits for.
class WaitingAnswer : public HttpHandler {
  public:
    void onHead(int status, const std::map<std::string, std::string>& headers) override {
        answer_.status = status;
        if (const auto server = headers.find("server"); server != headers.end())
            answer_.server = server->second;
    }
    void onBody(std::string_view bytes) override {
        if (answer_.body.size() + bytes.size() > most_bytes)
            fail(ErrorKind::InvalidInput, "the answer is larger than {} bytes", most_bytes);
        answer_.body.append(bytes);
    }
    void onEnd() override { finish({}); }
    void onError(const Error& error) override { finish(error); }

    ProbeAnswer wait() {
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [this] { return done_; });
        if (error_)
            throw *error_;
        return answer_;
    }

  private:
    void finish(std::optional<Error> error) {
        const std::scoped_lock lock(mutex_);
        error_ = std::move(error);
        done_ = true;
        ended_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable ended_;
    bool done_ = false;
    std::optional<Error> error_;
    ProbeAnswer answer_;
};

class Probing {
  public:
    Probing(const HttpEndpoint& endpoint, const ClientOptions& options, std::string model,
            const std::function<void(const ProbeStep&)>& heard, std::stop_token stop)
        : endpoint_(endpoint),
          token_(options.token),
          http_(options.http),
          model_(std::move(model)),
          heard_(heard),
          stop_(std::move(stop)) {}

    ServerProbe run() {
        if (endpoint_.tls && !certificateIsAccepted())
            return std::move(probe_);
        const auto begin = Clock::now();
        ProbeAnswer first = get("/fulgurite/v1/info");
        probe_.round_trip_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        if (speaksFulgurite(first))
            takeFulgurite(first);
        else
            takeForeign(first);
        return std::move(probe_);
    }

  private:
    ProbeAnswer ask(const char* method, const std::string& path, std::string body, milliseconds patience) {
        HttpRequest request;
        request.method = method;
        request.path = path;
        request.body = std::move(body);
        request.head_timeout = request.idle_timeout = patience;
        if (!token_.empty())
            request.headers["Authorization"] = "Bearer " + token_;
        if (!request.body.empty())
            request.headers["Content-Type"] = "application/json";
        const auto waiting = std::make_shared<WaitingAnswer>();
        const auto call = http_.start(endpoint_, std::move(request), waiting);
        const std::stop_callback cancel(stop_, [&call] { call->cancel(); });
        return waiting->wait();
    }
    ProbeAnswer get(const std::string& path) { return ask("GET", path, {}, milliseconds(10'000)); }
    // A server may load the model for the first question.
    ProbeAnswer post(const std::string& path, const json& body) {
        return ask("POST", path, body.dump(), milliseconds(120'000));
    }

    CertificateInfo look() {
        auto waiting = std::make_shared<std::promise<Outcome<CertificateInfo>>>();
        std::future<Outcome<CertificateInfo>> coming = waiting->get_future();
        http_.lookAtCertificate(endpoint_, [waiting](const auto& seen, const auto& error) {
            waiting->set_value(seen ? Outcome<CertificateInfo>(*seen) : Outcome<CertificateInfo>(*error));
        });
        const Outcome<CertificateInfo> seen = coming.get();
        if (!seen.ok())
            throw seen.error();
        return seen.value();
    }
    // Looked at before a token is sent to whoever shows it.
    bool certificateIsAccepted() {
        const CertificateInfo seen = look();
        const std::string& pinned = endpoint_.fingerprint;
        if (pinned.empty() ? seen.trusted : sameFingerprint(seen.fingerprint, pinned)) {
            step("certificate", true, pinned.empty() ? "an authority vouches for it" : "the one that you accepted");
            return true;
        }
        probe_.problem =
            pinned.empty()
                ? fmt::format("No authority that this computer knows vouches for its certificate. Its SHA-256 is {}.",
                              seen.fingerprint)
                : fmt::format("Its certificate has changed. Accepted was {}, shown is {}. Nothing was sent.", pinned,
                              seen.fingerprint);
        step("certificate", false, probe_.problem);
        probe_.refused_certificate = seen;
        return false;
    }

    void step(const std::string& name, bool ok, std::string text) {
        probe_.steps.push_back({name, ok, std::move(text)});
        if (heard_)
            heard_(probe_.steps.back());
    }
    std::string where(const std::string& path) const { return endpoint_.url() + path; }
    Error refusal(const ProbeAnswer& answer, const std::string& path) const {
        return readError(answer.status, answer.body, where(path));
    }

    void takeFulgurite(const ProbeAnswer& answer) {
        probe_.facts.kind = ServerKind::Fulgurite;
        if (answer.status != 200) {
            probe_.problem = messageOnly(refusal(answer, {}).what());
            probe_.loading = answer.body.find("\"model_loading\"") != std::string::npos;
            step("engine", true, "Fulgurite");
            step("model", false, probe_.problem);
            return;
        }
        EngineInfo info = readInfo(answer.body, where("/fulgurite/v1/info"));
        probe_.facts = explained(info, ServerKind::Fulgurite);
        probe_.models.push_back({info.model.id, info.model.max_positions});
        step("engine", true, fmt::format("Fulgurite {}, protocol {}", info.engine_version, info.protocol));
        step("model", true, info.model.id);
        probe_.info = std::move(info);
    }

    void takeForeign(const ProbeAnswer& first) {
        const ProbeAnswer list = get("/v1/models");
        // With a token of the wrong kind both addresses answer alike.
        if (list.status == 401 || list.status == 403)
            throw refusal(list, "/v1/models");
        ModelList models = readModelList(list, where("/v1/models"));
        if (first.status >= 500 && models.models.empty())
            throw refusal(first, {});
        probe_.models = std::move(models.models);
        identify(models.owner, list.server);
        step("server", true,
             std::string(nameOf(probe_.facts.kind)) +
                 (probe_.facts.version.empty() ? "" : " " + probe_.facts.version));
        if (model_.empty() && !probe_.models.empty())
            model_ = probe_.models.front().id;
        step("models", !probe_.models.empty(),
             probe_.models.empty() ? "it lists none"
                                   : fmt::format("{} listed, {} is used", probe_.models.size(), model_));

        EngineInfo info;
        info.engine_version = probe_.facts.version;
        info.model.id = model_;
        for (const OfferedModel& each : probe_.models)
            if (each.id == model_)
                info.model.max_positions = each.max_positions;
        tryChat(info);
        tryCompletion(info);
        tryEmbedding(info);
        probe_.facts = explained(info, probe_.facts.kind, std::move(reasons_));
        if (!info.can("chat") && !info.can("completions"))
            probe_.problem = probe_.facts.whyNot(info, "chat");
        probe_.info = std::move(info);
    }

    // Whom the list of models names as their owner; else what only one of them answers.
    void identify(const std::string& owner, const std::string& header) {
        probe_.facts.kind = kindOfOwner(owner);
        if (probe_.facts.kind == ServerKind::Unknown)
            probe_.facts.kind = kindOfTitle(get("/openapi.json"), header);
        if (probe_.facts.kind == ServerKind::Unknown || probe_.facts.kind == ServerKind::LlamaServer) {
            const ProbeAnswer props = get("/props");
            if (readBuild(props, probe_.facts.version))
                probe_.facts.kind = ServerKind::LlamaServer;
        }
        if (probe_.facts.kind == ServerKind::Unknown && get("/get_model_info").status == 200)
            probe_.facts.kind = ServerKind::Sglang;
        if (probe_.facts.kind == ServerKind::Unknown)
            probe_.facts.kind = ServerKind::OpenAi;
        if (probe_.facts.version.empty() &&
            (probe_.facts.kind == ServerKind::Vllm || probe_.facts.kind == ServerKind::OpenAi))
            probe_.facts.version = readVersion(get("/version"));
        if (probe_.facts.version.empty() && probe_.facts.kind == ServerKind::Sglang)
            probe_.facts.version = readVersion(get("/get_server_info"));
    }

    void tryChat(EngineInfo& info) {
        const std::string path = "/v1/chat/completions";
        json body{{"model", model_},
                  {"messages", json::array({{{"role", "user"}, {"content", "Hi"}}})},
                  {"max_tokens", 4},
                  {"logprobs", true},
                  {"top_logprobs", 2}};
        ProbeAnswer answer = post(path, body);
        std::string no_scores;
        if (answer.status != 200) {
            no_scores = messageOnly(refusal(answer, {}).what());
            body.erase("logprobs");
            body.erase("top_logprobs");
            answer = post(path, body);
        }
        if (answer.status != 200) {
            reasons_["chat"] = messageOnly(refusal(answer, {}).what());
            return step("chat", false, reasons_["chat"]);
        }
        const ChatFinding found = readChatFinding(answer, where(path));
        info.capabilities.insert("chat");
        info.capabilities.insert("reasoning");
        step("chat", true, "answers");
        if (found.alternatives > 0 || found.scored) {
            info.capabilities.insert({"logprobs", "alternatives"});
            if (found.alternatives == 0)
                reasons_["logprobs"] = "It scores the tokens that it sends, without alternatives.";
        } else {
            reasons_["logprobs"] =
                no_scores.empty()
                    ? fmt::format("{} takes the wish for log-probabilities and gives none.",
                                  nameOf(probe_.facts.kind))
                    : fmt::format("{} refuses to give log-probabilities: {}", nameOf(probe_.facts.kind), no_scores);
        }
        step("log-probabilities", found.scored, found.scored ? "given" : reasons_["logprobs"]);
        if (!found.reasoning_field.empty())
            step("thinking", true, "comes as " + found.reasoning_field);
    }

    void tryCompletion(EngineInfo& info) {
        const std::string path = "/v1/completions";
        const ProbeAnswer answer = post(path, {{"model", model_}, {"prompt", "Hi"}, {"max_tokens", 4}});
        if (answer.status == 200 && hasCompletion(answer)) {
            info.capabilities.insert("completions");
            return step("raw text", true, "answers");
        }
        reasons_["completions"] =
            fmt::format("{} does not complete raw text{}", nameOf(probe_.facts.kind), reasonOf(answer));
        step("raw text", false, reasons_["completions"]);
    }

    void tryEmbedding(EngineInfo& info) {
        const ProbeAnswer answer = post("/v1/embeddings", {{"model", model_}, {"input", "Hi"}});
        if (answer.status == 200 && hasEmbedding(answer)) {
            info.capabilities.insert("embeddings");
            return step("embeddings", true, "given");
        }
        reasons_["embeddings"] =
            fmt::format("{} gives no embeddings{}", nameOf(probe_.facts.kind), reasonOf(answer));
        step("embeddings", false, reasons_["embeddings"]);
    }

    // ": what it said", or a full stop where it does not know the address at all.
    std::string reasonOf(const ProbeAnswer& answer) const {
        if (answer.status == 404 || answer.status == 405 || answer.status == 200)
            return ".";
        return ": " + messageOnly(refusal(answer, {}).what());
    }
    // Without the address in front.
    std::string messageOnly(const std::string& message) const {
        const std::string begin = endpoint_.url() + ": ";
        return message.starts_with(begin) ? message.substr(begin.size()) : message;
    }

    HttpEndpoint endpoint_;
    std::string token_;
    HttpClient http_;
    std::string model_;
    const std::function<void(const ProbeStep&)>& heard_;
    std::stop_token stop_;
    std::map<std::string, std::string> reasons_;
    ServerProbe probe_;
};

} // namespace

ServerProbe probeServer(const HttpEndpoint& endpoint, const ClientOptions& options, const std::string& model,
                        const std::function<void(const ProbeStep&)>& heard, const std::stop_token& stop) {
    return Probing(endpoint, options, model, heard, stop).run();
}

} // namespace fulgurite::client
