// SPDX-License-Identifier: Apache-2.0
#include "core/client/server_abilities.h"

#include <fmt/format.h>

#include <algorithm>

namespace fulgurite::client {

std::string_view nameOf(ServerKind kind) {
    switch (kind) {
    case ServerKind::Fulgurite:
        return "Fulgurite";
    case ServerKind::Vllm:
        return "vLLM";
    case ServerKind::Sglang:
        return "SGLang";
    case ServerKind::LlamaServer:
        return "llama-server";
    case ServerKind::LlamaCppPython:
        return "llama-cpp-python";
    case ServerKind::Transformers:
        return "transformers serve";
    case ServerKind::OpenAi:
        return "This OpenAI-compatible server";
    case ServerKind::Unknown:
        break;
    }
    return "This server";
}

const std::vector<AbilityName>& abilityNames() {
    static const std::vector<AbilityName> names{{"chat", "chat"},
                                                {"completions", "raw text"},
                                                {"logprobs", "log-probabilities"},
                                                {"reasoning", "thinking apart from the answer"},
                                                {"embeddings", "embeddings"},
                                                {"continue", "go on inside an answer, branch at a token"},
                                                {"resume", "resume a cut answer"},
                                                {"snapshots", "snapshots and moving them"},
                                                {"inspect", "decay map and costs"},
                                                {"captures", "heads, experts and attention"},
                                                {"intervention", "ablate and regenerate"},
                                                {"retrieval", "collections and per-head vectors"},
                                                {"cascade", "image libraries"},
                                                {"jobs", "training jobs"},
                                                {"models", "load and unload models"}};
    return names;
}

std::string lackOf(ServerKind kind, std::string_view capability) {
    const std::string_view who = nameOf(kind);
    if (kind == ServerKind::Fulgurite) {
        if (capability == "captures" || capability == "retrieval" || capability == "cascade" ||
            capability == "jobs" || capability == "runs")
            return "This engine keeps nothing: start it with a data folder (serve --data DIR).";
        if (capability == "models")
            return "This engine serves the one model that it was started with.";
        if (capability == "chat")
            return "The model has no chat template.";
        return "This engine is older than the window and does not offer it.";
    }
    const auto say = [who](std::string_view rest) { return fmt::format("{} {}", who, rest); };
    if (capability == "continue")
        return say("takes text, not tokens: an answer cannot go on from a token.");
    if (capability == "resume")
        return say("cannot go on inside an answer; what was cut is asked for again, as a new answer.");
    if (capability == "snapshots" || capability == "states" || capability == "reentry")
        return say("exports no state; it replays the text.");
    if (capability == "captures")
        return say("does not expose the outputs of heads and experts.");
    if (capability == "inspect")
        return say("does not tell how its model is built.");
    if (capability == "intervention")
        return say("has no hooks in its forward pass.");
    if (capability == "retrieval")
        return say("gives one vector for a text at most, and keeps no documents.");
    if (capability == "cascade")
        return say("keeps no image libraries.");
    if (capability == "jobs" || capability == "runs")
        return say("does not train.");
    if (capability == "models")
        return say("loads its model when it is started.");
    if (capability == "generate" || capability == "tokenize")
        return say("does not tell its tokens.");
    if (capability == "alternatives" || capability == "logprobs")
        return say("gave no log-probabilities.");
    return say("does not offer it.");
}

std::string ServerFacts::whyNot(const EngineInfo& info, const std::string& capability) const {
    if (info.can(capability))
        return {};
    const auto why = missing.find(capability);
    return why == missing.end() ? lackOf(kind, capability) : why->second;
}

ServerFacts explained(const EngineInfo& info, ServerKind kind, std::map<std::string, std::string> reasons) {
    ServerFacts facts{kind, info.engine_version, std::move(reasons)};
    for (const auto& [name, title] : abilityNames())
        if (!info.can(name))
            facts.missing.try_emplace(name, lackOf(kind, name));
    return facts;
}

std::vector<Ability> abilitiesOf(const EngineInfo& info, const ServerFacts& facts) {
    std::vector<Ability> rows;
    for (const auto& [name, title] : abilityNames()) {
        Ability row{name, title, info.can(name) ? AbilityState::Yes : AbilityState::No, {}};
        if (const auto why = facts.missing.find(name); why != facts.missing.end()) {
            row.why = why->second;
            row.state = info.can(name) ? AbilityState::Partly : AbilityState::No;
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

} // namespace fulgurite::client
