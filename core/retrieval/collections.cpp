// SPDX-License-Identifier: Apache-2.0
// Collections as the database keeps them: making, listing and removing, documents, and the index of a revision.
// query_sets.cpp has queries and evaluations.
#include "core/retrieval/collections.h"

#include "core/base/error.h"
#include "core/probe/content_hash.h"
#include "core/retrieval/collection_schema.h"
#include "core/retrieval/collection_store.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <set>

namespace fulgurite::retrieval {

namespace {

std::filesystem::path withFolders(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder / "vectors", error);
    if (error) {
        fail(ErrorKind::Io, "{}: cannot be created ({}); choose another data folder", (folder / "vectors").string(),
             error.message());
    }
    return folder;
}

std::string joined(const std::vector<int>& numbers) {
    return fmt::format("{}", fmt::join(numbers, ","));
}

std::vector<int> numbersOf(std::string_view text) {
    std::vector<int> numbers;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        int number = 0;
        std::from_chars(text.data(), text.data() + end, number);
        numbers.push_back(number);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return numbers;
}

} // namespace

std::string wordTable(std::int64_t collection) {
    return fmt::format("words_{}", collection);
}

Collections::Store::Store(const std::filesystem::path& folder)
    : vectors_(folder / "vectors"),
      database_(withFolders(folder) / "collections.fulgurite", {kCollectionsApplicationId, "collection store", 0}) {
    migrate(database_, collectionMigrations());
    collectFiles();
}

void Collections::Store::collectFiles() {
    std::set<std::string> named;
    Statement select = database_.prepare("SELECT file FROM segments");
    while (select.step()) {
        named.insert(select.string(0));
    }
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(vectors_, ignored)) {
        if (!named.contains(entry.path().filename().string())) {
            std::filesystem::remove(entry.path(), ignored);
        }
    }
}

std::int64_t Collections::Store::idOf(const std::string& collection) {
    // A name may read like the id of another: the id counts, which is what addresses of a node name.
    Statement select = database_.prepare("SELECT id FROM collections WHERE CAST(id AS TEXT) = ?1 OR name = ?1 "
                                         "ORDER BY CAST(id AS TEXT) = ?1 DESC");
    if (select.bind(collection).step()) {
        return select.integer(0);
    }
    std::string names;
    Statement all = database_.prepare("SELECT name FROM collections ORDER BY name");
    while (all.step()) {
        names += (names.empty() ? "" : ", ") + all.string(0);
    }
    fail(ErrorKind::NotFound, "there is no collection '{}'; {}", collection,
         names.empty() ? "there are none yet" : "there are: " + names);
}

