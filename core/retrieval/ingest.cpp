// SPDX-License-Identifier: Apache-2.0
// Brings a collection to what its sources hold. A batch is embedded without any lock, its vectors written to a
// file, and then documents, chunks, words and head scores change in one transaction.
#include "core/base/error.h"
#include "core/probe/content_hash.h"
#include "core/retrieval/chunker.h"
#include "core/retrieval/collection_store.h"
#include "core/retrieval/collections.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <set>

namespace fulgurite::retrieval {

namespace {

// Documents of one transaction: what a kill loses at most.
constexpr std::size_t kBatchDocuments = 64;

std::string hashOf(const SourceDocument& document) {
    std::string parts;
    for (const std::string* part : {&document.title, &document.label, &document.topic, &document.text}) {
        parts += fmt::format("{}:", part->size());
        parts += *part;
    }
    return probe::sha256(parts).substr(0, 32);
}

// A document that the collection does not have yet.
struct Pending {
    std::int64_t source = 0;
    SourceDocument document;
    std::string hash;
    std::int64_t occurrence = 0;
    std::vector<Chunk> chunks;
};

} // namespace

// One call of Collections::ingest.
class Collections::Ingest {
  public:
    Ingest(Store& store, std::int64_t collection, Embedder& embedder,
           const std::function<void(const IngestProgress&)>& report, const std::stop_token& stop)
        : store_(store), collection_(collection), embedder_(embedder), report_(report), stop_(stop) {
        const std::lock_guard lock(store_.mutex);
        info_ = store_.info(collection);
        spaces_ = spacesOf(info_.embedder);
        requireSameEmbedder();
    }

    IngestProgress run(std::span<const std::filesystem::path> paths) {
        for (const std::filesystem::path& path : paths) {
            const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
            const bool single = !std::filesystem::is_directory(whole);
            std::set<std::string> present;
            for (const std::filesystem::path& file : sourcesBelow(whole)) {
                present.insert(file.string());
                ingestFile(file, single);
            }
            addBatch();
            if (!single) {
                forgetMissing(whole, present);
            }
        }
        removeGone();
        compact();
        return progress_;
    }

  private:
    void requireSameEmbedder() const {
        const EmbedderInfo& given = embedder_.info();
        const EmbedderInfo& own = info_.embedder;
        if (given.fingerprint != own.fingerprint || given.layers != own.layers) {
            fail(ErrorKind::InvalidInput,
                 "collection '{}' holds vectors of {} ({} heads of {}, {}, {} pooling); the embedder given, {} ({} "
                 "heads of "
                 "{}, {}, {} pooling), makes others. Vectors of two embedders cannot be compared: make another "
                 "collection.",
                 info_.plan.name, own.name, own.heads, own.head_dim, nameOf(own.place), nameOf(own.pooling),
                 given.name, given.heads, given.head_dim, nameOf(given.place), nameOf(given.pooling));
        }
    }

    void checkStop() const {
        if (stop_.stop_requested()) {
            fail(ErrorKind::Cancelled,
                 "the ingest was stopped after {} documents; starting it again goes on from there", progress_.done);
        }
    }

    // `single`: the file was named itself, so that what is wrong with it ends the ingest.
    void ingestFile(const std::filesystem::path& file, bool single) {
        checkStop();
        SourceContent content;
        try {
            content = readSource(file);
        } catch (const Error& error) {
            if (single || error.kind() == ErrorKind::Cancelled) {
                throw;
            }
            progress_.skipped.push_back(error.what());
            return;
        }
        if (!content.queries.empty()) {
            const std::lock_guard lock(store_.mutex);
            store_.keepQueries(collection_, file.stem().string(), content.queries);
        }
        if (!content.documents.empty() || content.queries.empty()) {
            ingestDocuments(file, std::move(content.documents));
        }
    }

