// SPDX-License-Identifier: Apache-2.0
#include "core/store/conversation_export.h"

#include "core/base/token_json.h"

#include <nlohmann/json.hpp>

#include <sstream>
#include <utility>

namespace fulgurite {

namespace {

using nlohmann::json;

json tokensOf(TokenStore& tokens, NodeId id) {
    json result = json::array();
    for (const TokenInfo& token : tokens.read(id, 0, tokens.count(id), TokenDetail::WithAlternatives))
        result.push_back(tokenToJson(token));
    return result;
}

json optionalId(const std::optional<NodeId>& id) {
    return id ? json(*id) : json(nullptr);
}

// Written by this program, so a value that is no JSON is a damaged file; it is kept as text rather than lost.
json embedded(const std::string& text) {
    json value = json::parse(text, nullptr, false);
    return value.is_discarded() ? json(text) : value;
}

// The texts of an answer that is being written stand in its tokens alone; what is exported ends where they do.
Node asItStands(Workspace& workspace, Node node) {
    if (node.state != NodeState::Streaming)
        return node;
    TokenTexts texts = workspace.tokens().texts(node.id);
    node.content = std::move(texts.content);
    node.thinking = std::move(texts.thinking);
    node.state = NodeState::Cut;
    return node;
}

json nodeJson(Workspace& workspace, const NodeOutline& outline) {
    const Node node = asItStands(workspace, workspace.conversations().node(outline.id));
    json result{{"id", node.id},
                {"parent", optionalId(node.parent)},
                {"role", nameOf(node.role)},
                {"state", nameOf(node.state)},
                {"name", node.name},
                {"content", node.content},
                {"thinking", node.thinking},
                {"model", node.model},
                {"request", embedded(node.request)},
                {"result", embedded(node.result)},
                {"selected_child", optionalId(outline.selected_child)},
                {"created", node.created},
                {"finished", node.finished}};
    if (node.source_node)
        result["source"] = {{"node", *node.source_node}, {"tokens", node.source_tokens}};
    if (workspace.tokens().count(node.id) > 0)
        result["tokens"] = tokensOf(workspace.tokens(), node.id);
    return result;
}

// Our own marks inside a message would end it on import.
std::string escapeMarks(const std::string& text) {
    std::string result = text;
    constexpr std::string_view mark = "<!-- fulgurite:";
    for (std::size_t at = 0; (at = result.find(mark, at)) != std::string::npos; at += mark.size() + 1)
        result.insert(at + 5, 1, '\\');
    return result;
}

} // namespace

std::string exportJson(Workspace& workspace, std::span<const ConversationId> conversations) {
    json all = json::array();
    for (const ConversationId id : conversations) {
        const Conversation conversation = workspace.conversations().conversation(id);
        json nodes = json::array();
        for (const NodeOutline& node : workspace.conversations().outline(id))
            nodes.push_back(nodeJson(workspace, node));
        all.push_back({{"title", conversation.title},
                       {"folder", conversation.folder},
                       {"tags", conversation.tags},
                       {"starred", conversation.starred},
                       {"raw", conversation.raw},
                       {"system_prompt", conversation.system_prompt},
                       {"settings", embedded(conversation.settings)},
                       {"model", conversation.model},
                       {"context_tokens", conversation.tokens},
                       {"head", optionalId(conversation.head)},
                       {"created", conversation.created},
                       {"updated", conversation.updated},
                       {"nodes", std::move(nodes)}});
    }
    const json document{{"format", "fulgurite-conversations"},
                        {"version", conversation_json_version},
                        {"conversations", std::move(all)}};
    return document.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string exportMarkdown(Workspace& workspace, ConversationId id) {
    const Conversation conversation = workspace.conversations().conversation(id);
    std::ostringstream out;
    out << "# " << conversation.title << "\n";
    const auto section = [&out](const char* mark, const std::string& heading, const std::string& text) {
        out << "\n<!-- fulgurite: " << mark << " -->\n\n";
        if (!heading.empty())
            out << "## " << heading << "\n\n";
        out << escapeMarks(text) << "\n";
    };
    if (!conversation.system_prompt.empty())
        section("system_prompt", "System", conversation.system_prompt);
    for (const Node& each : workspace.conversations().path(id)) {
        const Node node = asItStands(workspace, each);
        if (!node.thinking.empty())
            section("thinking", "Thinking", node.thinking);
        const bool answer = node.role == MessageRole::Assistant;
        section(nameOf(node.role), answer ? (node.model.empty() ? "Assistant" : node.model) : "You", node.content);
    }
    return out.str();
}

} // namespace fulgurite