CollectionInfo Collections::Store::info(std::int64_t id) {
    Statement row = database_.prepare("SELECT name, embedder, embedder_kind, embedder_name, fingerprint, "
                                      "layer_count, layers, width, heads, head_dim, "
                                      "place, pooling, max_tokens, normalised, chunk_tokens, vector_type, revision "
                                      "FROM collections WHERE id = ?");
    if (!row.bind(id).step()) {
        fail(ErrorKind::NotFound, "there is no collection {}", id);
    }
    CollectionInfo info;
    info.id = std::to_string(id);
    EmbedderInfo& embedder = info.embedder;
    embedder.kind = row.string(2);
    embedder.name = row.string(3);
    embedder.fingerprint = row.string(4);
    embedder.layer_count = static_cast<int>(row.integer(5));
    embedder.layers = numbersOf(row.text(6));
    embedder.width = static_cast<std::size_t>(row.integer(7));
    embedder.heads = static_cast<std::size_t>(row.integer(8));
    embedder.head_dim = static_cast<std::size_t>(row.integer(9));
    embedder.place = headPlaceOf(row.text(10));
    embedder.pooling = poolingOf(row.text(11));
    embedder.max_tokens = static_cast<std::size_t>(row.integer(12));
    embedder.normalised = row.integer(13) != 0;
    info.plan = {.name = row.string(0),
                 .embedder = row.string(1),
                 .layers = embedder.layers,
                 .place = embedder.place,
                 .pooling = embedder.pooling,
                 .type = vectorTypeOf(row.text(15)),
                 .max_tokens = embedder.max_tokens,
                 .chunk_tokens = static_cast<std::size_t>(row.integer(14))};
    info.revision = static_cast<std::uint64_t>(row.integer(16));
    const auto count = [&](const char* sql) {
        return static_cast<std::size_t>(database_.integer(sql, id).value_or(0));
    };
    info.documents = count("SELECT count(*) FROM documents WHERE collection = ?");
    info.chunks = count("SELECT count(*) FROM chunks JOIN documents d ON d.id = document WHERE d.collection = ?");
    info.truncated = count(
        "SELECT count(*) FROM chunks JOIN documents d ON d.id = document WHERE d.collection = ? AND truncated");
    Statement labels = database_.prepare(
        "SELECT DISTINCT label FROM documents WHERE collection = ? AND label <> '' ORDER BY label");
    labels.bind(id);
    while (labels.step()) {
        info.labels.push_back(labels.string(0));
    }
    Statement files = database_.prepare("SELECT file FROM segments WHERE collection = ?");
    files.bind(id);
    std::error_code ignored;
    while (files.step()) {
        const auto bytes = std::filesystem::file_size(vectors_ / files.string(0), ignored);
        info.vector_bytes += ignored ? 0 : bytes;
    }
    Statement sets = database_.prepare("SELECT id, name FROM query_sets WHERE collection = ? ORDER BY name");
    sets.bind(id);
    while (sets.step()) {
        QuerySetInfo set{std::to_string(sets.integer(0)), sets.string(1), 0, {}};
        Statement sizes = database_.prepare(
            "SELECT json_array_length(items), count(*) FROM queries WHERE query_set = ? GROUP BY 1 ORDER BY 1");
        sizes.bind(sets.integer(0));
        while (sizes.step()) {
            set.aspects.push_back(static_cast<int>(sizes.integer(0)));
            set.queries += static_cast<std::size_t>(sizes.integer(1));
        }
        info.query_sets.push_back(std::move(set));
    }
    return info;
}

std::shared_ptr<const CollectionIndex> Collections::Store::index(std::int64_t id) {
    const auto revision = static_cast<std::uint64_t>(
        database_.integer("SELECT revision FROM collections WHERE id = ?", id).value_or(0));
    if (const auto known = indexes_.find(id);
        known != indexes_.end() && known->second->info().revision == revision) {
        return known->second;
    }
    CollectionInfo info = this->info(id);
    std::vector<std::int64_t> ids;
    std::map<std::int64_t, std::int32_t> numbers;
    Statement documents = database_.prepare("SELECT id FROM documents WHERE collection = ? ORDER BY id");
    documents.bind(id);
    while (documents.step()) {
        numbers.emplace(documents.integer(0), static_cast<std::int32_t>(ids.size()));
        ids.push_back(documents.integer(0));
    }
    const std::vector<Space> spaces = spacesOf(info.embedder);
    std::vector<IndexSegment> segments;
    Statement files = database_.prepare("SELECT id, file, rows FROM segments WHERE collection = ? ORDER BY id");
    files.bind(id);
    while (files.step()) {
        const auto rows = static_cast<std::size_t>(files.integer(2));
        IndexSegment segment{std::make_shared<const SegmentFile>(vectors_ / files.string(1), spaces, rows),
                             std::vector<std::int32_t>(rows, -1), std::vector<std::int32_t>(rows, 0), rows};
        Statement chunks = database_.prepare("SELECT row, document, number FROM chunks WHERE segment = ?");
        chunks.bind(files.integer(0));
        while (chunks.step()) {
            const auto row = static_cast<std::size_t>(chunks.integer(0));
            segment.documents.at(row) = numbers.at(chunks.integer(1));
            segment.chunks.at(row) = static_cast<std::int32_t>(chunks.integer(2));
            --segment.dead;
        }
        segments.push_back(std::move(segment));
    }
    std::map<std::string, std::vector<HeadScore>> scores;
    for (const Space& space : spaces) {
        scores.emplace(space.name, scoreSums(id, space).scores());
    }
    auto index = std::make_shared<const CollectionIndex>(std::move(info), std::move(segments), std::move(ids),
                                                         std::move(scores));
    indexes_[id] = index;
    return index;
}

