// SPDX-License-Identifier: Apache-2.0
#include "core/client/engine_json.h"

#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/base/protocol_version.h"
#include "core/base/token_json.h"

namespace fulgurite::client {

namespace {

using nlohmann::json;

json messagesJson(const std::vector<ChatMessage>& messages) {
    json result = json::array();
    for (const ChatMessage& message : messages) {
        json entry{{"role", message.role}, {"content", message.content}};
        if (!message.tokens.empty())
            entry["tokens"] = message.tokens;
        result.push_back(std::move(entry));
    }
    return result;
}

void putPrompt(json& body, const Prompt& prompt, const char* text_key) {
    if (const auto* messages = std::get_if<std::vector<ChatMessage>>(&prompt))
        body["messages"] = messagesJson(*messages);
    else if (const auto* raw = std::get_if<RawText>(&prompt))
        body[text_key] = raw->text;
    else
        body["tokens"] = std::get<TokenIds>(prompt);
}

json samplerJson(const Sampling& sampling) {
    json bias = json::object();
    for (const auto& [id, value] : sampling.logit_bias)
        bias[std::to_string(id)] = value;
    return {{"temperature", sampling.temperature},
            {"top_k", sampling.top_k},
            {"top_p", sampling.top_p},
            {"min_p", sampling.min_p},
            {"repetition_penalty", sampling.repetition_penalty},
            {"presence_penalty", sampling.presence_penalty},
            {"frequency_penalty", sampling.frequency_penalty},
            {"logit_bias", std::move(bias)},
            {"seed", sampling.seed}};
}

json stopJson(const Stopping& stopping) {
    json result{{"max_tokens", stopping.max_tokens},
                {"thinking_budget", stopping.thinking_budget},
                {"strings", stopping.strings},
                {"token_ids", stopping.token_ids},
                {"ignore_eos", stopping.ignore_eos}};
    if (stopping.repetition_run > 0)
        result["repetition"] = {{"run", stopping.repetition_run}, {"probability", stopping.repetition_probability}};
    return result;
}

// A lone surrogate or cut character in a person's text must not end the request.
int whole(const JsonField& object, const char* key) {
    return static_cast<int>(object[key].integer(0, INT32_MAX));
}

SamplingDefaults samplingOf(const JsonField& field) {
    SamplingDefaults sampling;
    const auto read = [&](const char* key, std::optional<double>& value) {
        if (field.has(key))
            value = field[key].number();
    };
    read("temperature", sampling.temperature);
    read("top_p", sampling.top_p);
    read("min_p", sampling.min_p);
    read("repetition_penalty", sampling.repetition_penalty);
    if (field.has("top_k"))
        sampling.top_k = whole(field, "top_k");
    return sampling;
}

ModelInfo modelOf(const JsonField& field) {
    ModelInfo model;
    model.id = field["id"].string();
    model.path = field.string("path", "");
    model.architecture = field.string("architecture", "");
    model.dtype = field.string("dtype", "");
    model.parameters = field.count("parameters", 0);
    model.weight_bytes = field.count("weight_bytes", 0);
    const JsonField layers = field["layers"];
    for (std::size_t i = 0; i < layers.size(); ++i)
        model.layers.push_back(layers.at(i).string());
    model.hidden_size = field["hidden_size"].count();
    model.heads = field["heads"].count();
    model.kv_heads = field["kv_heads"].count();
    model.head_dim = field["head_dim"].count();
    model.experts = field.count("experts", 0);
    model.top_k = field.count("top_k", 0);
    model.vocab_size = field["vocab_size"].count();
    model.max_positions = field["max_positions"].count();
    if (field.has("sampling"))
        model.sampling = samplingOf(field["sampling"]);
    return model;
}

} // namespace

json parseAnswer(std::string_view text, const std::string& where) {
    json value = json::parse(text, nullptr, false);
    if (value.is_discarded())
        fail(ErrorKind::InvalidInput, "{}: the answer is not JSON; is this a Fulgurite node?", where);
    return value;
}

std::string generateBody(const GenerateRequest& request) {
    json body{{"sampler", samplerJson(request.sampling)},
              {"stop", stopJson(request.stopping)},
              {"alternatives", request.alternatives}};
    putPrompt(body, request.prompt, "prompt");
    if (!request.continue_tokens.empty())
        body["continue_tokens"] = request.continue_tokens;
    if (!request.intervention.empty())
        body["intervention"] = recipeJson(request.intervention);
    return dumpJson(body);
}

std::string tokenizeBody(const Prompt& prompt, bool special, bool pieces) {
    json body{{"special", special}, {"pieces", pieces}};
    putPrompt(body, prompt, "text");
    return dumpJson(body);
}

void putPrompt(json& body, const Prompt& prompt, const TokenIds& continue_tokens) {
    putPrompt(body, prompt, "prompt");
    if (!continue_tokens.empty())
        body["continue_tokens"] = continue_tokens;
}

std::string reentryBody(const std::vector<GenerateRequest>& sequences) {
    json list = json::array();
    for (const GenerateRequest& sequence : sequences) {
        json entry = json::object();
        putPrompt(entry, sequence.prompt, sequence.continue_tokens);
        list.push_back(std::move(entry));
    }
    return dumpJson({{"sequences", std::move(list)}});
}

EngineInfo readInfo(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    EngineInfo info;
    info.protocol = static_cast<int>(root["protocol"].integer(1, INT32_MAX));
    if (info.protocol > kProtocolVersion) {
        fail(ErrorKind::Unsupported,
             "{}: the engine speaks version {} of the protocol, this program knows {}; update this program", where,
             info.protocol, kProtocolVersion);
    }
    info.engine_version = root["engine"]["version"].string();
    info.model = modelOf(root["model"]);
    info.memory_limit = root["memory"].count("limit_bytes", 0);
    info.kv_bytes_per_token = root["memory"].count("kv_bytes_per_token", 0);
    info.state_bytes = root["memory"].count("state_bytes", 0);
    if (root.has("machine")) {
        info.cores = root["machine"].count("cores", 0);
        info.simd = root["machine"].string("simd", "");
        info.machine_memory = root["machine"].count("memory_bytes", 0);
    }
    const JsonField capabilities = root["capabilities"];
    for (std::size_t i = 0; i < capabilities.size(); ++i)
        info.capabilities.insert(capabilities.at(i).string());
    // What goes without saying among our own engines, and is said of other programs' servers.
    if (info.can("generate"))
        info.capabilities.insert({"logprobs", "reasoning"});
    if (info.can("continue"))
        info.capabilities.insert("resume");
    if (info.can("retrieval"))
        info.capabilities.insert("embeddings");
    return info;
}

EngineLoad readLoad(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    EngineLoad load;
    load.active = root["active"].count();
    load.queued = root["queued"].count();
    load.state_bytes = root["state_bytes"].count();
    load.snapshot_bytes = root["snapshot_bytes"].count();
    load.snapshot_count = root["snapshot_count"].count();
    load.memory_limit = root["memory_limit"].count();
    load.prefill_tokens_per_second = root["prefill_tokens_per_second"].number();
    load.decode_tokens_per_second = root["decode_tokens_per_second"].number();
    load.prompt_tokens_total = root.count("prompt_tokens_total", 0);
    load.reused_tokens_total = root.count("reused_tokens_total", 0);
    load.completion_tokens_total = root.count("completion_tokens_total", 0);
    load.uptime_seconds = root.number("uptime_seconds", 0);
    return load;
}

Health readHealth(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    const std::string status = root["status"].string();
    Health health;
    if (status == "ready" || status == "ok")
        health.state = HealthState::Ready;
    else if (status == "failed" || status == "unloaded")
        health.state = HealthState::Failed;
    else if (status != "loading" && status != "leaving")
        fail(ErrorKind::InvalidInput, "{}: status: \"{}\" is none of loading, ready, leaving, unloaded, failed",
             where, status);
    health.message = root.string("message", "");
    return health;
}

Tokenization readTokenization(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField root(document, where);
    Tokenization result;
    const JsonField tokens = root["tokens"];
    for (std::size_t i = 0; i < tokens.size(); ++i)
        result.tokens.push_back(static_cast<TokenId>(tokens.at(i).integer(0, INT32_MAX)));
    result.count = root["count"].count();
    for (std::size_t i = 0; root.has("pieces") && i < root["pieces"].size(); ++i)
        result.pieces.push_back(root["pieces"].at(i).string());
    return result;
}

std::vector<ReentryCost> readReentry(std::string_view body, const std::string& where) {
    const json document = parseAnswer(body, where);
    const JsonField costs = JsonField(document, where)["costs"];
    std::vector<ReentryCost> result;
    for (std::size_t i = 0; i < costs.size(); ++i) {
        const JsonField cost = costs.at(i);
        result.push_back({cost["tokens"].count(), cost["reused"].count(), cost["seconds"].number()});
    }
    return result;
}

StreamStart readStart(std::string_view data, const std::string& where) {
    const json document = parseAnswer(data, where);
    const JsonField root(document, where + ": start");
    StreamStart start;
    start.id = root["id"].string();
    start.prompt_tokens = root["prompt_tokens"].count();
    if (root.has("text_bytes"))
        start.text_bytes = root["text_bytes"].count();
    start.text_end = root.string("text_end", "");
    return start;
}

StreamPrefill readPrefill(std::string_view data, const std::string& where) {
    const json document = parseAnswer(data, where);
    const JsonField root(document, where + ": prefill");
    return {root["reused"].count(), root["done"].count(), root["total"].count(),
            root["tokens_per_second"].number()};
}

std::vector<TokenInfo> readTokens(std::string_view data, const std::string& where) {
    const json document = parseAnswer(data, where);
    const JsonField tokens = JsonField(document, where + ": token")["tokens"];
    std::vector<TokenInfo> result;
    for (std::size_t i = 0; i < tokens.size(); ++i)
        result.push_back(tokenFromJson(tokens.at(i)));
    return result;
}

StreamDone readDone(std::string_view data, const std::string& where) {
    const json document = parseAnswer(data, where);
    const JsonField root(document, where + ": done");
    StreamDone done;
    done.reason = root["reason"].string();
    done.stop_string = root.string("stop_string", "");
    done.rest = root.string("rest", "");
    const JsonField usage = root["usage"];
    done.prompt_tokens = usage["prompt_tokens"].count();
    done.reused_tokens = usage.count("reused_tokens", 0);
    done.completion_tokens = usage["completion_tokens"].count();
    done.thinking_tokens = usage.count("thinking_tokens", 0);
    const JsonField timings = root["timings"];
    done.queue_seconds = timings.number("queue_seconds", 0);
    done.prefill_seconds = timings.number("prefill_seconds", 0);
    done.decode_seconds = timings.number("decode_seconds", 0);
    return done;
}

} // namespace fulgurite::client
