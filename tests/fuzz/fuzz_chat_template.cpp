// SPDX-License-Identifier: Apache-2.0
// Any bytes as a chat template: an Error, or one prompt for the same messages however often it is asked.
#include "core/base/error.h"
#include "core/text/chat_template.h"

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

namespace {

std::optional<std::string> tryRender(const fulgurite::ChatTemplate& chat) {
    static const auto messages = nlohmann::ordered_json::parse(R"([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "2+3?"}, {"type": "text", "text": "naïve 你好"}]},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{\"a\": 2, \"b\": [3.5, null]}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "5"},
        {"role": "assistant", "content": "It is 5."}])");
    static const auto tools = nlohmann::ordered_json::parse(
        R"([{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "items": {}}}}])");
    try {
        return chat.renderOrdered(messages, tools, true);
    } catch (const fulgurite::Error&) {
        return std::nullopt;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite;
    std::shared_ptr<const ChatTemplate> chat;
    try {
        chat = ChatTemplate::parse({reinterpret_cast<const char*>(data), size}, "fuzz");
    } catch (const Error&) {
        return 0;
    }
    if (tryRender(*chat) != tryRender(*chat)) {
        std::abort();
    }
    return 0;
}
