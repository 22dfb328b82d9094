// SPDX-License-Identifier: GPL-3.0-or-later
// A node of our own kind, as far as the Nodes page looks at it: a collection in which an evaluation runs, and jobs
// that it shows to nobody.
#pragma once

#include "tests/unit/scripted_server.h"

namespace fulgurite::test {

// `refuses`: to say anything about its collections.
inline ScriptedServer::Script collectionNodeScript(const std::string& request, bool refuses) {
    const auto answer = [](int status, const char* body) {
        return ScriptedServer::Script{{ScriptedServer::answer(status, "application/json", body)}};
    };
    if (request.starts_with("GET /fulgurite/v1/info ")) {
        return answer(200, R"({"protocol":1,"engine":{"version":"0.1.0"},"memory":{"limit_bytes":1},
            "capabilities":["generate","retrieval","jobs"],
            "model":{"id":"ember","layers":["softmax"],"hidden_size":8,"heads":2,"kv_heads":1,"head_dim":4,
                     "vocab_size":420,"max_positions":512}})");
    }
    if (request.starts_with("GET /fulgurite/v1/status ")) {
        return answer(200, R"({"active":0,"queued":0,"state_bytes":0,"snapshot_bytes":0,"snapshot_count":0,
            "memory_limit":1,"prefill_tokens_per_second":0,"decode_tokens_per_second":0})");
    }
    if (request.starts_with("GET /fulgurite/v1/collections ") && !refuses) {
        return answer(200, R"({"collections":[{"id":"c","name":"notes","revision":1,"documents":2,"chunks":3,
            "embedder":{"id":"e","name":"e","standard_width":8,"heads":2,"head_width":4,"layer_kinds":[]},
            "stored":[],"bytes":4,"labels":[],"query_sets":[],
            "job":{"id":"j","kind":"evaluation","state":"running","done":1,"total":9}}]})");
    }
    return answer(403, R"({"error":{"message":"the token does not allow this"}})");
}

} // namespace fulgurite::test
