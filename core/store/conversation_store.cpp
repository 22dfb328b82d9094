// SPDX-License-Identifier: Apache-2.0
#include "core/store/conversation_store.h"

#include "core/store/clock.h"

#include <algorithm>
#include <sstream>

namespace fulgurite {

namespace {

constexpr const char* conversation_columns =
    "id, title, folder, starred, raw, system_prompt, settings, model, tokens, head, created, updated, tags";
constexpr const char* node_columns = "id, conversation, parent, role, state, name, content, thinking, model, "
                                     "tokens, thinking_tokens, request, result, "
                                     "source_node, source_tokens, created, finished";

std::optional<std::int64_t> optionalInteger(const Statement& row, int column) {
    return row.isNull(column) ? std::nullopt : std::optional(row.integer(column));
}

std::vector<std::string> linesOf(const std::string& text) {
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        result.push_back(line);
    return result;
}

// An answer in the place of another, under the same question.
NewNode besides(const Node& other, const std::string& request) {
    NewNode node;
    node.conversation = other.conversation;
    node.parent = other.parent;
    node.role = other.role;
    node.state = NodeState::Streaming;
    node.model = other.model;
    node.request = request;
    return node;
}

Conversation conversationIn(const Statement& row) {
    Conversation result;
    result.id = row.integer(0);
    result.title = row.string(1);
    result.folder = row.string(2);
    result.starred = row.integer(3) != 0;
    result.raw = row.integer(4) != 0;
    result.system_prompt = row.string(5);
    result.settings = row.string(6);
    result.model = row.string(7);
    result.tokens = static_cast<std::size_t>(row.integer(8));
    result.head = optionalInteger(row, 9);
    result.created = row.integer(10);
    result.updated = row.integer(11);
    result.tags = linesOf(row.string(12));
    return result;
}

Node nodeIn(const Statement& row) {
    Node result;
    result.id = row.integer(0);
    result.conversation = row.integer(1);
    result.parent = optionalInteger(row, 2);
    result.role = roleNamed(row.string(3)).value_or(MessageRole::User);
    result.state = nodeStateNamed(row.string(4)).value_or(NodeState::Cut);
    result.name = row.string(5);
    result.content = row.string(6);
    result.thinking = row.string(7);
    result.model = row.string(8);
    result.tokens = static_cast<std::size_t>(row.integer(9));
    result.thinking_tokens = static_cast<std::size_t>(row.integer(10));
    result.request = row.string(11);
    result.result = row.string(12);
    result.source_node = optionalInteger(row, 13);
    result.source_tokens = static_cast<std::size_t>(row.integer(14));
    result.created = row.integer(15);
    result.finished = row.integer(16);
    return result;
}

} // namespace

std::vector<Conversation> ConversationStore::list(std::size_t limit, std::size_t offset) {
    Statement select = database_.prepare(fmt::format(
        "SELECT {} FROM conversations WHERE deleted = 0 ORDER BY updated DESC, id DESC LIMIT ? OFFSET ?",
        conversation_columns));
    select.bind(limit == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(limit), offset);
    std::vector<Conversation> result;
    while (select.step())
        result.push_back(conversationIn(select));
    return result;
}

std::size_t ConversationStore::count() {
    return static_cast<std::size_t>(
        database_.integer("SELECT count(*) FROM conversations WHERE deleted = 0").value_or(0));
}

std::vector<std::string> ConversationStore::folders() {
    Statement select = database_.prepare("SELECT DISTINCT folder FROM conversations WHERE deleted = 0 AND folder "
                                         "<> '' ORDER BY folder COLLATE NOCASE");
    std::vector<std::string> result;
    while (select.step())
        result.push_back(select.string(0));
    return result;
}

Conversation ConversationStore::conversation(ConversationId id) {
    Statement select = database_.prepare(
        fmt::format("SELECT {} FROM conversations WHERE id = ? AND deleted = 0", conversation_columns));
    if (!select.bind(id).step())
        fail(ErrorKind::NotFound, "{}: there is no conversation {}", database_.path().string(), id);
    return conversationIn(select);
}

Node ConversationStore::node(NodeId id) {
    Statement select =
        database_.prepare(fmt::format("SELECT {} FROM nodes WHERE id = ? AND deleted = 0", node_columns));
    if (!select.bind(id).step())
        fail(ErrorKind::NotFound, "{}: there is no message {}", database_.path().string(), id);
    return nodeIn(select);
}

Conversation ConversationStore::conversationOrRemoved(ConversationId id) {
    Statement select =
        database_.prepare(fmt::format("SELECT {} FROM conversations WHERE id = ?", conversation_columns));
    if (!select.bind(id).step())
        fail(ErrorKind::NotFound, "{}: there never was a conversation {}", database_.path().string(), id);
    return conversationIn(select);
}

Node ConversationStore::nodeOrRemoved(NodeId id) {
    Statement select = database_.prepare(fmt::format("SELECT {} FROM nodes WHERE id = ?", node_columns));
    if (!select.bind(id).step())
        fail(ErrorKind::NotFound, "{}: there never was a message {}", database_.path().string(), id);
    return nodeIn(select);
}

std::vector<Node> ConversationStore::path(ConversationId id) {
    std::optional<NodeId> at = conversation(id).head;
    std::vector<Node> result;
    while (at) {
        result.push_back(node(*at));
        at = result.back().parent;
    }
    std::reverse(result.begin(), result.end());
    return result;
}

std::vector<NodeOutline> ConversationStore::outline(ConversationId id) {
    Statement select = database_.prepare(
        "SELECT id, parent, role, state, name, substr(CASE content WHEN '' THEN thinking ELSE content END, 1, "
        "120), "
        "tokens, length(content) + length(thinking), source_node, source_tokens, selected_child, created "
        "FROM nodes WHERE conversation = ? AND deleted = 0 ORDER BY id");
    select.bind(id);
    std::vector<NodeOutline> result;
    while (select.step()) {
        NodeOutline& node = result.emplace_back();
        node.id = select.integer(0);
        node.parent = optionalInteger(select, 1);
        node.role = roleNamed(select.string(2)).value_or(MessageRole::User);
        node.state = nodeStateNamed(select.string(3)).value_or(NodeState::Cut);
        node.name = select.string(4);
        node.beginning = select.string(5);
        node.tokens = static_cast<std::size_t>(select.integer(6));
        node.length = static_cast<std::size_t>(select.integer(7));
        node.source_node = optionalInteger(select, 8);
        node.source_tokens = static_cast<std::size_t>(select.integer(9));
        node.selected_child = optionalInteger(select, 10);
        node.created = select.integer(11);
    }
    return result;
}

std::vector<NodeId> ConversationStore::siblings(NodeId id) {
    const Node self = node(id);
    Statement select = database_.prepare(
        "SELECT id FROM nodes WHERE conversation = ? AND parent IS ? AND deleted = 0 ORDER BY id");
    select.bind(self.conversation, self.parent);
    std::vector<NodeId> result;
    while (select.step())
        result.push_back(select.integer(0));
    return result;
}

NodeId ConversationStore::leafOf(NodeId id) {
    for (NodeId at = id;;) {
        // The child selected last, where it still exists; else the newest.
        const auto child =
            database_.integer("SELECT child.id FROM nodes child JOIN nodes parent ON parent.id = child.parent "
                              "WHERE parent.id = ? AND child.deleted = 0 ORDER BY child.id = parent.selected_child "
                              "DESC, child.id DESC "
                              "LIMIT 1",
                              at);
        if (!child)
            return at;
        at = *child;
    }
}

ConversationId ConversationStore::create(const NewConversation& conversation) {
    ConversationId id = 0;
    journal_.asOneStep("New conversation", std::nullopt, [&] {
        const Milliseconds now = nowMilliseconds();
        database_.run("INSERT INTO conversations(title, folder, raw, system_prompt, settings, created, updated) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?)",
                      conversation.title, conversation.folder, conversation.raw, conversation.system_prompt,
                      conversation.settings, now, now);
        id = database_.lastInsertId();
        journal_.recordCreation(JournalTarget::Conversation, id);
    });
    return id;
}

void ConversationStore::rename(ConversationId id, std::string_view title) {
    journal_.asOneStep("Rename conversation", id,
                       [&] { journal_.set(JournalTarget::Conversation, id, "title", std::string(title)); });
}

void ConversationStore::setFolder(ConversationId id, std::string_view folder) {
    journal_.asOneStep("Move to folder", id,
                       [&] { journal_.set(JournalTarget::Conversation, id, "folder", std::string(folder)); });
}

void ConversationStore::setTags(ConversationId id, const std::vector<std::string>& tags) {
    journal_.asOneStep("Change tags", id, [&] {
        journal_.set(JournalTarget::Conversation, id, "tags", fmt::format("{}", fmt::join(tags, "\n")));
    });
}

void ConversationStore::setStarred(ConversationId id, bool starred) {
    journal_.asOneStep(starred ? "Star" : "Remove star", id,
                       [&] { journal_.set(JournalTarget::Conversation, id, "starred", std::int64_t{starred}); });
}

void ConversationStore::setRaw(ConversationId id, bool raw) {
    journal_.asOneStep(raw ? "Raw completion" : "Chat", id,
                       [&] { journal_.set(JournalTarget::Conversation, id, "raw", std::int64_t{raw}); });
}

void ConversationStore::setSystemPrompt(ConversationId id, std::string_view text) {
    journal_.asOneStep("Edit system prompt", id,
                       [&] { journal_.set(JournalTarget::Conversation, id, "system_prompt", std::string(text)); });
}

void ConversationStore::setSettings(ConversationId id, std::string_view json) {
    journal_.asOneStep("Change settings", id,
                       [&] { journal_.set(JournalTarget::Conversation, id, "settings", std::string(json)); });
}

void ConversationStore::remove(ConversationId id) {
    journal_.asOneStep("Delete conversation", id,
                       [&] { journal_.set(JournalTarget::Conversation, id, "deleted", std::int64_t{1}); });
}

NodeId ConversationStore::append(const NewNode& node, std::string_view label) {
    NodeId id = 0;
    journal_.asOneStep(label, node.conversation, [&] {
        id = insert(node);
        setHead(node.conversation, id, true);
        touch(node.conversation);
    });
    return id;
}

NodeId ConversationStore::insert(const NewNode& node) {
    NodeId id = 0;
    journal_.asOneStep("Import", node.conversation, [&] {
        database_.run(
            "INSERT INTO nodes(conversation, parent, role, state, content, thinking, model, request, created) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            node.conversation, node.parent, nameOf(node.role), nameOf(node.state), node.content, node.thinking,
            node.model, node.request, nowMilliseconds());
        id = database_.lastInsertId();
        journal_.recordCreation(JournalTarget::Node, id);
    });
    return id;
}

NodeId ConversationStore::branchFromToken(NodeId source, std::size_t kept, const TokenInfo& alternative,
                                          const std::string& request) {
    const Node from = node(source);
    if (kept > tokens_.count(source))
        fail(ErrorKind::InvalidInput, "message {} has {} tokens; a branch after {} is not possible", source,
             tokens_.count(source), kept);
    NodeId id = 0;
    journal_.asOneStep("Branch from token", from.conversation, [&] {
        id = append(besides(from, request));
        database_.run("UPDATE nodes SET source_node = ?, source_tokens = ? WHERE id = ?", source, kept, id);
        tokens_.copy(source, id, kept);
        TokenWriter writer(tokens_, id);
        writer.append({&alternative, 1});
        writer.flush();
    });
    return id;
}

NodeId ConversationStore::continueFrom(NodeId source, std::size_t kept, const std::string& request) {
    const Node from = node(source);
    NodeId id = 0;
    journal_.asOneStep("Continue", from.conversation, [&] {
        id = append(besides(from, request));
        database_.run("UPDATE nodes SET name = ?, result = ?, source_node = ?, source_tokens = ? WHERE id = ?",
                      from.name, from.result, from.source_node, from.source_tokens, id);
        tokens_.copy(source, id, kept);
        // What was said below it was said to the shorter one.
        if (!database_.integer("SELECT 1 FROM nodes WHERE parent = ? AND deleted = 0 LIMIT 1", source))
            journal_.set(JournalTarget::Node, source, "deleted", std::int64_t{1});
    });
    return id;
}

void ConversationStore::nameBranch(NodeId id, std::string_view name) {
    journal_.asOneStep("Rename branch", node(id).conversation,
                       [&] { journal_.set(JournalTarget::Node, id, "name", std::string(name)); });
}

std::vector<NodeId> ConversationStore::subtree(NodeId id) {
    Statement select = database_.prepare(
        "WITH RECURSIVE below(id) AS (VALUES (?) UNION ALL SELECT nodes.id FROM nodes JOIN below ON nodes.parent = "
        "below.id WHERE nodes.deleted = 0) SELECT id FROM below");
    select.bind(id);
    std::vector<NodeId> result;
    while (select.step())
        result.push_back(select.integer(0));
    return result;
}

void ConversationStore::removeBranch(NodeId id) {
    const Node removed = node(id);
    journal_.asOneStep("Delete branch", removed.conversation, [&] {
        const std::vector<NodeId> below = subtree(id);
        std::vector<NodeId> others = siblings(id);
        std::erase(others, id);
        for (const NodeId each : below)
            journal_.set(JournalTarget::Node, each, "deleted", std::int64_t{1});
        const std::optional<NodeId> head = conversation(removed.conversation).head;
        if (!head || std::find(below.begin(), below.end(), *head) == below.end())
            return;
        // The nearest older sibling takes its place.
        const auto after = std::upper_bound(others.begin(), others.end(), id);
        if (others.empty())
            setHead(removed.conversation, removed.parent, true);
        else
            setHead(removed.conversation, leafOf(after == others.begin() ? others.front() : *std::prev(after)),
                    true);
    });
}

void ConversationStore::select(NodeId id) {
    Transaction transaction(database_);
    setHead(node(id).conversation, id, false);
    transaction.commit();
}

void ConversationStore::setHead(ConversationId id, std::optional<NodeId> head, bool journaled) {
    if (journaled)
        journal_.set(JournalTarget::Conversation, id, "head", head ? FieldValue(*head) : FieldValue());
    else
        database_.run("UPDATE conversations SET head = ? WHERE id = ?", head, id);
    if (head)
        rememberPath(*head);
}

void ConversationStore::rememberPath(NodeId head) {
    database_.run("WITH RECURSIVE up(id, parent) AS (SELECT id, parent FROM nodes WHERE id = ? UNION ALL "
                  "SELECT nodes.id, nodes.parent FROM nodes JOIN up ON nodes.id = up.parent) "
                  // All the way up, since undo moves the head and no more; written only where it is another one.
                  "UPDATE nodes SET selected_child = up.id FROM up "
                  "WHERE nodes.id = up.parent AND nodes.selected_child IS NOT up.id",
                  head);
}

void ConversationStore::touch(ConversationId id) {
    database_.run("UPDATE conversations SET updated = ? WHERE id = ?", nowMilliseconds(), id);
}

void ConversationStore::beginStreaming(NodeId id, const std::string& request) {
    database_.run("UPDATE nodes SET state = 'streaming', request = ?, finished = 0 WHERE id = ?", request, id);
}

void ConversationStore::notePrompt(NodeId id, std::size_t prompt_tokens) {
    database_.run("UPDATE nodes SET result = json_set(CASE WHEN json_valid(result) THEN result ELSE '{}' END, "
                  "'$.prompt_tokens', ?) WHERE id = ?",
                  prompt_tokens, id);
}

void ConversationStore::finish(NodeId id, const NodeFinish& finish) {
    Transaction transaction(database_);
    const TokenTexts texts = tokens_.texts(id);
    database_.run(
        "UPDATE nodes SET state = ?, content = ?, thinking = ?, tokens = ?, thinking_tokens = ?, result = ?, "
        "finished = ? WHERE id = ?",
        nameOf(finish.state), texts.content, texts.thinking, texts.tokens, texts.thinking_tokens, finish.result,
        nowMilliseconds(), id);
    database_.run("UPDATE conversations SET model = node.model, updated = ?, "
                  "tokens = CASE ? WHEN 0 THEN conversations.tokens ELSE ? END "
                  "FROM (SELECT model, conversation FROM nodes WHERE id = ?) AS node "
                  "WHERE conversations.id = node.conversation",
                  nowMilliseconds(), finish.context_tokens, finish.context_tokens, id);
    transaction.commit();
}

std::vector<NodeId> ConversationStore::recover() {
    std::vector<NodeId> cut;
    {
        Statement select = database_.prepare("SELECT id FROM nodes WHERE state = 'streaming'");
        while (select.step())
            cut.push_back(select.integer(0));
    }
    for (const NodeId id : cut) {
        // All else that is known of it stays: where it stood in the context, how long it thought.
        Statement select = database_.prepare(
            "SELECT CASE WHEN json_valid(result) THEN json_set(result, '$.reason', 'cut', '$.error', '') "
            "ELSE '{\"reason\":\"cut\"}' END FROM nodes WHERE id = ?");
        const std::string result = select.bind(id).step() ? select.string(0) : "{}";
        select.reset();
        finish(id, {NodeState::Cut, result, 0});
    }
    return cut;
}

} // namespace fulgurite
