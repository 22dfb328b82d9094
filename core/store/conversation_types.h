// SPDX-License-Identifier: Apache-2.0
// What a workspace knows about conversations: plain data. A conversation is a tree of nodes; its head marks the
// line that is shown. Times are milliseconds since 1970, UTC.
#pragma once

#include "core/base/token_info.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fulgurite {

using ConversationId = std::int64_t;
using NodeId = std::int64_t;
using Milliseconds = std::int64_t;

enum class MessageRole : std::uint8_t {
    System,
    User,
    Assistant,
    Tool,
    Prompt, // text that a raw completion starts from
};

enum class NodeState : std::uint8_t {
    Complete,
    Streaming, // an engine is writing it; after a crash it becomes Cut
    Stopped,   // by a person
    Cut,       // by the end of the engine, the connection or the window
};

const char* nameOf(MessageRole role);
const char* nameOf(NodeState state);
std::optional<MessageRole> roleNamed(const std::string& name);
std::optional<NodeState> nodeStateNamed(const std::string& name);

struct Conversation {
    ConversationId id = 0;
    std::string title;
    std::string folder;
    std::vector<std::string> tags; // without line breaks
    bool starred = false;
    bool raw = false; // completes text without a chat template
    std::string system_prompt;
    std::string settings = "{}"; // JSON of the window: sampler, limits, view
    std::string model;           // of the latest answer
    std::size_t tokens = 0;      // of the latest answer's context, answer included
    std::optional<NodeId> head;
    Milliseconds created = 0;
    Milliseconds updated = 0;
};

struct Node {
    NodeId id = 0;
    ConversationId conversation = 0;
    std::optional<NodeId> parent;
    MessageRole role = MessageRole::User;
    NodeState state = NodeState::Complete;
    std::string name; // given to the branch that begins here
    std::string content;
    std::string thinking;
    std::string model;
    std::size_t tokens = 0; // generated ones kept with the node, markers included; 0 for typed text
    std::size_t thinking_tokens = 0;
    std::string request = "{}";        // JSON: sampler, limits, seed, system prompt it was made with
    std::string result = "{}";         // JSON: reason, usage, timings, error
    std::optional<NodeId> source_node; // where its first tokens were copied from,
    std::size_t source_tokens = 0;     // and how many
    Milliseconds created = 0;
    Milliseconds finished = 0;
};

// A node as a map of branches needs it.
struct NodeOutline {
    NodeId id = 0;
    std::optional<NodeId> parent;
    MessageRole role = MessageRole::User;
    NodeState state = NodeState::Complete;
    std::string name;
    std::string beginning; // first characters of the content, or of the thinking where there is no content
    std::size_t tokens = 0;
    std::size_t length = 0; // characters of content and thinking
    std::optional<NodeId> source_node;
    std::size_t source_tokens = 0;
    std::optional<NodeId> selected_child;
    Milliseconds created = 0;
};

struct NewNode {
    ConversationId conversation = 0;
    std::optional<NodeId> parent;
    MessageRole role = MessageRole::User;
    NodeState state = NodeState::Complete;
    std::string content;
    std::string thinking;
    std::string model;
    std::string request = "{}";
};

// How an answer ended.
struct NodeFinish {
    NodeState state = NodeState::Complete;
    std::string result = "{}";
    std::size_t context_tokens = 0; // prompt and answer; 0 when unknown
};

struct SearchHit {
    ConversationId conversation = 0;
    std::optional<NodeId> node; // nothing: the title matched
    std::string title;
    std::string line; // the line that was found, shortened
    // Byte ranges of the matches in `line`.
    std::vector<std::pair<std::size_t, std::size_t>> matches;
    Milliseconds updated = 0;
};

} // namespace fulgurite
