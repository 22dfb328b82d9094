// SPDX-License-Identifier: Apache-2.0
#include "core/store/workspace_schema.h"

#include <array>

namespace fulgurite {

namespace {

constexpr const char* version_1 = R"sql(
CREATE TABLE conversations(
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL DEFAULT '',
    folder TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '', -- one a line
    starred INTEGER NOT NULL DEFAULT 0 CHECK (starred IN (0, 1)),
    raw INTEGER NOT NULL DEFAULT 0 CHECK (raw IN (0, 1)),
    system_prompt TEXT NOT NULL DEFAULT '',
    settings TEXT NOT NULL DEFAULT '{}',
    model TEXT NOT NULL DEFAULT '',
    tokens INTEGER NOT NULL DEFAULT 0,
    head INTEGER,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX conversations_by_time ON conversations(updated DESC) WHERE deleted = 0;

CREATE TABLE nodes(
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
    parent INTEGER REFERENCES nodes(id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool', 'prompt')),
    state TEXT NOT NULL CHECK (state IN ('complete', 'streaming', 'stopped', 'cut')),
    name TEXT NOT NULL DEFAULT '',
    content TEXT NOT NULL DEFAULT '',
    thinking TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    tokens INTEGER NOT NULL DEFAULT 0,
    thinking_tokens INTEGER NOT NULL DEFAULT 0,
    request TEXT NOT NULL DEFAULT '{}',
    result TEXT NOT NULL DEFAULT '{}',
    source_node INTEGER,
    source_tokens INTEGER NOT NULL DEFAULT 0,
    selected_child INTEGER,
    created INTEGER NOT NULL,
    finished INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX nodes_by_conversation ON nodes(conversation);
CREATE INDEX nodes_by_parent ON nodes(parent);
CREATE INDEX nodes_streaming ON nodes(id) WHERE state = 'streaming';

-- Tokens [first, first + count) of a node. Alternatives come last: a read that skips them skips their pages.
CREATE TABLE token_chunks(
    id INTEGER PRIMARY KEY,
    node INTEGER NOT NULL REFERENCES nodes(id) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    tokens BLOB NOT NULL,
    alternatives BLOB NOT NULL,
    UNIQUE (node, first)
) STRICT;

CREATE TABLE journal_steps(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    label TEXT NOT NULL,
    conversation INTEGER,
    created INTEGER NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE journal_changes(
    id INTEGER PRIMARY KEY,
    step INTEGER NOT NULL REFERENCES journal_steps(id) ON DELETE CASCADE,
    target TEXT NOT NULL CHECK (target IN ('conversations', 'nodes')),
    row INTEGER NOT NULL,
    field TEXT NOT NULL,
    before ANY,
    after ANY
) STRICT;
CREATE INDEX journal_changes_by_step ON journal_changes(step);

-- Text that was typed and not sent; conversation 0 is one that does not exist yet.
CREATE TABLE drafts(conversation INTEGER PRIMARY KEY, text TEXT NOT NULL, updated INTEGER NOT NULL) STRICT;

-- Small named values: kind is "setting", "preset" or "layout".
CREATE TABLE named_values(
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value ANY NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
)sql";

// Search over titles and messages. The texts stay in their tables; triggers keep the index in step.
constexpr const char* version_2 = R"sql(
CREATE VIRTUAL TABLE title_search USING fts5(
    title, content = 'conversations', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
CREATE TRIGGER title_search_insert AFTER INSERT ON conversations BEGIN
    INSERT INTO title_search(rowid, title) VALUES (new.id, new.title);
END;
CREATE TRIGGER title_search_delete AFTER DELETE ON conversations BEGIN
    INSERT INTO title_search(title_search, rowid, title) VALUES ('delete', old.id, old.title);
END;
CREATE TRIGGER title_search_update AFTER UPDATE OF title ON conversations BEGIN
    INSERT INTO title_search(title_search, rowid, title) VALUES ('delete', old.id, old.title);
    INSERT INTO title_search(rowid, title) VALUES (new.id, new.title);
END;

CREATE VIRTUAL TABLE message_search USING fts5(
    content, thinking, content = 'nodes', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2',
    prefix = '2 3');
CREATE TRIGGER message_search_insert AFTER INSERT ON nodes BEGIN
    INSERT INTO message_search(rowid, content, thinking) VALUES (new.id, new.content, new.thinking);
END;
CREATE TRIGGER message_search_delete AFTER DELETE ON nodes BEGIN
    INSERT INTO message_search(message_search, rowid, content, thinking)
        VALUES ('delete', old.id, old.content, old.thinking);
END;
CREATE TRIGGER message_search_update AFTER UPDATE OF content, thinking ON nodes BEGIN
    INSERT INTO message_search(message_search, rowid, content, thinking)
        VALUES ('delete', old.id, old.content, old.thinking);
    INSERT INTO message_search(rowid, content, thinking) VALUES (new.id, new.content, new.thinking);
END;
INSERT INTO title_search(title_search) VALUES ('rebuild');
INSERT INTO message_search(message_search) VALUES ('rebuild');
)sql";

// Presets can be undone like all else, so they are rows of their own that the journal may name. SQLite cannot change a
// CHECK; the journal's table is made anew.
constexpr const char* version_3 = R"sql(
CREATE TABLE presets(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL, -- JSON of the sampler
    deleted INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO presets(name, settings) SELECT name, CAST(value AS TEXT) FROM named_values WHERE kind = 'preset';
DELETE FROM named_values WHERE kind = 'preset';

CREATE TABLE journal_changes_3(
    id INTEGER PRIMARY KEY,
    step INTEGER NOT NULL REFERENCES journal_steps(id) ON DELETE CASCADE,
    target TEXT NOT NULL CHECK (target IN ('conversations', 'nodes', 'presets')),
    row INTEGER NOT NULL,
    field TEXT NOT NULL,
    before ANY,
    after ANY
) STRICT;
INSERT INTO journal_changes_3 SELECT id, step, target, row, field, before, after FROM journal_changes;
DROP TABLE journal_changes;
ALTER TABLE journal_changes_3 RENAME TO journal_changes;
CREATE INDEX journal_changes_by_step ON journal_changes(step);
)sql";

constexpr std::array migrations{Migration{1, version_1}, Migration{2, version_2}, Migration{3, version_3}};

} // namespace

std::span<const Migration> workspaceMigrations() {
    return migrations;
}

} // namespace fulgurite
