// SPDX-License-Identifier: Apache-2.0
// The collections of one data folder: FOLDER/collections.fulgurite (SQLite) beside FOLDER/vectors/ (mapped
// safetensors files named by content). Described in docs/formats/collections.md.
//
// Whatever changes documents is one transaction for each batch, after its vector file is on the disk: a process
// that is killed leaves whole batches, and a file that no row names is removed at the next start. One process at a
// time.
#pragma once

#include "core/retrieval/collection_types.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace fulgurite::retrieval {

class CollectionIndex;

// All members may be called from any thread; those that change something take turns.
class Collections {
  public:
    // Opens or creates. Throws Error{Corrupt | Io | Unavailable}.
    explicit Collections(const std::filesystem::path& folder);
    ~Collections();
    Collections(const Collections&) = delete;
    Collections& operator=(const Collections&) = delete;

    std::vector<CollectionInfo> list();
    // By id or by name. Throws Error{NotFound} that lists the names.
    CollectionInfo info(const std::string& collection);
    // `embedder`: what `plan` opens. Throws Error{InvalidInput} for a name that is taken or empty.
    CollectionInfo create(const CollectionPlan& plan, const EmbedderInfo& embedder);
    void remove(const std::string& collection);

    // Reads files and folders (readers.h) and brings the collection to what they hold: unchanged documents are
    // kept, changed ones embedded anew, documents that a source no longer has removed. Continues where a killed
    // ingest ended. A list of queries becomes a query set named after its file. Throws Error{InvalidInput} when
    // `embedder` is not the collection's own, with both described; Error{Cancelled}.
    IngestProgress ingest(const std::string& collection, std::span<const std::filesystem::path> paths,
                          Embedder& embedder, const std::function<void(const IngestProgress&)>& progress = {},
                          const std::stop_token& stop = {});

    DocumentColumns documents(const std::string& collection, std::size_t first, std::size_t count);
    // Throws Error{NotFound}.
    StoredDocument document(const std::string& collection, std::size_t number);

    // `embedder` embeds query and prompts. Strategies that cannot run say why in their result. Throws
    // Error{InvalidInput}.
    SearchReply search(const std::string& collection, const SearchRequest& request, Embedder& embedder,
                       kernels::ThreadPool& pool);

    HeadStatistics heads(const std::string& collection, int layer, kernels::ThreadPool& pool);
    // `heads`: -1 is the standard vector. `query` with `embedder`, or neither.
    std::vector<Projection> project(const std::string& collection, int layer, std::span<const int> heads,
                                    const std::string& query, Embedder* embedder, kernels::ThreadPool& pool);

    // By id or name of the set.
    std::vector<StoredQuery> queries(const std::string& collection, const std::string& query_set);
    // Makes the set when there is none of that name. Returns all of its queries.
    std::vector<StoredQuery> addQuery(const std::string& collection, const std::string& query_set,
                                      const StoredQuery& query);

    // Results as evaluation.h writes them: JSON, newest first. `record` names what repeats the numbers; the same
    // one again replaces the result. `matrices`: a result file (results/result_file.h).
    void keepEvaluation(const std::string& collection, const std::string& record, const std::string& json,
                        const std::string& matrices);
    std::vector<std::string> evaluations(const std::string& collection);
    // The result file of a record. Throws Error{NotFound}.
    std::string evaluationMatrices(const std::string& collection, const std::string& record);

    // What evaluations ask for: what each document counts as; a hash of all documents and vectors; BM25 alone.
    std::vector<DocumentFacts> facts(const std::string& collection);
    std::string contentHash(const std::string& collection);
    StrategyResult searchWords(const std::string& collection, const std::string& query,
                               const CollectionIndex& index, std::size_t count);

    // The vectors and documents as they are now; stays valid whatever happens to the collection.
    std::shared_ptr<const CollectionIndex> index(const std::string& collection);

  private:
    class Store;
    class Ingest;
    StrategyResult words(std::int64_t id, const std::string& query, const CollectionIndex& index,
                         std::size_t count);
    Passage passage(const CollectionIndex& index, std::int32_t number, std::size_t chunk);
    std::unique_ptr<Store> store_;
};

} // namespace fulgurite::retrieval
