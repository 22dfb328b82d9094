// SPDX-License-Identifier: Apache-2.0
// How the answers of a server that nobody here wrote are read when it is probed: what is missing or of another type
// is a "no", never an error, except where the answer is no JSON at all.
#pragma once

#include "core/client/server_probe.h"

#include <string>
#include <vector>

namespace fulgurite::client {

struct ProbeAnswer {
    int status = 0;
    std::string server; // the header of that name
    std::string body;
};

struct ModelList {
    std::vector<OfferedModel> models;
    std::string owner; // "owned_by" of the first
};

struct ChatFinding {
    bool scored = false; // log-probabilities came
    std::size_t alternatives = 0;
    std::string reasoning_field; // "reasoning_content", "reasoning", "<think>"; empty: none seen
};

// Ours, also while its model is being loaded.
bool speaksFulgurite(const ProbeAnswer& answer);
// Throws the server's refusal, or Error{InvalidInput} where it is no list of models.
ModelList readModelList(const ProbeAnswer& answer, const std::string& where);
ServerKind kindOfOwner(const std::string& owner);
// By the title of a description in OpenAPI's form and the Server header.
ServerKind kindOfTitle(const ProbeAnswer& answer, const std::string& server);
// llama-server's /props; sets its build where it says one.
bool readBuild(const ProbeAnswer& answer, std::string& version);
std::string readVersion(const ProbeAnswer& answer); // empty: not said
ChatFinding readChatFinding(const ProbeAnswer& answer, const std::string& where);
bool hasCompletion(const ProbeAnswer& answer);
bool hasEmbedding(const ProbeAnswer& answer);

} // namespace fulgurite::client
