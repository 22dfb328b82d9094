// SPDX-License-Identifier: Apache-2.0
#include "core/store/undo_journal.h"

#include "core/store/clock.h"

#include <algorithm>
#include <array>

namespace fulgurite {

namespace {

const char* tableOf(JournalTarget target) {
    switch (target) {
    case JournalTarget::Conversation:
        return "conversations";
    case JournalTarget::Node:
        return "nodes";
    case JournalTarget::Preset:
        return "presets";
    }
    return "";
}

// A file from elsewhere may name anything as a field; only these reach the SQL text.
bool isJournaled(std::string_view table, std::string_view field) {
    static constexpr std::array<std::string_view, 9> of_conversation{
        "title", "folder", "tags", "starred", "raw", "system_prompt", "settings", "head", "deleted"};
    static constexpr std::array<std::string_view, 2> of_node{"name", "deleted"};
    static constexpr std::array<std::string_view, 2> of_preset{"settings", "deleted"};
    const auto among = [&](const auto& fields) { return std::ranges::find(fields, field) != fields.end(); };
    return (table == "conversations" && among(of_conversation)) || (table == "nodes" && among(of_node)) ||
           (table == "presets" && among(of_preset));
}

FieldValue valueIn(const Statement& row, int column, bool as_text) {
    if (row.isNull(column))
        return std::monostate{};
    if (as_text)
        return row.string(column);
    return row.integer(column);
}

void bindValue(Statement& statement, int index, const FieldValue& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value))
        statement.bindOne(index, *number);
    else if (const auto* text = std::get_if<std::string>(&value))
        statement.bindOne(index, *text);
    else
        statement.bindOne(index, std::nullopt);
}

} // namespace

void UndoJournal::asOneStep(std::string_view label, std::optional<ConversationId> conversation,
                            const std::function<void()>& body) {
    if (step_) {
        body();
        return;
    }
    Transaction transaction(database_);
    database_.run("INSERT INTO journal_steps(label, conversation, created) VALUES (?, ?, ?)", label, conversation,
                  nowMilliseconds());
    step_ = database_.lastInsertId();
    try {
        body();
    } catch (...) {
        step_.reset();
        throw;
    }
    const std::int64_t step = *step_;
    step_.reset();
    if (database_.integer("SELECT 1 FROM journal_changes WHERE step = ? LIMIT 1", step))
        database_.run("DELETE FROM journal_steps WHERE undone = 1");
    else
        database_.run("DELETE FROM journal_steps WHERE id = ?", step);
    transaction.commit();
}

void UndoJournal::set(JournalTarget target, std::int64_t row, const char* field, const FieldValue& value) {
    const FieldValue before = read(target, row, field);
    if (before == value)
        return;
    write(tableOf(target), row, field, value);
    record(target, row, field, before, value);
}

void UndoJournal::recordCreation(JournalTarget target, std::int64_t row) {
    record(target, row, "deleted", std::int64_t{1}, std::int64_t{0});
    // So that redoing shows it.
    if (target == JournalTarget::Conversation)
        database_.run("UPDATE journal_steps SET conversation = ? WHERE id = ? AND conversation IS NULL", row,
                      *step_);
}

void UndoJournal::record(JournalTarget target, std::int64_t row, const char* field, const FieldValue& before,
                         const FieldValue& after) {
    if (!step_)
        fail(ErrorKind::Internal, "a change of {}.{} was made outside a step that can be undone", tableOf(target),
             field);
    Statement insert = database_.prepare(
        "INSERT INTO journal_changes(step, target, row, field, before, after) VALUES (?, ?, ?, ?, ?, ?)");
    insert.bind(*step_, tableOf(target), row, field);
    bindValue(insert, 4, before);
    bindValue(insert, 5, after);
    insert.run();
}

