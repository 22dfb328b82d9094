// SPDX-License-Identifier: GPL-3.0-or-later
// Undo and redo, which give a message that was sent back to the composer and take it from there again.
#include "ui/conversation/conversation_controller.h"

namespace fulgurite {

struct ConversationController::Stepped {
    Update update;
    QString sent;
    bool presets = false;
    std::optional<ConversationId> conversation;
    bool settings_came_back = false; // to the conversation that does not exist any more
};

void ConversationController::undo() {
    whenIdle([this] { step(&UndoJournal::undo, &ConversationController::draftRestored); });
}

void ConversationController::redo() {
    whenIdle([this] { step(&UndoJournal::redo, &ConversationController::draftWithdrawn); });
}

ConversationController::Stepped ConversationController::takeStep(StoreSession& session,
                                                                 std::optional<UndoResult> (UndoJournal::*move)(),
                                                                 qint64 shown) {
    Workspace& workspace = session.workspace();
    const std::optional<UndoResult> result = (workspace.journal().*move)();
    session.turnCache().clear();
    Stepped stepped;
    stepped.conversation = result ? result->conversation : std::nullopt;
    if (result && result->label == kSendStep) {
        if (result->whole_conversation && result->conversation && move == &UndoJournal::undo) {
            stepped.settings_came_back = takeBackNewLine(workspace, *result->conversation);
        } else if (result->whole_conversation && result->conversation) {
            handOverAgain(workspace, *result->conversation);
        }
        for (const NodeId id : result->nodes) {
            const Node node = workspace.conversations().nodeOrRemoved(id);
            stepped.sent += node.role == MessageRole::Assistant ? QString() : QString::fromStdString(node.content);
        }
    }
    const auto now = shown ? std::optional<ConversationId>(shown) : std::nullopt;
    stepped.presets = result && result->presets;
    stepped.update = updateFor(session, result && result->conversation ? result->conversation : now, true);
    return stepped;
}

void ConversationController::step(std::optional<UndoResult> (UndoJournal::*move)(),
                                  void (ConversationController::*message)(const QString&)) {
    settleSampler(); // a step of its own, and the latest
    ++steps_under_way_;
    store_.ask<Stepped>(
        this, [move, shown = line_.id](StoreSession& session) { return takeStep(session, move, shown); },
        [this, message](const Stepped& stepped) {
            if (stepped.settings_came_back && line_.id == 0) {
                line_.sampler = stepped.update.line.sampler; // apply() takes what is shown for newer
                line_.sampler_chosen = stepped.update.line.sampler_chosen;
                line_.raw = stepped.update.line.raw;
                line_.system_prompt = stepped.update.line.system_prompt;
            }
            apply(stepped.update);
            if (stepped.presets) {
                loadPresets();
            }
            if (stepped.conversation) {
                // Sent now, it would lack what it is about, and end what can be redone.
                giveBack(line_.id, takeQueued(*stepped.conversation));
            }
            if (!stepped.sent.isEmpty()) {
                emit(this->*message)(stepped.sent);
            }
            --steps_under_way_;
            nextFromQueue();
        },
        [this] {
            --steps_under_way_;
            nextFromQueue();
        });
}

} // namespace fulgurite