HeadScoreSums Collections::Store::scoreSums(std::int64_t id, const Space& space) {
    HeadScoreSums sums(space.heads, space.width);
    Statement select = database_.prepare("SELECT sums FROM scores WHERE collection = ? AND space = ?");
    if (select.bind(id, space.name).step()) {
        const auto bytes = select.blob(0);
        std::vector<double> saved(bytes.size() / sizeof(double));
        std::memcpy(saved.data(), bytes.data(), saved.size() * sizeof(double));
        sums.restore(saved);
    }
    return sums;
}

std::string Collections::Store::textOf(std::int64_t document) {
    Statement select = database_.prepare("SELECT text FROM documents WHERE id = ?");
    return select.bind(document).step() ? select.string(0) : std::string();
}

Collections::Collections(const std::filesystem::path& folder) : store_(std::make_unique<Store>(folder)) {}
Collections::~Collections() = default;

std::vector<CollectionInfo> Collections::list() {
    const std::lock_guard lock(store_->mutex);
    std::vector<CollectionInfo> all;
    Statement select = store_->database().prepare("SELECT id FROM collections ORDER BY name");
    while (select.step()) {
        all.push_back(store_->info(select.integer(0)));
    }
    return all;
}

CollectionInfo Collections::info(const std::string& collection) {
    const std::lock_guard lock(store_->mutex);
    return store_->info(store_->idOf(collection));
}

CollectionInfo Collections::create(const CollectionPlan& plan, const EmbedderInfo& embedder) {
    if (plan.name.empty()) {
        fail(ErrorKind::InvalidInput, "a collection needs a name");
    }
    if (plan.name.find_first_not_of("0123456789") == std::string::npos) {
        fail(ErrorKind::InvalidInput,
             "'{}' would be taken for the number of a collection; add a letter to the name", plan.name);
    }
    const std::lock_guard lock(store_->mutex);
    Database& database = store_->database();
    if (database.integer("SELECT id FROM collections WHERE name = ?", plan.name)) {
        fail(ErrorKind::InvalidInput, "there is a collection '{}' already; choose another name", plan.name);
    }
    Transaction transaction(database);
    database.run(
        "INSERT INTO collections(name, embedder, embedder_kind, embedder_name, fingerprint, layer_count, layers, "
        "width, heads, head_dim, place, pooling, max_tokens, normalised, chunk_tokens, vector_type) VALUES "
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        plan.name, plan.embedder, embedder.kind, embedder.name, embedder.fingerprint, embedder.layer_count,
        joined(embedder.layers), embedder.width, embedder.heads, embedder.head_dim, nameOf(embedder.place),
        nameOf(embedder.pooling), static_cast<std::int64_t>(std::min<std::size_t>(embedder.max_tokens, INT64_MAX)),
        embedder.normalised, plan.chunk_tokens, nameOf(plan.type));
    const std::int64_t id = database.lastInsertId();
    database.execute(
        fmt::format("CREATE VIRTUAL TABLE {} USING fts5(title, text, content='documents', content_rowid='id', "
                    "tokenize='porter unicode61 remove_diacritics 2')",
                    wordTable(id)));
    transaction.commit();
    return store_->info(id);
}

void Collections::remove(const std::string& collection) {
    const std::lock_guard writing(store_->writing);
    const std::lock_guard lock(store_->mutex);
    Database& database = store_->database();
    const std::int64_t id = store_->idOf(collection);
    Transaction transaction(database);
    database.execute("DROP TABLE " + wordTable(id));
    database.run("DELETE FROM chunks WHERE document IN (SELECT id FROM documents WHERE collection = ?)", id);
    database.run("DELETE FROM collections WHERE id = ?", id);
    transaction.commit();
    store_->forget(id);
    store_->collectFiles();
}

