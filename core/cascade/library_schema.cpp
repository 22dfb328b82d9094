// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/library_schema.h"

#include <array>

namespace fulgurite::cascade {

namespace {

constexpr const char* kVersion1 = R"sql(
CREATE TABLE libraries(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT;
CREATE TABLE folders(
    library INTEGER NOT NULL REFERENCES libraries(id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (library, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE contents(
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE, -- SHA-256 of the file
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    thumbnail BLOB NOT NULL -- JPEG
) STRICT;
CREATE TABLE images(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    library INTEGER NOT NULL REFERENCES libraries(id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    content INTEGER NOT NULL REFERENCES contents(id),
    modified INTEGER NOT NULL, -- nanoseconds since 1970
    bytes INTEGER NOT NULL,
    UNIQUE (library, path)
) STRICT;
CREATE INDEX images_by_content ON images(library, content);
CREATE TABLE unreadable(
    library INTEGER NOT NULL REFERENCES libraries(id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    modified INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (library, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE encoders(
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE, -- of weights and settings
    name TEXT NOT NULL,
    width INTEGER NOT NULL
) STRICT;
CREATE TABLE vectors(
    encoder INTEGER NOT NULL REFERENCES encoders(id),
    content INTEGER NOT NULL REFERENCES contents(id),
    row INTEGER NOT NULL, -- in the encoder's vector file
    PRIMARY KEY (encoder, content)
) STRICT, WITHOUT ROWID;
CREATE TABLE queries(
    library INTEGER NOT NULL REFERENCES libraries(id) ON DELETE CASCADE,
    number INTEGER NOT NULL, -- from 1 in each library
    time INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (library, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger(
    id INTEGER PRIMARY KEY,
    library INTEGER NOT NULL REFERENCES libraries(id) ON DELETE CASCADE,
    query INTEGER NOT NULL, -- 0: none
    time INTEGER NOT NULL,
    kind INTEGER NOT NULL, -- 0 ingest, 1 query, 2 text, 3 search, 4 evaluation
    stage INTEGER NOT NULL,
    encoder TEXT NOT NULL,
    items INTEGER NOT NULL,
    cached INTEGER NOT NULL,
    seconds REAL NOT NULL,
    flops REAL NOT NULL,
    bytes REAL NOT NULL
) STRICT;
CREATE INDEX ledger_by_library ON ledger(library, id);
)sql";

// Costs belong to a checkpoint, as vectors do, and not to the name of its folder. An earlier entry is given to the
// only checkpoint of its name; where there are several, nobody knows whose it is.
constexpr const char* kVersion2 = R"sql(
ALTER TABLE ledger ADD COLUMN checkpoint INTEGER NOT NULL DEFAULT 0; -- encoders(id); 0: not known
ALTER TABLE ledger ADD COLUMN wall REAL NOT NULL DEFAULT 0; -- seconds with reading and decoding; 0: not measured
UPDATE ledger SET checkpoint =
    (SELECT CASE count(*) WHEN 1 THEN min(id) ELSE 0 END FROM encoders WHERE encoders.name = ledger.encoder);
CREATE INDEX ledger_by_checkpoint ON ledger(checkpoint, kind);
CREATE TABLE encoder_files(
    folder TEXT PRIMARY KEY,
    stamp TEXT NOT NULL, -- names, sizes and times of the files that were hashed
    encoder INTEGER NOT NULL REFERENCES encoders(id)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array kMigrations{Migration{1, kVersion1}, Migration{2, kVersion2}};

} // namespace

std::span<const Migration> imagesMigrations() {
    return kMigrations;
}

} // namespace fulgurite::cascade
