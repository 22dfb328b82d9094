// SPDX-License-Identifier: Apache-2.0
// Endpoints that describe the node: health, metrics, info, status. They only read, so they run on the I/O thread.
#include "core/base/protocol_version.h"
#include "core/base/version.h"
#include "core/node/endpoints.h"
#include "core/node/json_text.h"

#include <thread>
#include <unistd.h>

namespace fulgurite::node {

namespace {

HttpReply reply(const nlohmann::json& value, int status = 200) {
    HttpReply answer;
    answer.status = status;
    answer.body = dumpJson(value);
    return answer;
}

// Only what the model's makers set: the rest is the asker's choice.
nlohmann::json samplingObject(const SamplingDefaults& sampling) {
    nlohmann::json object = nlohmann::json::object();
    const auto put = [&](const char* key, const auto& value) {
        if (value) {
            object[key] = *value;
        }
    };
    put("temperature", sampling.temperature);
    put("top_k", sampling.top_k);
    put("top_p", sampling.top_p);
    put("min_p", sampling.min_p);
    put("repetition_penalty", sampling.repetition_penalty);
    return object;
}

nlohmann::json modelObject(const ModelFacts& facts) {
    nlohmann::json layers = nlohmann::json::array();
    for (const LayerKind kind : facts.config.layers) {
        layers.push_back(kind == LayerKind::Lightning ? "lightning" : "softmax");
    }
    const ModelConfig& config = facts.config;
    return {{"id", facts.id},
            {"path", facts.path},
            {"architecture", config.architecture},
            {"parameters", facts.parameters},
            {"weight_bytes", facts.weight_bytes},
            {"dtype", facts.dtype},
            {"layers", std::move(layers)},
            {"hidden_size", config.hidden_size},
            {"heads", config.num_heads},
            {"kv_heads", config.num_kv_heads},
            {"head_dim", config.head_dim},
            {"experts", config.num_experts},
            {"top_k", config.top_k},
            {"vocab_size", config.vocab_size},
            {"max_positions", config.max_positions},
            {"sampling", samplingObject(facts.sampling)}};
}

nlohmann::json capabilitiesOf(ModelService& model, const NodeServices& services) {
    const ModelFacts& facts = model.facts();
    nlohmann::json list{"generate", "alternatives", "continue", "reentry", "snapshots", "intervention"};
    if (facts.has_tokenizer) {
        list.push_back("tokenize");
        list.push_back("completions");
    }
    if (facts.has_template) {
        list.push_back("chat");
    }
    if (facts.inspects) {
        list.push_back("inspect");
    }
    if (facts.keeps_captures) {
        list.push_back("captures");
    }
    if (services.cascade != nullptr) {
        list.push_back("cascade");
    }
    if (facts.retrieves) {
        list.push_back("retrieval");
    }
    if (model.states() != nullptr) {
        list.push_back("states");
    }
    if (services.models != nullptr) {
        list.push_back("models");
    }
    if (services.runs != nullptr) {
        list.push_back("runs");
    }
    if (services.jobs != nullptr) {
        list.push_back("jobs");
    }
    return list;
}

// What could not be started, for people who wonder why a capability is missing.
nlohmann::json problemsOf(const NodeServices& services) {
    nlohmann::json list = nlohmann::json::array();
    for (const FeatureProblem& problem : services.problems) {
        list.push_back({{"feature", problem.feature}, {"reason", problem.reason}});
    }
    return list;
}

// What is about to be unloaded is still there for who asks about it.
std::shared_ptr<ModelService> modelOf(const EndpointContext& context) {
    const std::shared_ptr<ModelService> model = context.host.look();
    return model ? model : context.host.get();
}

} // namespace

Answer whoAmI(const EndpointContext& /*context*/, const HttpRequest& request) {
    const Caller& caller = callerOf(request);
    const CallerUse::Totals totals = caller.use->totals(unixSeconds());
    const auto orNull = [](auto value) { return value > 0 ? nlohmann::json(value) : nlohmann::json(); };
    return reply({{"name", caller.name},
                  {"scopes", caller.scopes.names()},
                  {"limits",
                   {{"requests_per_minute", orNull(caller.limits.requests_per_minute)},
                    {"streams", orNull(caller.limits.streams)},
                    {"tokens_per_day", orNull(caller.limits.tokens_per_day)},
                    {"memory_share", caller.limits.memory_share}}},
                  {"used",
                   {{"requests", totals.requests},
                    {"refused", totals.refused},
                    {"prompt_tokens", totals.prompt_tokens},
                    {"completion_tokens", totals.completion_tokens},
                    {"tokens_today", totals.tokens_today},
                    {"at_once", totals.at_once}}}});
}

Answer health(const EndpointContext& context, const HttpRequest& /*request*/) {
    return reply({{"status", nameOf(context.host.state())}, {"message", context.host.message()}});
}

Answer ready(const EndpointContext& context, const HttpRequest& /*request*/) {
    if (context.draining) {
        return reply({{"status", "draining"}, {"message", "the server is shutting down"}}, 503);
    }
    const bool is_ready = context.host.state() == ModelHost::State::Ready;
    return reply({{"status", nameOf(context.host.state())}, {"message", context.host.message()}},
                 is_ready ? 200 : 503);
}

Answer metricsText(const EndpointContext& context, const HttpRequest& /*request*/) {
    HttpReply answer;
    answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (const std::shared_ptr<ModelService> service = context.host.look()) {
        const EngineStatus engine = service->status();
        answer.body = context.metrics.render(&engine);
    } else {
        answer.body = context.metrics.render(nullptr);
    }
    appendCallers(answer.body, context.access.callers());
    return answer;
}

Answer info(const EndpointContext& context, const HttpRequest& /*request*/) {
    const std::shared_ptr<ModelService> model = modelOf(context);
    const ModelService& service = *model;
    const ModelFacts& facts = service.facts();
    const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
    const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return reply({{"protocol", kProtocolVersion},
                  {"engine", {{"version", kVersion}}},
                  {"model", modelObject(facts)},
                  {"memory",
                   {{"limit_bytes", service.status().memory_limit},
                    {"kv_bytes_per_token", facts.kv_bytes_per_token},
                    {"state_bytes", facts.state_bytes}}},
                  {"machine",
                   {{"cores", std::thread::hardware_concurrency()},
                    {"simd", facts.kernels},
                    {"memory_bytes", pages * page_bytes}}},
                  {"capabilities", capabilitiesOf(*model, context.services)},
                  {"problems", problemsOf(context.services)}});
}

Answer status(const EndpointContext& context, const HttpRequest& /*request*/) {
    const EngineStatus engine = modelOf(context)->status();
    return reply({{"protocol", kProtocolVersion},
                  {"active", engine.active},
                  {"queued", engine.queued},
                  {"queue_seconds", engine.queue_seconds},
                  {"state_bytes", engine.state_bytes},
                  {"snapshot_bytes", engine.snapshot_bytes},
                  {"snapshot_count", engine.snapshot_count},
                  {"memory_limit", engine.memory_limit},
                  {"prefill_tokens_per_second", engine.prefill_tokens_per_second},
                  {"decode_tokens_per_second", engine.decode_tokens_per_second},
                  {"prompt_tokens_total", engine.prompt_tokens_total},
                  {"reused_tokens_total", engine.reused_tokens_total},
                  {"completion_tokens_total", engine.completion_tokens_total},
                  {"connections", context.metrics.openConnections()},
                  {"uptime_seconds", context.metrics.uptimeSeconds()},
                  {"draining", context.draining.load()},
                  {"problems", problemsOf(context.services)}});
}

} // namespace fulgurite::node