    // Batches go over the ends of files, so that a folder of short texts is embedded as fast as one file of them.
    void ingestDocuments(const std::filesystem::path& file, std::vector<SourceDocument> documents) {
        progress_.total += documents.size();
        const std::int64_t source = sourceOf(file);
        std::map<std::pair<std::string, std::int64_t>, std::int64_t> known = knownDocuments(source);
        std::map<std::string, std::int64_t> occurrences;
        for (SourceDocument& document : documents) {
            Pending next{source, {}, hashOf(document), 0, {}};
            next.occurrence = occurrences[next.hash]++;
            if (known.erase({next.hash, next.occurrence}) > 0) {
                ++progress_.done;
                continue;
            }
            next.chunks = chunksOf(document.text, info_.plan.chunk_tokens, embedder_);
            if (next.chunks.empty()) {
                progress_.skipped.push_back(fmt::format("{}{}{}: there is no text in it", file.string(),
                                                        document.place.empty() ? "" : ", ", document.place));
                ++progress_.done;
                continue;
            }
            next.document = std::move(document);
            pending_.push_back(std::move(next));
            if (pending_.size() == kBatchDocuments) {
                addBatch();
            }
        }
        for (const auto& [hash, document] : known) {
            gone_.insert(document);
        }
        report();
    }

    std::int64_t sourceOf(const std::filesystem::path& file) {
        const std::lock_guard lock(store_.mutex);
        store_.database().run("INSERT OR IGNORE INTO sources(collection, path) VALUES (?, ?)", collection_,
                              file.string());
        return store_.database()
            .integer("SELECT id FROM sources WHERE collection = ? AND path = ?", collection_, file.string())
            .value_or(0);
    }

    // Their database ids, by hash and occurrence.
    std::map<std::pair<std::string, std::int64_t>, std::int64_t> knownDocuments(std::int64_t source) {
        const std::lock_guard lock(store_.mutex);
        std::map<std::pair<std::string, std::int64_t>, std::int64_t> known;
        Statement select = store_.database().prepare("SELECT hash, occurrence, id FROM documents WHERE source = ?");
        select.bind(source);
        while (select.step()) {
            known.emplace(std::pair(select.string(0), select.integer(1)), select.integer(2));
        }
        return known;
    }

    // Embeds and keeps what is pending.
    void addBatch() {
        if (pending_.empty()) {
            return;
        }
        checkStop();
        std::vector<std::string> texts;
        for (const Pending& next : pending_) {
            for (const Chunk& chunk : next.chunks) {
                texts.push_back(next.document.text.substr(chunk.begin, chunk.end - chunk.begin));
            }
        }
        const std::vector<TextVectors> vectors = embedder_.embed(texts, stop_);
        SegmentBuilder builder(spaces_, info_.plan.type);
        for (const TextVectors& text : vectors) {
            std::vector<UnitVectors> row;
            for (const Space& space : spaces_) {
                row.push_back(unitVectors(space, info_.embedder, text));
            }
            builder.add(row);
        }
        keepBatch(vectors, builder.write(store_.vectorFolder()));
        progress_.done += pending_.size();
        progress_.embedded += pending_.size();
        pending_.clear();
        report();
    }

    void keepBatch(const std::vector<TextVectors>& vectors, const std::string& file) {
        const std::lock_guard lock(store_.mutex);
        Database& database = store_.database();
        Transaction transaction(database);
        database.run("INSERT INTO segments(collection, file, rows) VALUES (?, ?, ?)", collection_, file,
                     vectors.size());
        const std::int64_t segment = database.lastInsertId();
        std::size_t row = 0;
        for (const Pending& next : pending_) {
            const SourceDocument& from = next.document;
            database.run(
                "INSERT INTO documents(collection, source, hash, occurrence, place, title, label, topic, text) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                collection_, next.source, next.hash, next.occurrence, from.place, from.title, from.label,
                from.topic, from.text);
            const std::int64_t document = database.lastInsertId();
            database.run(fmt::format("INSERT INTO {}(rowid, title, text) VALUES (?, ?, ?)", wordTable(collection_)),
                         document, from.title, from.text);
            for (std::size_t i = 0; i < next.chunks.size(); ++i, ++row) {
                database.run(
                    "INSERT INTO chunks(document, number, first_byte, end_byte, tokens, truncated, segment, row) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    document, i, next.chunks[i].begin, next.chunks[i].end, vectors[row].tokens,
                    vectors[row].used < vectors[row].tokens, segment, row);
            }
        }
        addToScores(file, vectors.size());
        store_.bumpRevision(collection_);
        transaction.commit();
    }

