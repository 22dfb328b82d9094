// SPDX-License-Identifier: Apache-2.0
// What changes vectors of a collection: head scores, removed documents, files written together.
#include "core/retrieval/collection_store.h"

#include <fmt/format.h>

namespace fulgurite::retrieval {

void Collections::Store::keepScoreSums(std::int64_t collection, const Space& space, const HeadScoreSums& sums) {
    const std::vector<double> saved = sums.save();
    database_.run("INSERT OR REPLACE INTO scores(collection, space, sums) VALUES (?, ?, ?)", collection, space.name,
                  std::as_bytes(std::span(saved)));
}

void Collections::Store::bumpRevision(std::int64_t collection) {
    database_.run("UPDATE collections SET revision = revision + 1 WHERE id = ?", collection);
}

void Collections::Store::removeDocument(std::int64_t collection, std::int64_t document,
                                        const CollectionIndex& index) {
    std::map<std::int64_t, std::string> files;
    Statement chunks = database_.prepare(
        "SELECT s.file, row, s.rows FROM chunks JOIN segments s ON s.id = segment WHERE document = ?");
    chunks.bind(document);
    while (chunks.step()) {
        const SegmentFile file(vectors_ / chunks.string(0), index.spaces(),
                               static_cast<std::size_t>(chunks.integer(2)));
        for (const Space& space : index.spaces()) {
            const UnitVectors vectors = file.read(space, static_cast<std::size_t>(chunks.integer(1)));
            HeadScoreSums sums = scoreSums(collection, space);
            sums.removeUnit(vectors.units, vectors.norms);
            keepScoreSums(collection, space, sums);
        }
    }
    Statement words = database_.prepare("SELECT title, text FROM documents WHERE id = ?");
    if (words.bind(document).step()) {
        const std::string table = wordTable(collection);
        database_.run(fmt::format("INSERT INTO {0}({0}, rowid, title, text) VALUES ('delete', ?, ?, ?)", table),
                      document, words.string(0), words.string(1));
    }
    database_.run("DELETE FROM chunks WHERE document = ?", document);
    database_.run("DELETE FROM documents WHERE id = ?", document);
}

void Collections::Store::compact(std::int64_t collection, const CollectionIndex& index) {
    SegmentBuilder builder(index.spaces(), index.info().plan.type);
    struct Moved {
        std::int32_t document;
        std::int32_t chunk;
    };
    std::vector<Moved> moved;
    for (const IndexSegment& segment : index.segments()) {
        for (std::size_t row = 0; row < segment.documents.size(); ++row) {
            if (segment.documents[row] < 0) {
                continue;
            }
            std::vector<UnitVectors> vectors;
            for (const Space& space : index.spaces()) {
                vectors.push_back(segment.file->read(space, row));
            }
            builder.add(vectors);
            moved.push_back({segment.documents[row], segment.chunks[row]});
        }
    }
    Transaction transaction(database_);
    if (!moved.empty()) {
        const std::string file = builder.write(vectors_);
        database_.run("INSERT INTO segments(collection, file, rows) VALUES (?, ?, ?)", collection, file,
                      moved.size());
    }
    const std::int64_t segment = database_.lastInsertId();
    for (std::size_t row = 0; row < moved.size(); ++row) {
        database_.run("UPDATE chunks SET segment = ?, row = ? WHERE document = ? AND number = ?", segment, row,
                      index.documentIds()[static_cast<std::size_t>(moved[row].document)],
                      static_cast<std::int64_t>(moved[row].chunk));
    }
    database_.run("DELETE FROM segments WHERE collection = ? AND id NOT IN (SELECT segment FROM chunks)",
                  collection);
    bumpRevision(collection);
    transaction.commit();
    indexes_.erase(collection);
    collectFiles();
}

} // namespace fulgurite::retrieval