DocumentColumns Collections::documents(const std::string& collection, std::size_t first, std::size_t count) {
    const std::lock_guard lock(store_->mutex);
    const std::int64_t id = store_->idOf(collection);
    Database& database = store_->database();
    DocumentColumns columns;
    columns.first = first;
    columns.revision = static_cast<std::uint64_t>(
        database.integer("SELECT revision FROM collections WHERE id = ?", id).value_or(0));
    columns.total = static_cast<std::size_t>(
        database.integer("SELECT count(*) FROM documents WHERE collection = ?", id).value_or(0));
    Statement select = database.prepare(
        "SELECT title, label, length(text) FROM documents WHERE collection = ? ORDER BY id LIMIT ? OFFSET ?");
    select.bind(id, count, first);
    while (select.step()) {
        columns.titles.push_back(select.string(0));
        columns.labels.push_back(select.string(1));
        columns.characters.push_back(static_cast<std::size_t>(select.integer(2)));
    }
    return columns;
}

StoredDocument Collections::document(const std::string& collection, std::size_t number) {
    const std::lock_guard lock(store_->mutex);
    const std::int64_t id = store_->idOf(collection);
    Statement select = store_->database().prepare(
        "SELECT d.id, title, label, topic, text, s.path, place FROM documents d JOIN sources s ON s.id = source "
        "WHERE d.collection = ? ORDER BY d.id LIMIT 1 OFFSET ?");
    if (!select.bind(id, number).step()) {
        fail(ErrorKind::NotFound, "the collection has no document {}", number);
    }
    StoredDocument document{select.string(1), select.string(2), select.string(3),
                            select.string(5), select.string(4), {}};
    if (!select.text(6).empty()) {
        document.source += ", " + select.string(6);
    }
    Statement chunks = store_->database().prepare(
        "SELECT first_byte, end_byte, tokens, truncated FROM chunks WHERE document = ? ORDER BY number");
    chunks.bind(select.integer(0));
    while (chunks.step()) {
        document.chunks.push_back({static_cast<std::size_t>(chunks.integer(0)),
                                   static_cast<std::size_t>(chunks.integer(1)),
                                   static_cast<std::size_t>(chunks.integer(2)), chunks.integer(3) != 0});
    }
    return document;
}

std::vector<DocumentFacts> Collections::facts(const std::string& collection) {
    const std::lock_guard lock(store_->mutex);
    const std::int64_t id = store_->idOf(collection);
    // As queries find their documents: an item that is a topic is never taken for a title.
    Statement select = store_->database().prepare("SELECT title, label, topic, topic <> '' AND title NOT IN "
                                                  "(SELECT topic FROM documents WHERE collection = ?1) "
                                                  "FROM documents WHERE collection = ?1 ORDER BY id");
    select.bind(id);
    std::vector<DocumentFacts> facts;
    while (select.step()) {
        facts.push_back({select.string(select.text(2).empty() ? 0 : 2), select.string(1),
                         select.integer(3) != 0 ? select.string(0) : std::string()});
    }
    return facts;
}

std::string Collections::contentHash(const std::string& collection) {
    const std::lock_guard lock(store_->mutex);
    const std::int64_t id = store_->idOf(collection);
    std::string parts;
    for (const char* sql : {"SELECT hash FROM documents WHERE collection = ? ORDER BY id",
                            "SELECT file FROM segments WHERE collection = ? ORDER BY id"}) {
        Statement select = store_->database().prepare(sql);
        select.bind(id);
        while (select.step()) {
            parts += select.string(0) + "\n";
        }
    }
    return probe::sha256(parts).substr(0, 32);
}

std::shared_ptr<const CollectionIndex> Collections::index(const std::string& collection) {
    const std::lock_guard lock(store_->mutex);
    return store_->index(store_->idOf(collection));
}

} // namespace fulgurite::retrieval
