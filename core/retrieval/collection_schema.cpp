// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/collection_schema.h"

#include <array>

namespace fulgurite::retrieval {

namespace {

constexpr const char* version_1 = R"sql(
CREATE TABLE collections(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    embedder TEXT NOT NULL,         -- "model" or a folder
    embedder_kind TEXT NOT NULL,
    embedder_name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    layer_count INTEGER NOT NULL,
    layers TEXT NOT NULL,           -- stored ones, comma-separated
    width INTEGER NOT NULL,
    heads INTEGER NOT NULL,
    head_dim INTEGER NOT NULL,
    place TEXT NOT NULL,
    pooling TEXT NOT NULL,
    max_tokens INTEGER NOT NULL,
    normalised INTEGER NOT NULL CHECK (normalised IN (0, 1)),
    chunk_tokens INTEGER NOT NULL,
    vector_type TEXT NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE sources(
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    UNIQUE (collection, path)
) STRICT;

CREATE TABLE documents(
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    source INTEGER NOT NULL REFERENCES sources(id) ON DELETE CASCADE,
    hash TEXT NOT NULL,             -- of title, label, topic and text
    occurrence INTEGER NOT NULL,    -- the how manieth document of the source with this hash
    place TEXT NOT NULL,            -- where in the file
    title TEXT NOT NULL,
    label TEXT NOT NULL,
    topic TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (source, hash, occurrence)
) STRICT;
CREATE INDEX documents_by_collection ON documents(collection, id);

CREATE TABLE segments(
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    file TEXT NOT NULL,             -- in vectors/
    rows INTEGER NOT NULL
) STRICT;

CREATE TABLE chunks(
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,        -- within the document
    first_byte INTEGER NOT NULL,
    end_byte INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    truncated INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    segment INTEGER NOT NULL REFERENCES segments(id),
    row INTEGER NOT NULL,
    UNIQUE (document, number)
) STRICT;
CREATE INDEX chunks_by_segment ON chunks(segment, row);

CREATE TABLE scores(
    collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    space TEXT NOT NULL,
    sums BLOB NOT NULL,             -- doubles: count, sums of lengths, sums of unit vectors
    PRIMARY KEY (collection, space)
) STRICT;

CREATE TABLE query_sets(
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    UNIQUE (collection, name)
) STRICT;

CREATE TABLE queries(
    id INTEGER PRIMARY KEY,
    query_set INTEGER NOT NULL REFERENCES query_sets(id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    items TEXT NOT NULL,            -- JSON list: topics or titles that are relevant
    prompts TEXT NOT NULL           -- JSON list: for fusion
) STRICT;
CREATE INDEX queries_by_set ON queries(query_set, id);

CREATE TABLE evaluations(
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    record TEXT NOT NULL,
    result TEXT NOT NULL,           -- JSON
    UNIQUE (collection, record)
) STRICT;
)sql";

// Plots of an evaluation need every query's numbers; evaluations made before have none.
constexpr const char* version_2 = "ALTER TABLE evaluations ADD COLUMN matrices TEXT NOT NULL DEFAULT ''";

} // namespace

std::span<const Migration> collectionMigrations() {
    static constexpr std::array<Migration, 2> migrations{{{1, version_1}, {2, version_2}}};
    return migrations;
}

} // namespace fulgurite::retrieval
