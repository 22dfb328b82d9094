// SPDX-License-Identifier: Apache-2.0
// What changes vectors of a collection: head scores, removed documents, files written together.
#include "core/retrieval/collection_store.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <tuple>
#include <utility>

namespace fulgurite::retrieval {

void Collections::Store::keepScoreSums(std::int64_t collection, const Space& space, const HeadScoreSums& sums) {
    const std::vector<double> saved = sums.save();
    database_.run("INSERT OR REPLACE INTO scores(collection, space, sums) VALUES (?, ?, ?)", collection, space.name,
                  std::as_bytes(std::span(saved)));
}

void Collections::Store::bumpRevision(std::int64_t collection) {
    database_.run("UPDATE collections SET revision = revision + 1 WHERE id = ?", collection);
}

// Out of the head scores what was put in: the vectors as they are stored.
void Collections::Store::removeVectors(std::int64_t collection, const std::set<std::int64_t>& documents,
                                       const CollectionIndex& index) {
    std::vector<HeadScoreSums> sums;
    for (const Space& space : index.spaces()) {
        sums.push_back(scoreSums(collection, space));
    }
    for (const IndexSegment& segment : index.segments()) {
        for (std::size_t row = 0; row < segment.documents.size(); ++row) {
            const std::int32_t number = segment.documents[row];
            if (number < 0 || !documents.contains(index.documentIds()[static_cast<std::size_t>(number)])) {
                continue;
            }
            for (std::size_t i = 0; i < sums.size(); ++i) {
                const UnitVectors vectors = segment.file->read(index.spaces()[i], row);
                sums[i].removeUnit(vectors.units, vectors.norms);
            }
        }
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
        keepScoreSums(collection, index.spaces()[i], sums[i]);
    }
}

void Collections::Store::removeDocuments(std::int64_t collection, const std::set<std::int64_t>& documents,
                                         const CollectionIndex& index) {
    removeVectors(collection, documents, index);
    const std::string table = wordTable(collection);
    for (const std::int64_t document : documents) {
        Statement words = database_.prepare("SELECT title, text FROM documents WHERE id = ?");
        if (words.bind(document).step()) {
            database_.run(fmt::format("INSERT INTO {0}({0}, rowid, title, text) VALUES ('delete', ?, ?, ?)", table),
                          document, words.string(0), words.string(1));
        }
        database_.run("DELETE FROM chunks WHERE document = ?", document);
        database_.run("DELETE FROM documents WHERE id = ?", document);
    }
}

namespace {

// A merged file holds no more than this, so that merging needs little memory whatever the collection's size.
constexpr std::size_t kMergedBytes = std::size_t{256} << 20;
// More files than this of at most half that size are written together; so is every file with so many dead rows.
constexpr std::size_t kMostSmall = 16;
constexpr double kMostDead = 0.25;

std::size_t mergedRows(const CollectionIndex& index) {
    std::size_t floats = 0;
    for (const Space& space : index.spaces()) {
        floats += space.floats();
    }
    return std::max<std::size_t>(2, kMergedBytes / (floats * sizeof(float)));
}

struct LiveRow {
    std::int32_t document;
    std::int32_t chunk;
    const IndexSegment* segment;
    std::size_t row;
};

// In the order of the documents, as every file has them: a scan that gives equal distances to the lower row gives
// them to the lower document.
std::vector<LiveRow> liveRows(const std::vector<const IndexSegment*>& segments) {
    std::vector<LiveRow> rows;
    for (const IndexSegment* segment : segments) {
        for (std::size_t row = 0; row < segment->documents.size(); ++row) {
            if (segment->documents[row] >= 0) {
                rows.push_back({segment->documents[row], segment->chunks[row], segment, row});
            }
        }
    }
    std::sort(rows.begin(), rows.end(), [](const LiveRow& a, const LiveRow& b) {
        return std::tie(a.document, a.chunk) < std::tie(b.document, b.chunk);
    });
    return rows;
}

std::vector<const IndexSegment*> segmentsToMerge(const CollectionIndex& index) {
    std::vector<const IndexSegment*> small;
    std::vector<const IndexSegment*> wasteful;
    for (const IndexSegment& segment : index.segments()) {
        const std::size_t rows = segment.documents.size();
        if (static_cast<double>(segment.dead) > kMostDead * static_cast<double>(rows)) {
            wasteful.push_back(&segment);
        } else if (rows <= mergedRows(index) / 2) {
            small.push_back(&segment);
        }
    }
    if (small.size() > kMostSmall) {
        wasteful.insert(wasteful.end(), small.begin(), small.end());
    }
    return wasteful;
}

} // namespace

std::vector<Collections::Store::MergedFile> Collections::Store::mergeFiles(const CollectionIndex& index) const {
    std::vector<MergedFile> files;
    std::optional<SegmentBuilder> builder;
    std::vector<MergedFile::Chunk> chunks;
    const auto close = [&] {
        if (builder) {
            files.push_back({builder->write(vectors_), std::exchange(chunks, {})});
            builder.reset();
        }
    };
    for (const LiveRow& live : liveRows(segmentsToMerge(index))) {
        std::vector<UnitVectors> vectors;
        for (const Space& space : index.spaces()) {
            vectors.push_back(live.segment->file->read(space, live.row));
        }
        if (!builder) {
            builder.emplace(index.spaces(), index.info().plan.type);
        }
        builder->add(vectors);
        chunks.push_back({index.documentIds()[static_cast<std::size_t>(live.document)], live.chunk});
        if (chunks.size() == mergedRows(index)) {
            close();
        }
    }
    close();
    return files;
}

bool Collections::Store::hasWaste(const CollectionIndex& index) {
    return !segmentsToMerge(index).empty();
}

void Collections::Store::keepMerged(std::int64_t collection, const std::vector<MergedFile>& files) {
    Transaction transaction(database_);
    for (const MergedFile& merged : files) {
        database_.run("INSERT INTO segments(collection, file, rows) VALUES (?, ?, ?)", collection, merged.file,
                      merged.chunks.size());
        const std::int64_t segment = database_.lastInsertId();
        for (std::size_t row = 0; row < merged.chunks.size(); ++row) {
            database_.run("UPDATE chunks SET segment = ?, row = ? WHERE document = ? AND number = ?", segment, row,
                          merged.chunks[row].document, static_cast<std::int64_t>(merged.chunks[row].number));
        }
    }
    database_.run("DELETE FROM segments WHERE collection = ? AND id NOT IN (SELECT segment FROM chunks)",
                  collection);
    bumpRevision(collection);
    transaction.commit();
    indexes_.erase(collection);
    collectFiles();
}

} // namespace fulgurite::retrieval
