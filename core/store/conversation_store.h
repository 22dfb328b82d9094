// SPDX-License-Identifier: Apache-2.0
// Conversations as trees. Every change is one step that can be undone, several inside UndoJournal::asOneStep too.
#pragma once

#include "core/store/conversation_types.h"
#include "core/store/database.h"
#include "core/store/token_store.h"
#include "core/store/undo_journal.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

struct NewConversation {
    std::string title;
    std::string folder;
    bool raw = false;
    std::string system_prompt;
    std::string settings = "{}";
};

class ConversationStore {
  public:
    ConversationStore(Database& database, UndoJournal& journal, TokenStore& tokens)
        : database_(database), journal_(journal), tokens_(tokens) {}

    // All that are not deleted, latest first. `limit` 0 is no limit.
    std::vector<Conversation> list(std::size_t limit = 0, std::size_t offset = 0);
    std::size_t count();
    std::vector<std::string> folders();
    // Throw Error{NotFound}, also for what is deleted.
    Conversation conversation(ConversationId id);
    Node node(NodeId id);
    // Also what was removed and can be brought back.
    Conversation conversationOrRemoved(ConversationId id);
    Node nodeOrRemoved(NodeId id);
    // From the root to the head.
    std::vector<Node> path(ConversationId id);
    std::vector<NodeOutline> outline(ConversationId id);
    // Children of one parent in order of creation; the roots of the conversation without one.
    std::vector<NodeId> siblings(NodeId id);
    // The line that selecting `id` shows: down along the children that were last selected.
    NodeId leafOf(NodeId id);

    ConversationId create(const NewConversation& conversation);
    void rename(ConversationId id, std::string_view title);
    void setFolder(ConversationId id, std::string_view folder);
    void setTags(ConversationId id, const std::vector<std::string>& tags);
    void setStarred(ConversationId id, bool starred);
    void setRaw(ConversationId id, bool raw);
    void setSystemPrompt(ConversationId id, std::string_view text);
    void setSettings(ConversationId id, std::string_view json);
    void remove(ConversationId id);

    // Adds a node below `parent` and makes it the head.
    NodeId append(const NewNode& node, std::string_view label = "Send");
    // The same without showing it: whoever adds many names the head once, at the end.
    NodeId insert(const NewNode& node);
    // A sibling of the answer `source` that begins with its first `kept` tokens, then `alternative`; becomes the
    // head, in state Streaming.
    NodeId branchFromToken(NodeId source, std::size_t kept, const TokenInfo& alternative,
                           const std::string& request);
    // An answer that begins with the first `kept` tokens of the answer `source` and takes its place, or stands
    // beside it where something follows it; becomes the head, in state Streaming. Undone, `source` is as it was.
    NodeId continueFrom(NodeId source, std::size_t kept, const std::string& request);
    void nameBranch(NodeId id, std::string_view name);
    // Removes the node and all below; the head moves to a sibling's line, or to the parent.
    void removeBranch(NodeId id);
    // Makes `id` the head. Not a step: nothing is changed but what is shown.
    void select(NodeId id);

    // Streaming: `begin` for going on with an answer, `finish` puts texts and counts together from the tokens.
    void beginStreaming(NodeId id, const std::string& request);
    void notePrompt(NodeId id, std::size_t prompt_tokens); // before the answer, once the engine has counted them
    void finish(NodeId id, const NodeFinish& finish);
    // Marks what a crash left in state Streaming as Cut; returns it.
    std::vector<NodeId> recover();

  private:
    std::vector<Node> nodes(Statement& select);
    void setHead(ConversationId id, std::optional<NodeId> head, bool journaled);
    void rememberPath(NodeId head);
    void touch(ConversationId id);
    std::vector<NodeId> subtree(NodeId id);

    Database& database_;
    UndoJournal& journal_;
    TokenStore& tokens_;
};

} // namespace fulgurite
