// SPDX-License-Identifier: Apache-2.0
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/base/token_json.h"
#include "core/store/clock.h"
#include "core/store/conversation_export.h"

#include <map>
#include <optional>

namespace fulgurite {

namespace {

using nlohmann::json;

struct ImportedNode {
    Node node;
    std::optional<NodeId> selected_child;
    std::vector<TokenInfo> tokens;
};

struct ImportedConversation {
    Conversation conversation;
    std::vector<ImportedNode> nodes; // parents before children
};

constexpr std::int64_t latest_time = 253402300799999; // the end of the year 9999

std::string embedded(const JsonField& object, const char* key) {
    if (!object.has(key))
        return "{}";
    object[key].expect(object[key].value().is_object(), "an object");
    return object[key].value().dump();
}

Milliseconds timeOf(const JsonField& object, const char* key) {
    return object.has(key) ? object[key].integer(0, latest_time) : nowMilliseconds();
}

std::optional<NodeId> idOf(const JsonField& object, const char* key) {
    return object.has(key) ? std::optional(object[key].integer(1, INT64_MAX)) : std::nullopt;
}

ImportedNode nodeOf(const JsonField& field, const std::map<NodeId, std::size_t>& known) {
    ImportedNode result;
    Node& node = result.node;
    node.id = field["id"].integer(1, INT64_MAX);
    if (known.contains(node.id))
        fail(ErrorKind::InvalidInput, "{}.id: {} occurs twice", field.path(), node.id);
    node.parent = idOf(field, "parent");
    if (node.parent && !known.contains(*node.parent))
        fail(ErrorKind::InvalidInput, "{}.parent: node {} does not stand before it", field.path(), *node.parent);
    const std::string role = field["role"].string();
    const std::string state = field.string("state", "complete");
    if (!roleNamed(role))
        fail(ErrorKind::InvalidInput, "{}.role: \"{}\" is unknown", field.path(), role);
    if (!nodeStateNamed(state) || state == "streaming")
        fail(ErrorKind::InvalidInput, "{}.state: \"{}\" is none of complete, stopped, cut", field.path(), state);
    node.role = *roleNamed(role);
    node.state = *nodeStateNamed(state);
    node.name = field.string("name", "");
    node.content = field["content"].string();
    node.thinking = field.string("thinking", "");
    node.model = field.string("model", "");
    node.request = embedded(field, "request");
    node.result = embedded(field, "result");
    node.created = timeOf(field, "created");
    node.finished = timeOf(field, "finished");
    if (field.has("source")) {
        node.source_node = idOf(field["source"], "node");
        node.source_tokens = field["source"]["tokens"].count();
    }
    result.selected_child = idOf(field, "selected_child");
    const std::size_t tokens = field.has("tokens") ? field["tokens"].size() : 0;
    for (std::size_t i = 0; i < tokens; ++i)
        result.tokens.push_back(tokenFromJson(field["tokens"].at(i)));
    return result;
}

ImportedConversation conversationOf(const JsonField& field) {
    ImportedConversation result;
    Conversation& conversation = result.conversation;
    conversation.title = field["title"].string();
    conversation.folder = field.string("folder", "");
    for (std::size_t i = 0; field.has("tags") && i < field["tags"].size(); ++i)
        conversation.tags.push_back(field["tags"].at(i).string());
    conversation.starred = field.boolean("starred", false);
    conversation.raw = field.boolean("raw", false);
    conversation.system_prompt = field.string("system_prompt", "");
    conversation.settings = embedded(field, "settings");
    conversation.model = field.string("model", "");
    conversation.tokens = field.count("context_tokens", 0);
    conversation.created = timeOf(field, "created");
    conversation.updated = timeOf(field, "updated");
    conversation.head = idOf(field, "head");
    std::map<NodeId, std::size_t> known;
    const JsonField nodes = field["nodes"];
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        result.nodes.push_back(nodeOf(nodes.at(i), known));
        known.emplace(result.nodes.back().node.id, i);
    }
    if (conversation.head && !known.contains(*conversation.head))
        fail(ErrorKind::InvalidInput, "{}.head: there is no node {}", field.path(), *conversation.head);
    return result;
}

void writeNode(Workspace& workspace, ConversationId conversation, const ImportedNode& imported,
               std::map<NodeId, NodeId>& ids) {
    const Node& node = imported.node;
    NewNode fresh{conversation, node.parent ? std::optional(ids.at(*node.parent)) : std::nullopt,
                  node.role,    node.state,
                  node.content, node.thinking,
                  node.model,   node.request};
    const NodeId id = workspace.conversations().insert(fresh);
    ids[node.id] = id;
    TokenWriter writer(workspace.tokens(), id);
    writer.append(imported.tokens);
    writer.flush();
    std::size_t thinking = 0;
    for (const TokenInfo& token : imported.tokens)
        thinking += token.channel == StreamChannel::Thinking ? 1 : 0;
    const auto source = node.source_node && ids.contains(*node.source_node)
                            ? std::optional(ids.at(*node.source_node))
                            : std::nullopt;
    workspace.database().run("UPDATE nodes SET name = ?, result = ?, tokens = ?, thinking_tokens = ?, "
                             "source_node = ?, source_tokens = ?, created = ?, finished = ? WHERE id = ?",
                             node.name, node.result, imported.tokens.size(), thinking, source, node.source_tokens,
                             node.created, node.finished, id);
}

ConversationId write(Workspace& workspace, const ImportedConversation& imported) {
    const Conversation& from = imported.conversation;
    ConversationStore& store = workspace.conversations();
    const ConversationId id = store.create({from.title, from.folder, from.raw, from.system_prompt, from.settings});
    store.setStarred(id, from.starred);
    store.setTags(id, from.tags);
    std::map<NodeId, NodeId> ids;
    for (const ImportedNode& node : imported.nodes)
        writeNode(workspace, id, node, ids);
    for (const ImportedNode& node : imported.nodes)
        if (node.selected_child && ids.contains(*node.selected_child))
            workspace.database().run("UPDATE nodes SET selected_child = ? WHERE id = ?",
                                     ids.at(*node.selected_child), ids.at(node.node.id));
    if (!imported.nodes.empty()) // a file that names no head shows what it ends with
        store.select(ids.at(from.head.value_or(imported.nodes.back().node.id)));
    workspace.database().run(
        "UPDATE conversations SET model = ?, tokens = ?, created = ?, updated = ? WHERE id = ?", from.model,
        from.tokens, from.created, from.updated, id);
    return id;
}

std::string unescapeMarks(std::string text) {
    constexpr std::string_view mark = "<!-- \\fulgurite:";
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; ++at)
        text.erase(at + 5, 1);
    return text;
}

