// SPDX-License-Identifier: Apache-2.0
// A workspace file: everything that the window keeps. One thread at a time; one process at a time.
#pragma once

#include "core/store/conversation_store.h"
#include "core/store/database.h"
#include "core/store/preset_store.h"
#include "core/store/search_index.h"
#include "core/store/token_store.h"
#include "core/store/undo_journal.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

enum class ValueKind : std::uint8_t { Setting, Layout };

class Workspace {
  public:
    // Opens or creates, migrates, and marks answers that a crash interrupted as cut. Throws Error: Unsupported for
    // a newer file, Corrupt, Io for one that cannot be written, Unavailable while another window holds it; the file
    // is left as it was.
    explicit Workspace(const std::filesystem::path& path, std::int64_t max_pages = 0);

    Database& database() { return database_; }
    UndoJournal& journal() { return journal_; }
    ConversationStore& conversations() { return conversations_; }
    PresetStore& presets() { return presets_; }
    TokenStore& tokens() { return tokens_; }
    SearchIndex& index() { return index_; }
    // Answers that were cut by the end of the previous process.
    const std::vector<NodeId>& recovered() const { return recovered_; }

    // Text that was not sent; 0 is the conversation that does not exist yet. An empty text removes the draft.
    void setDraft(ConversationId id, std::string_view text);
    std::string draft(ConversationId id);

    // Values are JSON for settings, opaque bytes for layouts.
    void setValue(ValueKind kind, std::string_view name, std::string_view value);
    std::optional<std::string> value(ValueKind kind, std::string_view name);
    std::map<std::string, std::string> values(ValueKind kind);
    void removeValue(ValueKind kind, std::string_view name);

  private:
    Database database_;
    UndoJournal journal_;
    PresetStore presets_;
    TokenStore tokens_;
    ConversationStore conversations_;
    SearchIndex index_;
    std::vector<NodeId> recovered_;
};

} // namespace fulgurite
