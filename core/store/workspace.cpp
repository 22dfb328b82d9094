// SPDX-License-Identifier: Apache-2.0
#include "core/store/workspace.h"

#include "core/store/clock.h"
#include "core/store/workspace_schema.h"

namespace fulgurite {

namespace {

constexpr std::size_t undo_steps_kept = 1000;

const char* nameOfKind(ValueKind kind) {
    switch (kind) {
    case ValueKind::Setting:
        return "setting";
    case ValueKind::Layout:
        return "layout";
    }
    return "";
}

std::filesystem::path withFolder(const std::filesystem::path& path) {
    std::error_code error;
    if (path.has_parent_path())
        std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        fail(ErrorKind::Io, "{}: cannot be created ({}). Choose another place for the workspace.",
             path.parent_path().string(), error.message());
    return path;
}

} // namespace

Workspace::Workspace(const std::filesystem::path& path, std::int64_t max_pages)
    : database_(withFolder(path), {workspace_application_id, "workspace", max_pages}),
      journal_(database_),
      presets_(database_, journal_),
      tokens_(database_),
      conversations_(database_, journal_, tokens_),
      index_(database_) {
    migrate(database_, workspaceMigrations());
    recovered_ = conversations_.recover();
    journal_.trim(undo_steps_kept);
}

void Workspace::setDraft(ConversationId id, std::string_view text) {
    if (text.empty())
        database_.run("DELETE FROM drafts WHERE conversation = ?", id);
    else
        database_.run("INSERT INTO drafts(conversation, text, updated) VALUES (?, ?, ?) ON CONFLICT (conversation) "
                      "DO UPDATE SET text = excluded.text, updated = excluded.updated",
                      id, text, nowMilliseconds());
}

std::string Workspace::draft(ConversationId id) {
    Statement select = database_.prepare("SELECT text FROM drafts WHERE conversation = ?");
    return select.bind(id).step() ? select.string(0) : std::string();
}

void Workspace::setValue(ValueKind kind, std::string_view name, std::string_view value) {
    database_.run(
        "INSERT INTO named_values(kind, name, value, updated) VALUES (?, ?, ?, ?) ON CONFLICT (kind, name) "
        "DO UPDATE SET value = excluded.value, updated = excluded.updated",
        nameOfKind(kind), name, std::as_bytes(std::span(value)), nowMilliseconds());
}

std::optional<std::string> Workspace::value(ValueKind kind, std::string_view name) {
    Statement select = database_.prepare("SELECT value FROM named_values WHERE kind = ? AND name = ?");
    return select.bind(nameOfKind(kind), name).step() ? std::optional(select.string(0)) : std::nullopt;
}

std::map<std::string, std::string> Workspace::values(ValueKind kind) {
    Statement select = database_.prepare("SELECT name, value FROM named_values WHERE kind = ?");
    select.bind(nameOfKind(kind));
    std::map<std::string, std::string> result;
    while (select.step())
        result.emplace(select.string(0), select.string(1));
    return result;
}

void Workspace::removeValue(ValueKind kind, std::string_view name) {
    database_.run("DELETE FROM named_values WHERE kind = ? AND name = ?", nameOfKind(kind), name);
}

} // namespace fulgurite
