// SPDX-License-Identifier: Apache-2.0
// Framing of server-sent events.
#include "core/node/sse.h"

#include "core/node/json_text.h"

namespace fulgurite::node {

void appendEvent(std::string& out, std::string_view name, const nlohmann::json& data) {
    if (!name.empty()) {
        out.append("event: ").append(name).append("\n");
    }
    out.append("data: ").append(dumpJson(data)).append("\n\n");
}

void appendDone(std::string& out) {
    out += "data: [DONE]\n\n";
}

std::string keepAliveComment() {
    return ": keep-alive\n\n";
}

} // namespace fulgurite::node
