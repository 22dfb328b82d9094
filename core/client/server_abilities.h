// SPDX-License-Identifier: Apache-2.0
// What a server can be used for, and in plain words why not. The names are those of EngineInfo::capabilities.
#pragma once

#include "core/client/engine_types.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::client {

enum class ServerKind : std::uint8_t {
    Unknown, // nothing answered, or nothing that is known here
    Fulgurite,
    Vllm,
    Sglang,
    LlamaServer,    // llama.cpp's own
    LlamaCppPython, // llama-cpp-python's
    Transformers,   // transformers serve
    OpenAi,         // another one with OpenAI's interface
};

// "vLLM": as a person calls it.
std::string_view nameOf(ServerKind kind);

enum class AbilityState : std::uint8_t { Yes, Partly, No };

// What EngineInfo does not say: what the server is, and why it lacks what it lacks.
struct ServerFacts {
    ServerKind kind = ServerKind::Unknown;
    std::string version;
    // Why a capability is not there, or what of it is not, as a sentence.
    std::map<std::string, std::string> missing;

    // Empty when it can.
    std::string whyNot(const EngineInfo& info, const std::string& capability) const;
};

struct Ability {
    std::string name;  // of the capability
    std::string title; // as a row of a table: "chat"
    AbilityState state = AbilityState::No;
    std::string why; // for Partly and No
};

// What a page may ask for and what it is called, in the order of a table.
struct AbilityName {
    const char* name;
    const char* title;
};
const std::vector<AbilityName>& abilityNames();

// Why servers of this kind lack the capability; always a sentence.
std::string lackOf(ServerKind kind, std::string_view capability);

// Of a server whose capabilities are known, and with a reason for each that is not there.
ServerFacts explained(const EngineInfo& info, ServerKind kind, std::map<std::string, std::string> reasons = {});

// One row for each of abilityNames().
std::vector<Ability> abilitiesOf(const EngineInfo& info, const ServerFacts& facts);

} // namespace fulgurite::client
