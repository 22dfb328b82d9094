// SPDX-License-Identifier: Apache-2.0
// Undo for everything: a step is a list of fields with the value before and after, so that undoing writes the
// former and redoing the latter. Creating a row is its `deleted` going from 1 to 0; removing is the reverse.
#pragma once

#include "core/store/conversation_types.h"
#include "core/store/database.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fulgurite {

using FieldValue = std::variant<std::monostate, std::int64_t, std::string>;

enum class JournalTarget : std::uint8_t { Conversation, Node, Preset };

struct UndoResult {
    std::string label;                          // "Delete conversation"
    std::optional<ConversationId> conversation; // where the change can be seen
    std::vector<NodeId> nodes;                  // messages that went or came back
    bool presets = false;                       // one of them changed
    bool whole_conversation = false;            // it went or came back itself
};

class UndoJournal {
  public:
    explicit UndoJournal(Database& database) : database_(database) {}

    // Runs `body` in one transaction and makes everything it records one step; a call inside another joins it. A
    // step that changed nothing is not kept. New steps end what could be redone.
    void asOneStep(std::string_view label, std::optional<ConversationId> conversation,
                   const std::function<void()>& body);

    // Writes a field and records it. Only within asOneStep.
    void set(JournalTarget target, std::int64_t row, const char* field, const FieldValue& value);
    // Records that a row came into being.
    void recordCreation(JournalTarget target, std::int64_t row);

    std::optional<UndoResult> undo();
    std::optional<UndoResult> redo();
    std::optional<std::string> undoLabel();
    std::optional<std::string> redoLabel();

    // Forgets all but the latest steps, and removes for good the deleted rows that no step can bring back.
    void trim(std::size_t steps_to_keep);

  private:
    std::optional<UndoResult> move(bool undo);
    FieldValue read(JournalTarget target, std::int64_t row, const char* field);
    void write(const std::string& table, std::int64_t row, const std::string& field, const FieldValue& value);
    void record(JournalTarget target, std::int64_t row, const char* field, const FieldValue& before,
                const FieldValue& after);

    Database& database_;
    std::optional<std::int64_t> step_; // the one that is being recorded
};

} // namespace fulgurite
