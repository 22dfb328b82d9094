// SPDX-License-Identifier: Apache-2.0
// Conversations as files. JSON keeps everything, branches and token data included; Markdown keeps the line that is
// shown, for reading. Both can be imported.
#pragma once

#include "core/store/workspace.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

constexpr int conversation_json_version = 1;

std::string exportJson(Workspace& workspace, std::span<const ConversationId> conversations);
std::string exportMarkdown(Workspace& workspace, ConversationId conversation);

// Checks all before anything is written; one undo step. `name` begins every message. Throws Error: InvalidInput
// names the field, Unsupported a newer format.
std::vector<ConversationId> importJson(Workspace& workspace, std::string_view text, const std::string& name);
ConversationId importMarkdown(Workspace& workspace, std::string_view text, const std::string& name);

} // namespace fulgurite
