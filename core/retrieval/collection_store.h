// SPDX-License-Identifier: Apache-2.0
// What collections.cpp, ingest.cpp and search.cpp share: the database and the files beside it. Private to this
// folder.
#pragma once

#include "core/retrieval/collection_index.h"
#include "core/retrieval/collections.h"
#include "core/retrieval/readers.h"
#include "core/store/database.h"

#include <map>
#include <mutex>
#include <set>

namespace fulgurite::retrieval {

// Every member takes the caller's lock on `mutex` for granted but for those that say otherwise.
class Collections::Store {
  public:
    explicit Store(const std::filesystem::path& folder);

    std::mutex mutex;   // of the database, never held while something is embedded
    std::mutex writing; // of whoever changes documents, taken before `mutex`

    Database& database() { return database_; }
    const std::filesystem::path& vectorFolder() const { return vectors_; }

    // Row id of a collection by id or name. Throws Error{NotFound}.
    std::int64_t idOf(const std::string& collection);
    CollectionInfo info(std::int64_t id);
    std::shared_ptr<const CollectionIndex> index(std::int64_t id);

    std::vector<StoredQuery> queries(std::int64_t collection, std::int64_t query_set);
    std::int64_t querySetOf(std::int64_t collection, const std::string& query_set);
    // By name alone; made when there is none.
    std::int64_t makeQuerySet(std::int64_t collection, const std::string& name);
    // Replaces the set of that name.
    void keepQueries(std::int64_t collection, const std::string& name, const std::vector<SourceQuery>& queries);

    std::string textOf(std::int64_t document);
    // The best `count` documents by BM25: database ids and scores, best first.
    std::vector<std::pair<std::int64_t, double>> searchWords(std::int64_t collection, const std::string& query,
                                                             std::size_t count);

    HeadScoreSums scoreSums(std::int64_t collection, const Space& space);
    void keepScoreSums(std::int64_t collection, const Space& space, const HeadScoreSums& sums);
    void bumpRevision(std::int64_t collection);
    // Inside of a transaction. `index`: of the revision before it.
    void removeDocuments(std::int64_t collection, const std::set<std::int64_t>& documents,
                         const CollectionIndex& index);
    // A vector file that was written anew, and whose vectors its rows are.
    struct MergedFile {
        struct Chunk {
            std::int64_t document;
            std::int32_t number;
        };
        std::string file;
        std::vector<Chunk> chunks;
    };
    // Whether there are many small vector files, or such with many dead rows.
    static bool hasWaste(const CollectionIndex& index);
    // Writes those together anew: gigabytes, so without `mutex`. The caller has `writing`.
    std::vector<MergedFile> mergeFiles(const CollectionIndex& index) const;
    void keepMerged(std::int64_t collection, const std::vector<MergedFile>& files);
    // The index of a collection that is gone.
    void forget(std::int64_t collection) { indexes_.erase(collection); }

    // Vector files that no segment names are removed.
    void collectFiles();

  private:
    void removeVectors(std::int64_t collection, const std::set<std::int64_t>& documents,
                       const CollectionIndex& index);

    std::filesystem::path vectors_;
    Database database_;
    std::map<std::int64_t, std::shared_ptr<const CollectionIndex>> indexes_; // the newest revision of each
};

// How the table of one collection's words is called.
std::string wordTable(std::int64_t collection);

} // namespace fulgurite::retrieval
