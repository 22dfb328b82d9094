// SPDX-License-Identifier: Apache-2.0
// The ledger's part of LibraryStore.
#include "core/cascade/library_store.h"
#include "core/store/clock.h"

#include <algorithm>

namespace fulgurite::cascade {

namespace {

constexpr const char* kEntryColumns =
    "SELECT l.id, l.library, l.query, l.time, l.kind, l.stage, l.encoder, l.items, l.cached, l.seconds, l.flops, "
    "l.bytes, coalesce(q.text, ''), l.checkpoint, l.wall FROM ledger l LEFT JOIN queries q ON q.library = "
    "l.library AND q.number = "
    "l.query ";

LedgerEntry readEntry(Statement& select) {
    return {.id = select.integer(0),
            .library = select.integer(1),
            .query = select.integer(2),
            .time = select.integer(3),
            .kind = static_cast<LedgerEntry::Kind>(std::clamp<std::int64_t>(select.integer(4), 0, 4)),
            .stage = static_cast<int>(select.integer(5)),
            .encoder = select.string(6),
            .items = select.integer(7),
            .cached = select.integer(8),
            .seconds = select.real(9),
            .flops = select.real(10),
            .bytes = select.real(11),
            .text = select.string(12),
            .checkpoint = select.integer(13),
            .wall = select.real(14)};
}

std::vector<LedgerEntry> readAll(Statement& select) {
    std::vector<LedgerEntry> result;
    while (select.step()) {
        result.push_back(readEntry(select));
    }
    return result;
}

} // namespace

std::int64_t LibraryStore::addQuery(LibraryId id, const std::string& text) {
    requireLibrary(id);
    const std::int64_t number =
        1 + database_.integer("SELECT max(number) FROM queries WHERE library = ?", id).value_or(0);
    database_.run("INSERT INTO queries(library, number, time, text) VALUES (?, ?, ?, ?)", id, number,
                  nowMilliseconds(), text);
    return number;
}

std::int64_t LibraryStore::addEntry(const LedgerEntry& e) {
    database_.run("INSERT INTO ledger(library, query, time, kind, stage, encoder, items, cached, seconds, flops, "
                  "bytes, checkpoint, wall) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  e.library, e.query, e.time, static_cast<int>(e.kind), e.stage, e.encoder, e.items, e.cached,
                  e.seconds, e.flops, e.bytes, e.checkpoint, e.wall);
    return database_.lastInsertId();
}

void LibraryStore::mergeEntries(std::span<const std::int64_t> ids, std::int64_t query, std::int64_t cached) {
    LedgerEntry sum;
    for (const std::int64_t id : ids) {
        Statement select = database_.prepare(std::string(kEntryColumns) + "WHERE l.id = ?");
        if (!select.bind(id).step()) {
            continue;
        }
        LedgerEntry part = readEntry(select);
        part.items += sum.items;
        part.seconds += sum.seconds;
        part.flops += sum.flops;
        part.bytes += sum.bytes;
        part.wall += sum.wall;
        sum = std::move(part);
    }
    for (const std::int64_t id : ids) {
        database_.run("DELETE FROM ledger WHERE id = ?", id);
    }
    if (sum.id != 0) {
        sum.query = query;
        sum.cached = cached;
        addEntry(sum);
    }
}

std::vector<LedgerEntry> LibraryStore::entries(LibraryId id, std::size_t newest) {
    requireLibrary(id);
    Statement select =
        database_.prepare(std::string(kEntryColumns) + "WHERE l.library = ? ORDER BY l.id DESC LIMIT ?");
    select.bind(id, newest);
    return readAll(select);
}

std::vector<LedgerEntry> LibraryStore::encodings(LibraryId id) {
    requireLibrary(id);
    Statement select =
        database_.prepare(std::string(kEntryColumns) + "WHERE l.library = ? AND l.kind < 2 ORDER BY l.id");
    select.bind(id);
    return readAll(select);
}

std::vector<EncoderTotals> LibraryStore::totals(LibraryId id) {
    requireLibrary(id);
    std::vector<EncoderTotals> result;
    Statement select =
        database_.prepare("SELECT encoder, checkpoint, sum(items), sum(seconds), sum(flops), sum(bytes) FROM "
                          "ledger WHERE library = ? AND kind < 2 GROUP BY encoder, checkpoint ORDER BY min(stage), "
                          "encoder, checkpoint");
    select.bind(id);
    while (select.step()) {
        result.push_back({select.string(0), select.integer(1), select.integer(2), select.real(3), select.real(4),
                          select.real(5)});
    }
    return result;
}

double LibraryStore::vectorBytes(LibraryId id) {
    Statement select =
        database_.prepare("SELECT coalesce(sum(bytes), 0) FROM ledger WHERE library = ? AND kind < 2");
    return select.bind(id).step() ? select.real(0) : 0;
}

namespace {

std::optional<double> firstReal(Statement& select) {
    return select.step() && !select.isNull(0) ? std::optional(select.real(0)) : std::nullopt;
}

} // namespace

std::optional<double> LibraryStore::measuredSeconds(EncoderId encoder) {
    Statement select = database_.prepare(
        "SELECT sum(seconds) / sum(items) FROM ledger WHERE checkpoint = ? AND kind IN (0, 1, 4) AND items > 0");
    return firstReal(select.bind(encoder));
}

std::optional<double> LibraryStore::measuredWall(EncoderId encoder) {
    Statement select = database_.prepare(
        "SELECT sum(wall) / sum(items) FROM ledger WHERE checkpoint = ? AND kind IN (0, 1, 4) AND "
        "items > 0 AND wall > 0");
    return firstReal(select.bind(encoder));
}

} // namespace fulgurite::cascade
