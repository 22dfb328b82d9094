// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/runs_file.h"

#include <array>
#include <chrono>
#include <random>

namespace fulgurite {

namespace {

// runs, series and points are what other programs read: their columns stay as they are, and what the window needs
// besides lies in tables beside them.
constexpr const char* runs_version_1 = R"sql(
CREATE TABLE runs(
    id INTEGER PRIMARY KEY,
    uuid TEXT UNIQUE,
    project TEXT,
    name TEXT,
    source TEXT,
    source_uri TEXT,
    algo TEXT,
    created_us INTEGER,
    ended_us INTEGER,
    status INTEGER,
    parent_id INTEGER,
    seed INTEGER,
    config_json TEXT,
    notes TEXT
) STRICT;
CREATE TABLE run_state(
    run_id INTEGER PRIMARY KEY,
    last_step INTEGER, -- the last one that is in the file
    series INTEGER NOT NULL DEFAULT 0,
    points INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL DEFAULT 0,
    updated_us INTEGER NOT NULL
) STRICT;
CREATE TABLE run_tags(run_id INTEGER, tag TEXT, PRIMARY KEY(run_id, tag)) STRICT, WITHOUT ROWID;

CREATE TABLE series(
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL,
    raw_name TEXT NOT NULL,
    canonical TEXT,
    kind INTEGER,
    n INTEGER,
    min_step INTEGER,
    max_step INTEGER,
    last_value REAL,
    min_value REAL,
    max_value REAL,
    UNIQUE(run_id, raw_name)
) STRICT;
CREATE TABLE series_state(
    sid INTEGER PRIMARY KEY,
    nan_n INTEGER NOT NULL DEFAULT 0,
    inf_n INTEGER NOT NULL DEFAULT 0,
    overwritten INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE points(sid INTEGER NOT NULL, step INTEGER NOT NULL, value REAL, PRIMARY KEY(sid, step))
    STRICT, WITHOUT ROWID;
-- Closed buckets of 16 * 4^level steps with 32 points or more. vmin to vlast are of the finite values.
CREATE TABLE pyramid(
    sid INTEGER NOT NULL,
    level INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    nan_n INTEGER NOT NULL,
    vmin REAL,
    vmax REAL,
    vsum REAL,
    vfirst REAL,
    vlast REAL,
    pos_inf_n INTEGER NOT NULL,
    neg_inf_n INTEGER NOT NULL,
    PRIMARY KEY(sid, level, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE steps(
    run_id INTEGER, step INTEGER, wall_us INTEGER, tokens INTEGER, epoch REAL, PRIMARY KEY(run_id, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE samples(
    id INTEGER PRIMARY KEY,
    run_id INTEGER,
    step INTEGER,
    prompt TEXT,
    completion TEXT,
    reward REAL,
    advantage REAL,
    meta_json TEXT,
    group_id INTEGER,
    token_count INTEGER
) STRICT;
CREATE INDEX samples_by_step ON samples(run_id, step);
CREATE TABLE sample_tokens(sample_id INTEGER PRIMARY KEY, tokens BLOB NOT NULL) STRICT;
CREATE TABLE hist(sid INTEGER, step INTEGER, blob BLOB, PRIMARY KEY(sid, step)) STRICT, WITHOUT ROWID;

CREATE TABLE import_state(
    source_uri TEXT PRIMARY KEY,
    inode INTEGER,
    offset INTEGER,
    last_size INTEGER,
    last_mtime_us INTEGER,
    state_json TEXT,
    run_id INTEGER
) STRICT;
CREATE TABLE schema_meta(key TEXT PRIMARY KEY, value TEXT) STRICT;
INSERT INTO schema_meta(key, value) VALUES ('format', 'fulgurite runs');
)sql";

constexpr std::array runs_migrations{Migration{1, runs_version_1}};

DatabaseOptions options(DatabaseAccess access) {
    DatabaseOptions result;
    result.application_id = runs_application_id;
    result.kind = "runs file";
    result.access = access;
    return result;
}

} // namespace

std::unique_ptr<Database> openRunsFile(const std::filesystem::path& path) {
    auto database = std::make_unique<Database>(path, options(DatabaseAccess::Shared));
    migrate(*database, runs_migrations);
    return database;
}

std::unique_ptr<Database> readRunsFile(const std::filesystem::path& path) {
    auto database = std::make_unique<Database>(path, options(DatabaseAccess::ReadOnly));
    const int version = database->version();
    if (version < runs_migrations.back().version)
        openRunsFile(path);
    if (version > runs_migrations.back().version)
        refuseNewer(*database, version, runs_migrations.back().version);
    return database;
}

Microseconds nowMicroseconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::string newRunUuid() {
    std::random_device device;
    std::array<std::uint32_t, 4> words{};
    for (std::uint32_t& word : words)
        word = device();
    words[1] = (words[1] & 0xffff0fffU) | 0x00004000U; // version 4, RFC 9562
    words[2] = (words[2] & 0x3fffffffU) | 0x80000000U;
    return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", words[0], words[1] >> 16, words[1] & 0xffffU,
                       words[2] >> 16, words[2] & 0xffffU, words[3]);
}

} // namespace fulgurite
