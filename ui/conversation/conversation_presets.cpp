// SPDX-License-Identifier: GPL-3.0-or-later
// A person's own sampler presets: listed, saved, removed, each a step that can be undone.
#include "ui/conversation/conversation_controller.h"

#include "ui/conversation/request_builder.h"

namespace fulgurite {

void ConversationController::savePreset(const QString& name, const SamplerSettings& settings) {
    changePreset(name, toJson(settings).toStdString());
}

void ConversationController::removePreset(const QString& name) {
    changePreset(name, std::nullopt);
}

// What stood there before is told, for who wants it back.
void ConversationController::changePreset(const QString& name, const std::optional<std::string>& json) {
    struct Changed {
        std::optional<std::string> before;
        UndoLabels labels;
    };
    store_.ask<Changed>(
        this,
        [key = name.toStdString(), json](StoreSession& session) {
            PresetStore& presets = session.workspace().presets();
            Changed changed{presets.find(key), {}};
            if (json) {
                presets.save(key, *json);
            } else {
                presets.remove(key);
            }
            changed.labels = fulgurite::undoLabels(session);
            return changed;
        },
        [this, name, json](const Changed& changed) {
            setUndoLabels(changed.labels);
            if (changed.before && changed.before != json) {
                emit presetLost(name, !json);
            }
        });
    loadPresets();
}

void ConversationController::loadPresets() {
    store_.ask<QList<SamplerPreset>>(
        this,
        [](StoreSession& session) {
            QList<SamplerPreset> presets;
            for (const auto& [name, json] : session.workspace().presets().all()) {
                presets << SamplerPreset{QString::fromStdString(name),
                                         samplerFromJson(QByteArray::fromStdString(json)), false};
            }
            return presets;
        },
        [this](const QList<SamplerPreset>& presets) { emit presetsChanged(presets); });
}

} // namespace fulgurite