FieldValue UndoJournal::read(JournalTarget target, std::int64_t row, const char* field) {
    Statement select =
        database_.prepare(fmt::format("SELECT {0}, typeof({0}) FROM {1} WHERE id = ?", field, tableOf(target)));
    if (!select.bind(row).step())
        fail(ErrorKind::NotFound, "{}: no row {} in {}", database_.path().string(), row, tableOf(target));
    return valueIn(select, 0, select.text(1) == "text");
}

void UndoJournal::write(const std::string& table, std::int64_t row, const std::string& field,
                        const FieldValue& value) {
    if (!isJournaled(table, field))
        fail(ErrorKind::Corrupt, "{}: the undo journal names an unknown field {}.{}", database_.path().string(),
             table, field);
    Statement update = database_.prepare(fmt::format("UPDATE {} SET {} = ? WHERE id = ?", table, field));
    bindValue(update, 0, value);
    update.bindOne(1, row);
    update.run();
}

std::optional<UndoResult> UndoJournal::undo() {
    return move(true);
}
std::optional<UndoResult> UndoJournal::redo() {
    return move(false);
}

std::optional<UndoResult> UndoJournal::move(bool undo) {
    Transaction transaction(database_);
    std::int64_t step = 0;
    UndoResult result;
    {
        Statement find = database_.prepare(
            undo ? "SELECT id, label, conversation FROM journal_steps WHERE undone = 0 ORDER BY id DESC LIMIT 1"
                 : "SELECT id, label, conversation FROM journal_steps WHERE undone = 1 ORDER BY id ASC LIMIT 1");
        if (!find.step())
            return std::nullopt;
        step = find.integer(0);
        result.label = find.string(1);
        if (!find.isNull(2))
            result.conversation = find.integer(2);
    }
    Statement changes = database_.prepare(undo ? "SELECT target, row, field, before, typeof(before) FROM "
                                                 "journal_changes WHERE step = ? ORDER BY id DESC"
                                               : "SELECT target, row, field, after, typeof(after) FROM "
                                                 "journal_changes WHERE step = ? ORDER BY id ASC");
    changes.bind(step);
    while (changes.step()) {
        write(changes.string(0), changes.integer(1), changes.string(2),
              valueIn(changes, 3, changes.text(4) == "text"));
        if (changes.text(0) == tableOf(JournalTarget::Node) && changes.text(2) == "deleted")
            result.nodes.push_back(changes.integer(1));
        result.presets |= changes.text(0) == tableOf(JournalTarget::Preset);
        if (changes.text(0) == tableOf(JournalTarget::Conversation) && changes.text(2) == "deleted")
            result.whole_conversation = true;
    }
    database_.run("UPDATE journal_steps SET undone = ? WHERE id = ?", undo, step);
    transaction.commit();
    return result;
}

std::optional<std::string> UndoJournal::undoLabel() {
    Statement find = database_.prepare("SELECT label FROM journal_steps WHERE undone = 0 ORDER BY id DESC LIMIT 1");
    return find.step() ? std::optional(find.string(0)) : std::nullopt;
}

std::optional<std::string> UndoJournal::redoLabel() {
    Statement find = database_.prepare("SELECT label FROM journal_steps WHERE undone = 1 ORDER BY id ASC LIMIT 1");
    return find.step() ? std::optional(find.string(0)) : std::nullopt;
}

void UndoJournal::trim(std::size_t steps_to_keep) {
    Transaction transaction(database_);
    database_.run(
        "DELETE FROM journal_steps WHERE id <= (SELECT id FROM journal_steps ORDER BY id DESC LIMIT 1 OFFSET ?)",
        steps_to_keep);
    for (const JournalTarget target : {JournalTarget::Node, JournalTarget::Conversation, JournalTarget::Preset})
        database_.run(fmt::format("DELETE FROM {0} WHERE deleted = 1 AND id NOT IN "
                                  "(SELECT row FROM journal_changes WHERE target = '{0}')",
                                  tableOf(target)));
    transaction.commit();
}

} // namespace fulgurite
