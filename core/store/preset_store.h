// SPDX-License-Identifier: Apache-2.0
// A person's own sampler presets by name, with undo.
#pragma once

#include "core/store/database.h"
#include "core/store/undo_journal.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace fulgurite {

class PresetStore {
  public:
    PresetStore(Database& database, UndoJournal& journal) : database_(database), journal_(journal) {}

    std::map<std::string, std::string> all(); // name -> JSON of the settings
    std::optional<std::string> find(std::string_view name);
    // Each is one undo step: "Save preset", "Delete preset". What changes nothing is none.
    void save(std::string_view name, std::string_view json);
    void remove(std::string_view name);

  private:
    Database& database_;
    UndoJournal& journal_;
};

} // namespace fulgurite