    // Of the vectors as they are stored, which may be rounded: what a removal takes out is then what was put in.
    void addToScores(const std::string& file, std::size_t rows) {
        const SegmentFile stored(store_.vectorFolder() / file, spaces_, rows);
        for (const Space& space : spaces_) {
            HeadScoreSums sums = store_.scoreSums(collection_, space);
            for (std::size_t row = 0; row < rows; ++row) {
                const UnitVectors vectors = stored.read(space, row);
                sums.addUnit(vectors.units, vectors.norms);
            }
            store_.keepScoreSums(collection_, space, sums);
        }
    }

    // Sources below a folder whose files are no longer there.
    void forgetMissing(const std::filesystem::path& folder, const std::set<std::string>& present) {
        std::vector<std::int64_t> missing;
        {
            const std::lock_guard lock(store_.mutex);
            Statement select = store_.database().prepare("SELECT id, path FROM sources WHERE collection = ?");
            select.bind(collection_);
            const std::string below = folder.string() + "/";
            while (select.step()) {
                if (select.text(1).starts_with(below) && !present.contains(select.string(1))) {
                    missing.push_back(select.integer(0));
                }
            }
        }
        for (const std::int64_t source : missing) {
            for (const auto& [hash, document] : knownDocuments(source)) {
                gone_.insert(document);
            }
            missing_.push_back(source);
        }
    }

    // At the end, all at once: a run that is killed before finds them again.
    void removeGone() {
        const std::lock_guard lock(store_.mutex);
        Transaction transaction(store_.database());
        if (!gone_.empty()) {
            store_.removeDocuments(collection_, gone_, *store_.index(collection_));
            store_.bumpRevision(collection_);
            progress_.removed += gone_.size();
        }
        for (const std::int64_t source : missing_) {
            store_.database().run("DELETE FROM sources WHERE id = ?", source);
        }
        transaction.commit();
    }

    // Files are written without the lock: the collection is looked at and searched meanwhile.
    void compact() {
        std::shared_ptr<const CollectionIndex> index;
        {
            const std::lock_guard lock(store_.mutex);
            index = store_.index(collection_);
        }
        if (!Store::hasWaste(*index)) {
            return;
        }
        const std::vector<Store::MergedFile> files = store_.mergeFiles(*index);
        const std::lock_guard lock(store_.mutex);
        store_.keepMerged(collection_, files);
    }

    void report() const {
        if (report_) {
            report_(progress_);
        }
    }

    Store& store_;
    std::int64_t collection_;
    Embedder& embedder_;
    const std::function<void(const IngestProgress&)>& report_;
    const std::stop_token& stop_;
    CollectionInfo info_;
    std::vector<Space> spaces_;
    std::vector<Pending> pending_;      // to be embedded
    std::set<std::int64_t> gone_;       // documents that their sources no longer hold
    std::vector<std::int64_t> missing_; // sources that are no longer there
    IngestProgress progress_;
};

IngestProgress Collections::ingest(const std::string& collection, std::span<const std::filesystem::path> paths,
                                   Embedder& embedder, const std::function<void(const IngestProgress&)>& progress,
                                   const std::stop_token& stop) {
    const std::lock_guard writing(store_->writing);
    std::int64_t id = 0;
    {
        const std::lock_guard lock(store_->mutex);
        id = store_->idOf(collection);
    }
    return Ingest(*store_, id, embedder, progress, stop).run(paths);
}

} // namespace fulgurite::retrieval
