// SPDX-License-Identifier: Apache-2.0
// Validation of messages, rendering, and splicing of sampled tokens.
#include "core/node/chat_prompt.h"

#include "core/base/thinking.h"
#include "core/node/api_error.h"
#include "core/node/object_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace fulgurite::node {

namespace {

void checkParts(const nlohmann::json& parts, const std::string& path) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::string place = fmt::format("{}[{}]", path, i);
        ObjectReader reader(parts[i], place);
        const std::string type = reader.string("type").value_or("");
        if (type != "text") {
            throw ApiError(
                400,
                fmt::format("'{}': this model reads text only, not a part of type '{}'", place, type.substr(0, 32)),
                place, "unsupported");
        }
        if (!reader.string("text")) {
            refuse(place + ".text", "is missing");
        }
        reader.finish();
    }
}

// A string or a list of text parts; null where the role allows it.
nlohmann::json readContent(ObjectReader& reader, bool required) {
    const nlohmann::json* content = reader.find("content");
    const std::string path = reader.pathOf("content");
    if (content == nullptr) {
        if (required) {
            refuse(path, "is missing");
        }
        return "";
    }
    if (content->is_array()) {
        checkParts(*content, path);
    } else if (!content->is_string()) {
        refuse(path, fmt::format("must be a string or a list of text parts, not {}", content->type_name()));
    }
    return *content;
}

void checkToolCalls(const nlohmann::json& calls, const std::string& path) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
        ObjectReader call(calls[i], fmt::format("{}[{}]", path, i));
        call.ignore({"id", "type", "index"});
        const nlohmann::json* function = call.object("function");
        if (function == nullptr) {
            refuse(call.pathOf("function"), "is missing");
        }
        ObjectReader fields(*function, call.pathOf("function"));
        if (!fields.string("name")) {
            refuse(fields.pathOf("name"), "is missing");
        }
        const nlohmann::json* arguments = fields.find("arguments");
        if (arguments != nullptr && !arguments->is_string() && !arguments->is_object()) {
            refuse(fields.pathOf("arguments"), "must be a string of JSON");
        }
        fields.finish();
        call.finish();
    }
}

nlohmann::json readMessage(const nlohmann::json& value, const std::string& path, const ModelFacts& facts,
                           bool allow_tokens, TokenIds& tokens) {
    ObjectReader reader(value, path);
    std::string role = reader.string("role").value_or("");
    if (role == "developer") {
        role = "system";
    }
    static constexpr std::string_view kRoles[] = {"system", "user", "assistant", "tool"};
    if (std::find(std::begin(kRoles), std::end(kRoles), role) == std::end(kRoles)) {
        refuse(path + ".role",
               fmt::format("must be system, developer, user, assistant or tool, not '{}'", role.substr(0, 32)));
    }
    nlohmann::json message{{"role", role}};
    const bool assistant = role == "assistant";
    const nlohmann::json* ids = assistant && allow_tokens ? reader.find("tokens") : nullptr;
    const nlohmann::json* calls = assistant ? reader.array("tool_calls") : nullptr;
    message["content"] = readContent(reader, ids == nullptr && calls == nullptr);
    if (ids != nullptr) {
        tokens = readTokenIds(*ids, path + ".tokens", facts.config.vocab_size);
    }
    if (calls != nullptr) {
        checkToolCalls(*calls, path + ".tool_calls");
        message["tool_calls"] = *calls;
    }
    if (const auto name = reader.string("name")) {
        message["name"] = *name;
    }
    if (role == "tool") {
        if (const auto id = reader.string("tool_call_id")) {
            message["tool_call_id"] = *id;
        }
    }
    // Clients send whole answers back; none of this belongs in a prompt of this family.
    reader.ignore({"reasoning_content", "reasoning", "refusal", "annotations", "audio", "function_call"});
    reader.finish();
    return message;
}

nlohmann::ordered_json readTools(const nlohmann::ordered_json& tools) {
    for (std::size_t i = 0; i < tools.size(); ++i) {
        const std::string path = fmt::format("tools[{}]", i);
        if (!tools[i].is_object()) {
            refuse(path, "must be an object");
        }
        const bool wrapped = tools[i].contains("function");
        const nlohmann::ordered_json& function = wrapped ? tools[i]["function"] : tools[i];
        if (!function.is_object() || !function.contains("name") || !function["name"].is_string()) {
            refuse(path + (wrapped ? ".function.name" : ".name"), "a tool is a function with a name");
        }
    }
    return tools.empty() ? nlohmann::ordered_json() : tools;
}

} // namespace

ChatMessages readMessages(const nlohmann::json& messages, const nlohmann::ordered_json* tools,
                          const ModelFacts& facts, bool allow_tokens) {
    if (!messages.is_array() || messages.empty()) {
        refuse("messages", "must be a list of at least one message");
    }
    ChatMessages chat;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        TokenIds tokens;
        chat.messages.push_back(
            readMessage(messages[i], fmt::format("messages[{}]", i), facts, allow_tokens, tokens));
        if (!tokens.empty()) {
            chat.sampled.push_back({i, std::move(tokens)});
        }
    }
    if (tools != nullptr) {
        chat.tools = readTools(*tools);
    }
    return chat;
}

ChatPrompt renderPrompt(const ModelService& service, const ChatMessages& chat, bool add_generation_prompt) {
    const ChatText text{
        [&](const nlohmann::json& messages) {
            return service.renderChat(messages, chat.tools, add_generation_prompt);
        },
        [&](std::string_view words, SpecialTokens special) { return service.encode(words, special); },
        [&](TokenId id) { return service.isSpecial(id); }, [&](TokenId id) { return service.bytesOf(id); }};
    ChatPrompt prompt;
    try {
        ChatTokens rendered = chatTokens(text, chat.messages, chat.sampled);
        prompt.tokens = std::move(rendered.tokens);
        const std::size_t end = rendered.text.find_last_not_of(" \t\r\n");
        const std::string_view trimmed =
            std::string_view(rendered.text).substr(0, end == std::string::npos ? 0 : end + 1);
        prompt.opens_thinking = add_generation_prompt && trimmed.ends_with(kThinkingBegin);
    } catch (const UnplacedMessage& unplaced) {
        const bool sampled = std::any_of(chat.sampled.begin(), chat.sampled.end(), [&](const SampledMessage& each) {
            return each.index == unplaced.index();
        });
        refuse(fmt::format("messages[{}].{}", unplaced.index(), sampled ? "tokens" : "content"),
               sampled ? "the model's chat template does not show this message as it is; send it without tokens"
                       : "it spells out a special token, and the model's chat template does not show it as it is");
    }
    return prompt;
}

} // namespace fulgurite::node
