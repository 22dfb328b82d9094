// SPDX-License-Identifier: GPL-3.0-or-later
// vLLM, as far as a probe looks at it.
#pragma once

#include "tests/unit/scripted_server.h"

namespace fulgurite::test {

inline ScriptedServer::Script foreignScript(const std::string& request) {
    using S = ScriptedServer;
    if (request.starts_with("GET /v1/models ")) {
        return {{S::answer(200, "application/json",
                           R"({"data":[{"id":"m1","owned_by":"vllm"},{"id":"m2","owned_by":"vllm"}]})")}};
    }
    if (request.starts_with("GET /version ")) {
        return {{S::answer(200, "application/json", R"({"version":"0.23.0"})")}};
    }
    if (request.starts_with("POST /v1/chat")) {
        return {{S::answer(200, "application/json", R"({"choices":[{"message":{"content":"Hi"}}]})")}};
    }
    return {{S::answer(404, "application/json", R"({"detail":"Not Found"})")}};
}

} // namespace fulgurite::test
