// SPDX-License-Identifier: Apache-2.0
#include "core/store/preset_store.h"

namespace fulgurite {

std::map<std::string, std::string> PresetStore::all() {
    Statement select = database_.prepare("SELECT name, settings FROM presets WHERE deleted = 0");
    std::map<std::string, std::string> presets;
    while (select.step())
        presets.emplace(select.string(0), select.string(1));
    return presets;
}

std::optional<std::string> PresetStore::find(std::string_view name) {
    Statement select = database_.prepare("SELECT settings FROM presets WHERE name = ? AND deleted = 0");
    return select.bind(name).step() ? std::optional(select.string(0)) : std::nullopt;
}

void PresetStore::save(std::string_view name, std::string_view json) {
    journal_.asOneStep("Save preset", std::nullopt, [&] {
        // A deleted one of this name gives its row: an undo step may still want to bring it back, and names are unique.
        database_.run("INSERT INTO presets(name, settings, deleted) VALUES (?, ?, 1) ON CONFLICT (name) DO NOTHING",
                      name, json);
        const std::int64_t row = database_.integer("SELECT id FROM presets WHERE name = ?", name).value();
        journal_.set(JournalTarget::Preset, row, "settings", std::string(json));
        journal_.set(JournalTarget::Preset, row, "deleted", std::int64_t{0});
    });
}

void PresetStore::remove(std::string_view name) {
    const auto row = database_.integer("SELECT id FROM presets WHERE name = ? AND deleted = 0", name);
    if (!row)
        return;
    journal_.asOneStep("Delete preset", std::nullopt,
                       [&] { journal_.set(JournalTarget::Preset, *row, "deleted", std::int64_t{1}); });
}

} // namespace fulgurite
