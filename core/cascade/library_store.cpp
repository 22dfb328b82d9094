// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/library_store.h"

#include "core/cascade/library_schema.h"
#include "core/store/clock.h"

namespace fulgurite::cascade {

namespace {

std::filesystem::path fileIn(const std::filesystem::path& folder) {
    std::error_code code;
    std::filesystem::create_directories(folder / "vectors", code);
    if (code) {
        fail(ErrorKind::Io, "{}: cannot be created ({}); choose another data folder", (folder / "vectors").string(),
             code.message());
    }
    return folder / "images.fulgurite";
}

ImageEntry readImage(Statement& select) {
    return {.id = select.integer(0),
            .content = select.integer(1),
            .path = select.string(2),
            .modified = select.integer(3),
            .bytes = select.integer(4),
            .width = static_cast<int>(select.integer(5)),
            .height = static_cast<int>(select.integer(6))};
}

constexpr const char* kImageColumns =
    "SELECT i.id, i.content, i.path, i.modified, i.bytes, c.width, c.height FROM images i "
    "JOIN contents c ON c.id = i.content ";

std::size_t countOf(std::optional<std::int64_t> value) {
    return static_cast<std::size_t>(value.value_or(0));
}

} // namespace

LibraryStore::LibraryStore(const std::filesystem::path& folder)
    : database_(fileIn(folder), {kImagesApplicationId, "image library", 0}) {
    migrate(database_, imagesMigrations());
}

void LibraryStore::requireLibrary(LibraryId id) {
    if (!database_.integer("SELECT id FROM libraries WHERE id = ?", id)) {
        fail(ErrorKind::NotFound, "there is no image library {}", id);
    }
}

std::vector<std::string> LibraryStore::folders(LibraryId id) {
    std::vector<std::string> result;
    Statement select = database_.prepare("SELECT path FROM folders WHERE library = ? ORDER BY place");
    select.bind(id);
    while (select.step()) {
        result.push_back(select.string(0));
    }
    return result;
}

std::vector<Library> LibraryStore::libraries() {
    std::vector<LibraryId> ids;
    {
        Statement select = database_.prepare("SELECT id FROM libraries ORDER BY id");
        while (select.step()) {
            ids.push_back(select.integer(0));
        }
    }
    std::vector<Library> result;
    for (const LibraryId id : ids) {
        result.push_back(library(id));
    }
    return result;
}

Library LibraryStore::library(LibraryId id) {
    requireLibrary(id);
    Library result;
    result.id = id;
    {
        Statement select = database_.prepare("SELECT name, created FROM libraries WHERE id = ?");
        select.bind(id).step();
        result.name = select.string(0);
        result.created = select.integer(1);
    }
    result.folders = folders(id);
    result.images = countOf(database_.integer("SELECT count(*) FROM images WHERE library = ?", id));
    result.unreadable = countOf(database_.integer("SELECT count(*) FROM unreadable WHERE library = ?", id));
    result.queries = countOf(database_.integer("SELECT max(number) FROM queries WHERE library = ?", id));
    return result;
}

LibraryId LibraryStore::create(const std::string& name, const std::vector<std::string>& folders) {
    if (name.empty()) {
        fail(ErrorKind::InvalidInput, "a library needs a name");
    }
    if (database_.integer("SELECT id FROM libraries WHERE name = ?", name)) {
        fail(ErrorKind::InvalidInput, "there is a library '{}' already; choose another name", name);
    }
    Transaction transaction(database_);
    database_.run("INSERT INTO libraries(name, created) VALUES (?, ?)", name, nowMilliseconds());
    const LibraryId id = database_.lastInsertId();
    setFolders(id, folders);
    transaction.commit();
    return id;
}

void LibraryStore::rename(LibraryId id, const std::string& name) {
    requireLibrary(id);
    if (name.empty() || database_.integer("SELECT id FROM libraries WHERE name = ? AND id <> ?", name, id)) {
        fail(ErrorKind::InvalidInput, "'{}' cannot be the library's name: it is empty or another's", name);
    }
    database_.run("UPDATE libraries SET name = ? WHERE id = ?", name, id);
}

void LibraryStore::setFolders(LibraryId id, const std::vector<std::string>& folders) {
    requireLibrary(id);
    Transaction transaction(database_);
    database_.run("DELETE FROM folders WHERE library = ?", id);
    for (std::size_t place = 0; place < folders.size(); ++place) {
        database_.run("INSERT INTO folders(library, place, path) VALUES (?, ?, ?)", id, place, folders[place]);
    }
    transaction.commit();
}

void LibraryStore::remove(LibraryId id) {
    requireLibrary(id);
    database_.run("DELETE FROM libraries WHERE id = ?", id);
}

std::unordered_map<std::string, KnownFile> LibraryStore::knownFiles(LibraryId id) {
    std::unordered_map<std::string, KnownFile> known;
    for (const char* sql : {"SELECT path, id, modified, bytes FROM images WHERE library = ?",
                            "SELECT path, 0, modified, bytes FROM unreadable WHERE library = ?"}) {
        Statement select = database_.prepare(sql);
        select.bind(id);
        while (select.step()) {
            known.emplace(select.string(0), KnownFile{select.integer(1), select.integer(2), select.integer(3)});
        }
    }
    return known;
}

std::optional<ContentId> LibraryStore::findContent(const std::string& hash) {
    return database_.integer("SELECT id FROM contents WHERE hash = ?", hash);
}

ContentId LibraryStore::addContent(const NewContent& content) {
    if (const auto known = findContent(content.hash)) {
        return *known;
    }
    database_.run("INSERT INTO contents(hash, width, height, thumbnail) VALUES (?, ?, ?, ?)", content.hash,
                  content.width, content.height, std::as_bytes(std::span(content.thumbnail)));
    return database_.lastInsertId();
}

std::string LibraryStore::contentHash(ContentId content) {
    Statement select = database_.prepare("SELECT hash FROM contents WHERE id = ?");
    return select.bind(content).step() ? select.string(0) : std::string();
}

std::string LibraryStore::pathOf(LibraryId id, ContentId content) {
    Statement select = database_.prepare("SELECT path FROM images WHERE library = ? AND content = ? LIMIT 1");
    return select.bind(id, content).step() ? select.string(0) : std::string();
}

void LibraryStore::setImage(LibraryId id, const std::string& path, ContentId content, std::int64_t modified,
                            std::int64_t bytes) {
    database_.run("DELETE FROM unreadable WHERE library = ? AND path = ?", id, path);
    database_.run("INSERT INTO images(library, path, content, modified, bytes) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
                  "(library, path) DO UPDATE SET content = excluded.content, modified = excluded.modified, bytes = "
                  "excluded.bytes",
                  id, path, content, modified, bytes);
}

void LibraryStore::setUnreadable(LibraryId id, const std::string& path, const std::string& reason,
                                 std::int64_t modified, std::int64_t bytes) {
    database_.run("DELETE FROM images WHERE library = ? AND path = ?", id, path);
    database_.run(
        "INSERT INTO unreadable(library, path, reason, modified, bytes) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
        "(library, path) DO UPDATE SET reason = excluded.reason, modified = excluded.modified, bytes = "
        "excluded.bytes",
        id, path, reason, modified, bytes);
}

void LibraryStore::forget(LibraryId id, const std::string& path) {
    database_.run("DELETE FROM images WHERE library = ? AND path = ?", id, path);
    database_.run("DELETE FROM unreadable WHERE library = ? AND path = ?", id, path);
}

std::vector<ImageEntry> LibraryStore::images(LibraryId id, std::size_t from, std::size_t count) {
    requireLibrary(id);
    std::vector<ImageEntry> result;
    Statement select =
        database_.prepare(std::string(kImageColumns) + "WHERE i.library = ? ORDER BY i.path LIMIT ? OFFSET ?");
    select.bind(id, count, from);
    while (select.step()) {
        result.push_back(readImage(select));
    }
    return result;
}

ImageEntry LibraryStore::image(LibraryId id, ImageId image) {
    Statement select = database_.prepare(std::string(kImageColumns) + "WHERE i.library = ? AND i.id = ?");
    if (!select.bind(id, image).step()) {
        fail(ErrorKind::NotFound, "library {} has no image {}", id, image);
    }
    return readImage(select);
}

std::vector<Unreadable> LibraryStore::unreadable(LibraryId id) {
    requireLibrary(id);
    std::vector<Unreadable> result;
    Statement select = database_.prepare("SELECT path, reason FROM unreadable WHERE library = ? ORDER BY path");
    select.bind(id);
    while (select.step()) {
        result.push_back({select.string(0), select.string(1)});
    }
    return result;
}

std::string LibraryStore::thumbnail(LibraryId id, ImageId image) {
    Statement select =
        database_.prepare("SELECT c.thumbnail FROM images i JOIN contents c ON c.id = i.content WHERE "
                          "i.library = ? AND i.id = ?");
    if (!select.bind(id, image).step()) {
        fail(ErrorKind::NotFound, "library {} has no image {}", id, image);
    }
    const auto bytes = select.blob(0);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::pair<ImageId, ContentId>> LibraryStore::contents(LibraryId id) {
    requireLibrary(id);
    std::vector<std::pair<ImageId, ContentId>> result;
    Statement select = database_.prepare("SELECT id, content FROM images WHERE library = ? ORDER BY path");
    select.bind(id);
    while (select.step()) {
        result.emplace_back(select.integer(0), select.integer(1));
    }
    return result;
}

EncoderId LibraryStore::encoder(const std::string& hash, const std::string& name, std::size_t width) {
    if (const auto known = database_.integer("SELECT id FROM encoders WHERE hash = ?", hash)) {
        return *known;
    }
    database_.run("INSERT INTO encoders(hash, name, width) VALUES (?, ?, ?)", hash, name, width);
    return database_.lastInsertId();
}

std::size_t LibraryStore::pictureCount(LibraryId id) {
    return countOf(database_.integer("SELECT count(DISTINCT content) FROM images WHERE library = ?", id));
}

void LibraryStore::setEncoderFiles(const std::string& folder, const std::string& stamp, EncoderId encoder) {
    database_.run("INSERT OR REPLACE INTO encoder_files(folder, stamp, encoder) VALUES (?, ?, ?)", folder, stamp,
                  encoder);
}

std::optional<EncoderId> LibraryStore::encoderOfFiles(const std::string& folder, const std::string& stamp) {
    return database_.integer("SELECT encoder FROM encoder_files WHERE folder = ? AND stamp = ?", folder, stamp);
}

std::vector<std::pair<ContentId, std::size_t>> LibraryStore::vectorRows(EncoderId encoder) {
    std::vector<std::pair<ContentId, std::size_t>> rows;
    Statement select = database_.prepare("SELECT content, row FROM vectors WHERE encoder = ?");
    select.bind(encoder);
    while (select.step()) {
        rows.emplace_back(select.integer(0), static_cast<std::size_t>(select.integer(1)));
    }
    return rows;
}

void LibraryStore::addVectors(EncoderId encoder, std::span<const ContentId> contents, std::size_t first_row) {
    for (std::size_t i = 0; i < contents.size(); ++i) {
        database_.run("INSERT INTO vectors(encoder, content, row) VALUES (?, ?, ?)", encoder, contents[i],
                      first_row + i);
    }
}

} // namespace fulgurite::cascade
