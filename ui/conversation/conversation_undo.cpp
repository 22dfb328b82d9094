// SPDX-License-Identifier: GPL-3.0-or-later
// Undo and redo, which give a message that was sent back to the composer and take it from there again.
#include "ui/conversation/conversation_controller.h"

namespace fulgurite {

void ConversationController::undo() {
    whenIdle([this] { step(&UndoJournal::undo, &ConversationController::draftRestored); });
}

void ConversationController::redo() {
    whenIdle([this] { step(&UndoJournal::redo, &ConversationController::draftWithdrawn); });
}

void ConversationController::step(std::optional<UndoResult> (UndoJournal::*move)(),
                                  void (ConversationController::*message)(const QString&)) {
    struct Stepped {
        Update update;
        QString sent;
        bool presets = false;
    };
    store_.ask<Stepped>(
        this,
        [move, shown = line_.id](StoreSession& session) {
            const std::optional<UndoResult> result = (session.workspace().journal().*move)();
            session.turnCache().clear();
            Stepped stepped;
            if (result && result->label == kSendStep) {
                for (const NodeId id : result->nodes) {
                    const Node node = session.workspace().conversations().nodeOrRemoved(id);
                    stepped.sent +=
                        node.role == MessageRole::Assistant ? QString() : QString::fromStdString(node.content);
                }
            }
            const auto now = shown ? std::optional<ConversationId>(shown) : std::nullopt;
            stepped.presets = result && result->presets;
            stepped.update = updateFor(session, result && result->conversation ? result->conversation : now, true);
            return stepped;
        },
        [this, message](const Stepped& stepped) {
            apply(stepped.update);
            if (stepped.presets) {
                loadPresets();
            }
            if (!stepped.sent.isEmpty()) {
                emit(this->*message)(stepped.sent);
            }
        });
}

} // namespace fulgurite
