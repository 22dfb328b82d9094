// SPDX-License-Identifier: GPL-3.0-or-later
// What a person has set of the conversation that does not exist yet. Kept in the workspace, so that it outlives the
// opening of another conversation and the end of the program; the message that brings the conversation into being
// takes it over, and undoing that message gives it back. Runs on the store's thread.
#pragma once

#include "core/store/workspace.h"

#include <optional>
#include <string>

namespace fulgurite {

struct NewLine {
    std::string system_prompt;
    bool raw = false;
    // As conversations keep it; without one the new conversation begins with what was chosen last in any.
    std::optional<std::string> sampler;

    bool operator==(const NewLine&) const = default;
};

// The named value that keeps a conversation's node.
std::string nodeValueName(ConversationId id);

NewLine readNewLine(Workspace& workspace);
void keepNewLine(Workspace& workspace, const NewLine& line);

// As the conversation comes into being, but for its title.
NewConversation newConversationAsKept(Workspace& workspace);
// It has come into being as `id`: what was kept of it is that one's now.
void handOverNewLine(Workspace& workspace, ConversationId id);
// Its coming into being was undone. What has been set of the next one in the meantime stays; false then.
bool takeBackNewLine(Workspace& workspace, ConversationId id);
// And that was undone in turn: what was given back and has not been changed since is the conversation's alone
// again.
void handOverAgain(Workspace& workspace, ConversationId id);

} // namespace fulgurite