// A section's text without the heading and the line breaks that the export put around it.
std::string sectionText(std::string_view text, bool last) {
    if (text.starts_with("\n\n## ")) {
        text.remove_prefix(std::min(text.find('\n', 2), text.size()));
        if (text.starts_with("\n\n"))
            text.remove_prefix(2);
    }
    for (int breaks = last ? 1 : 2; breaks > 0 && text.ends_with('\n'); --breaks)
        text.remove_suffix(1);
    return unescapeMarks(std::string(text));
}

} // namespace

std::vector<ConversationId> importJson(Workspace& workspace, std::string_view text, const std::string& name) {
    requireJsonDepth(text, name, 128); // what is nested deeper would overflow the stack of whoever writes it out
    const json document = json::parse(text, nullptr, false);
    if (document.is_discarded())
        fail(ErrorKind::InvalidInput, "{}: is not JSON", name);
    const JsonField root(document, name);
    if (root["format"].string() != "fulgurite-conversations")
        fail(ErrorKind::InvalidInput, "{}: format should be \"fulgurite-conversations\"", name);
    if (const auto version = root["version"].integer(1, INT32_MAX); version > conversation_json_version)
        fail(ErrorKind::Unsupported,
             "{}: has version {} of the format; this program reads up to {}. Update Fulgurite.", name, version,
             conversation_json_version);
    std::vector<ImportedConversation> imported;
    const JsonField conversations = root["conversations"];
    for (std::size_t i = 0; i < conversations.size(); ++i)
        imported.push_back(conversationOf(conversations.at(i)));
    std::vector<ConversationId> result;
    workspace.journal().asOneStep("Import", std::nullopt, [&] {
        for (const ImportedConversation& conversation : imported)
            result.push_back(write(workspace, conversation));
    });
    return result;
}

ConversationId importMarkdown(Workspace& workspace, std::string_view text, const std::string& name) {
    constexpr std::string_view mark = "<!-- fulgurite: ";
    ImportedConversation imported;
    if (text.starts_with("# "))
        imported.conversation.title = text.substr(2, text.find('\n') - 2);
    std::string thinking;
    for (std::size_t at = text.find(mark); at != std::string_view::npos;) {
        const std::size_t end = text.find(" -->", at);
        if (end == std::string_view::npos)
            fail(ErrorKind::InvalidInput, "{}: the mark at byte {} does not end with -->", name, at);
        const std::string kind(text.substr(at + mark.size(), end - at - mark.size()));
        const std::size_t next = text.find(mark, end);
        const std::string content = sectionText(text.substr(end + 4, next - end - 4), next == text.npos);
        if (kind == "system_prompt")
            imported.conversation.system_prompt = content;
        else if (kind == "thinking")
            thinking = content;
        else if (!roleNamed(kind))
            fail(ErrorKind::InvalidInput, "{}: \"{}\" is not a role", name, kind);
        else {
            Node& node = imported.nodes.emplace_back().node;
            node.id = static_cast<NodeId>(imported.nodes.size());
            if (node.id > 1)
                node.parent = node.id - 1;
            node.role = *roleNamed(kind);
            node.content = content;
            node.thinking = std::exchange(thinking, {});
            node.created = node.finished = nowMilliseconds();
        }
        at = next;
    }
    if (imported.nodes.empty())
        fail(ErrorKind::InvalidInput,
             "{}: holds no messages; only Markdown that Fulgurite exported can be imported", name);
    imported.conversation.head = imported.nodes.back().node.id;
    imported.conversation.created = imported.conversation.updated = nowMilliseconds();
    ConversationId id = 0;
    workspace.journal().asOneStep("Import", std::nullopt, [&] { id = write(workspace, imported); });
    return id;
}

} // namespace fulgurite
