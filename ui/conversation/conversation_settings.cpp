// SPDX-License-Identifier: GPL-3.0-or-later
// What a conversation is set to: sampler, system prompt, raw mode and the node that answers.
#include "ui/conversation/conversation_controller.h"

#include <utility>

namespace fulgurite {

void ConversationController::setSampler(const SamplerSettings& settings) {
    if (settings == line_.sampler) {
        return;
    }
    line_.sampler = settings;
    line_.sampler_chosen = !(settings == model_sampler_);
    sampler_timer_.start(); // a slider that moves is one step
}

void ConversationController::setSystemPrompt(const QString& text) {
    if (text == line_.system_prompt) {
        return;
    }
    line_.system_prompt = text;
    if (line_.id == 0) {
        changeNewLine([utf8 = text.toStdString()](NewLine& line) { line.system_prompt = utf8; });
    } else {
        change([id = line_.id, utf8 = text.toStdString()](StoreSession& session) -> std::optional<ConversationId> {
            session.workspace().conversations().setSystemPrompt(id, utf8);
            return id;
        });
    }
}

void ConversationController::setRaw(bool raw) {
    if (raw == line_.raw) {
        return;
    }
    line_.raw = raw;
    if (line_.id == 0) {
        changeNewLine([raw](NewLine& line) { line.raw = raw; });
    } else {
        change([id = line_.id, raw](StoreSession& session) -> std::optional<ConversationId> {
            session.workspace().conversations().setRaw(id, raw);
            return id;
        });
    }
}

void ConversationController::saveSampler() {
    sampler_timer_.stop();
    store_.post([id = line_.id, json = samplerToKeep()](StoreSession& session) {
        session.workspace().setValue(ValueKind::Setting, "sampler", json);
        if (id != 0) {
            session.workspace().conversations().setSettings(id, json);
        }
    });
    if (line_.id == 0) {
        changeNewLine([json = samplerToKeep()](NewLine& line) { line.sampler = json; });
    }
}

void ConversationController::settleSampler() {
    if (sampler_timer_.isActive()) {
        saveSampler();
    }
}

// The conversation that does not exist yet has no row that could be changed.
void ConversationController::changeNewLine(std::function<void(NewLine&)> change) {
    store_.post([change = std::move(change)](StoreSession& session) {
        NewLine line = readNewLine(session.workspace());
        change(line);
        keepNewLine(session.workspace(), line);
    });
}

std::string ConversationController::samplerToKeep() const {
    return line_.sampler_chosen ? toJson(line_.sampler).toStdString() : kNoSampler;
}

void ConversationController::setNode(const QString& node) {
    if (line_.node == node) {
        return;
    }
    line_.node = node;
    store_.post([name = nodeValueName(line_.id), node = node.toStdString()](StoreSession& session) {
        if (node.empty()) {
            session.workspace().removeValue(ValueKind::Setting, name);
        } else {
            session.workspace().setValue(ValueKind::Setting, name, node);
        }
    });
    emit lineChanged();
}

} // namespace fulgurite
