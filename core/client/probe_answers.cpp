// SPDX-License-Identifier: Apache-2.0
#include "core/client/probe_answers.h"

#include "core/client/engine_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace fulgurite::client {

namespace {

using nlohmann::json;

json parsed(const ProbeAnswer& answer) {
    return json::parse(answer.body, nullptr, false);
}

// A member that may not be there, whatever the value is.
const json& member(const json& value, const char* key) {
    static const json nothing;
    return value.is_object() && value.contains(key) ? value[key] : nothing;
}

const json& firstOf(const json& list) {
    static const json nothing;
    return list.is_array() && !list.empty() ? list.front() : nothing;
}

std::string text(const json& value) {
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::size_t count(const json& value) {
    return value.is_number_integer() && value.get<std::int64_t>() > 0 ? value.get<std::size_t>() : 0;
}

std::string lower(std::string value) {
    std::transform(value.begin(), value.end(), value.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return value;
}

} // namespace

bool speaksFulgurite(const ProbeAnswer& answer) {
    const json document = parsed(answer);
    if (answer.status == 200)
        return member(document, "protocol").is_number_integer() && member(document, "engine").is_object();
    const std::string code = text(member(member(document, "error"), "code"));
    return code == "model_loading" || code == "model_failed" || code == "model_unloaded";
}

ModelList readModelList(const ProbeAnswer& answer, const std::string& where) {
    if (answer.status != 200)
        throw readError(answer.status, answer.body, where);
    const json document = parsed(answer);
    const json& data = member(document, "data");
    if (!data.is_array())
        fail(ErrorKind::InvalidInput, "{}: there is no list of models; is this an OpenAI-compatible server?",
             where);
    ModelList list;
    for (const json& each : data) {
        const std::string id = text(member(each, "id"));
        if (id.empty())
            continue;
        // vLLM and SGLang say max_model_len, llama-server what the model was trained with.
        const std::size_t served = count(member(each, "max_model_len"));
        list.models.push_back({id, served > 0 ? served : count(member(member(each, "meta"), "n_ctx_train"))});
    }
    list.owner = text(member(firstOf(data), "owned_by"));
    return list;
}

ServerKind kindOfOwner(const std::string& owner) {
    const std::string name = lower(owner);
    if (name == "vllm")
        return ServerKind::Vllm;
    if (name == "sglang")
        return ServerKind::Sglang;
    if (name == "llamacpp")
        return ServerKind::LlamaServer;
    return ServerKind::Unknown;
}

ServerKind kindOfTitle(const ProbeAnswer& answer, const std::string& server) {
    const json document = parsed(answer);
    const std::string title = lower(text(member(member(document, "info"), "title")));
    if (title.find("llama.cpp python") != std::string::npos)
        return ServerKind::LlamaCppPython;
    if (title.find("transformers") != std::string::npos)
        return ServerKind::Transformers;
    if (title.find("sglang") != std::string::npos)
        return ServerKind::Sglang;
    const json& paths = member(document, "paths");
    if (paths.is_object() && paths.contains("/load_model") && paths.contains("/v1/responses"))
        return ServerKind::Transformers;
    return lower(server).find("llama.cpp") != std::string::npos ? ServerKind::LlamaServer : ServerKind::Unknown;
}

bool readBuild(const ProbeAnswer& answer, std::string& version) {
    if (answer.status != 200)
        return false;
    const json document = parsed(answer);
    if (!member(document, "default_generation_settings").is_object())
        return false;
    version = text(member(document, "build_info"));
    return true;
}

std::string readVersion(const ProbeAnswer& answer) {
    return answer.status == 200 ? text(member(parsed(answer), "version")) : std::string();
}

ChatFinding readChatFinding(const ProbeAnswer& answer, const std::string& where) {
    const json document = parsed(answer);
    const json& choice = firstOf(member(document, "choices"));
    const json& message = member(choice, "message");
    if (!message.is_object())
        fail(ErrorKind::InvalidInput, "{}: the answer holds no message; is this an OpenAI-compatible server?",
             where);
    ChatFinding found;
    const json& scored = firstOf(member(member(choice, "logprobs"), "content"));
    found.scored = member(scored, "logprob").is_number();
    const json& others = member(scored, "top_logprobs");
    found.alternatives = others.is_array() ? others.size() : 0;
    for (const char* field : {"reasoning_content", "reasoning"})
        if (member(message, field).is_string())
            found.reasoning_field = field;
    if (text(member(message, "content")).starts_with("<think>"))
        found.reasoning_field = "<think>";
    return found;
}

bool hasCompletion(const ProbeAnswer& answer) {
    return member(firstOf(member(parsed(answer), "choices")), "text").is_string();
}

bool hasEmbedding(const ProbeAnswer& answer) {
    return member(firstOf(member(parsed(answer), "data")), "embedding").is_array();
}

} // namespace fulgurite::client
