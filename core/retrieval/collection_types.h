// SPDX-License-Identifier: Apache-2.0
// What a collection of documents says about itself and its searches: plain data. A document is named by its number
// in the collection, from 0, which stays while the collection's revision does.
#pragma once

#include "core/retrieval/embedder.h"
#include "core/retrieval/head_scores.h"
#include "core/retrieval/votes/ranking.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::retrieval {

enum class VectorType : std::uint8_t { F32, F16, Int8 };

const char* nameOf(VectorType type); // "f32", "f16", "int8"
VectorType vectorTypeOf(std::string_view name);

// How a collection embeds; fixed when it is made.
struct CollectionPlan {
    std::string name;
    std::string embedder = "model"; // "model": the loaded language model; else a checkpoint folder
    std::vector<int> layers{};      // empty: the last one
    HeadPlace place = HeadPlace::Projection;
    std::optional<Pooling> pooling{};
    VectorType type = VectorType::F32;
    std::size_t max_tokens = 0; // of a text that is embedded; 0: the embedder's own limit
    std::size_t chunk_tokens =
        0; // longer documents are cut into chunks of at most so many; 0: never, the end is left out
};

struct QuerySetInfo {
    std::string id;
    std::string name;
    std::size_t queries = 0;
    std::vector<int> aspects; // the numbers of relevant documents that occur, rising
};

struct CollectionInfo {
    std::string id;
    std::uint64_t revision = 0; // grows with every change to documents
    CollectionPlan plan;
    EmbedderInfo embedder; // as it was when the collection was made; its layers are those stored
    std::size_t documents = 0;
    std::size_t chunks = 0;
    std::size_t truncated = 0;       // chunks of which the embedder saw the beginning only
    std::uint64_t vector_bytes = 0;  // of the files
    std::vector<std::string> labels; // in alphabetical order
    std::vector<QuerySetInfo> query_sets;
};

struct DocumentColumns {
    std::uint64_t revision = 0;
    std::size_t first = 0;
    std::size_t total = 0;
    std::vector<std::string> titles;
    std::vector<std::string> labels;
    std::vector<std::size_t> characters;
};

// What a document counts as in an evaluation.
struct DocumentFacts {
    std::string item; // its topic where it has one, else its title
    std::string label;
    std::string title{}; // of one with a topic, for queries that name the document itself; empty otherwise
};

struct ChunkInfo {
    std::size_t begin = 0; // bytes of the text
    std::size_t end = 0;
    std::size_t tokens = 0;
    bool truncated = false;
};

struct StoredDocument {
    std::string title;
    std::string label;
    std::string topic;  // of legal and chemical sets; empty otherwise
    std::string source; // the file, and where in it
    std::string text;
    std::vector<ChunkInfo> chunks;
};

struct SearchRequest {
    std::string query;
    int layer = -1;                      // one of the stored ones; -1: the first of them
    std::size_t count = 10;              // n, documents wanted
    std::size_t nearest = 0;             // c, of each head; 0: as many as `count`
    std::vector<std::string> strategies; // by name (strategy.h)
    std::vector<std::string> prompts;    // for the fusion strategies; empty ones are dropped
};

enum class ResultKind : std::uint8_t { Distance, Votes, Score, Unavailable };
const char* nameOf(ResultKind kind); // "distance", "votes", "score", "unavailable"

struct StrategyResult {
    std::string strategy;
    double seconds = 0;
    ResultKind kind = ResultKind::Unavailable;
    std::string reason; // of Unavailable
    std::vector<Ranked>
        documents;   // best first; `total` is distance, sum of votes or score. At least 100 where there are
    HeadLists lists; // of Votes: what the heads found; without heads otherwise
};

struct Passage {
    std::size_t chunk = 0;
    std::size_t begin = 0; // bytes of the document's text
    std::size_t end = 0;
    std::string text;
};

struct SearchReply {
    std::uint64_t revision = 0;
    std::size_t query_tokens = 0;
    bool truncated = false; // the query was longer than the embedder takes
    double embed_seconds = 0;
    std::vector<StrategyResult> results;      // as asked
    std::map<std::int32_t, Passage> passages; // of every document among the first `count` of any strategy
};

// How well closeness in one space tells one label from the others.
struct Separation {
    std::string label;
    double auc = 0.5; // of the similarity to the label's mean unit vector, the document itself left out of it
    double standard_auc = 0.5; // the same in the standard space
    std::size_t documents = 0; // with the label
};

struct HeadStatistics {
    std::vector<HeadScore> scores;                  // [heads]
    std::vector<std::vector<Separation>> separates; // for each head, best first; empty without labels
};

// A space seen along its two directions of largest variance, of the documents' unit vectors (their first chunks).
struct Projection {
    int head = -1; // -1: the standard vector
    std::vector<float> x;
    std::vector<float> y;
    std::array<double, 2> explained{}; // shares of the variance
    std::optional<std::array<float, 2>> query;
};

struct StoredQuery {
    std::string text;
    std::vector<std::string> items{};     // what is relevant: topics, or titles of documents
    std::vector<std::int32_t> relevant{}; // documents of these items
    std::vector<std::string> labels{};    // of the relevant documents, each once
    std::vector<std::string> prompts{};   // for fusion
    std::size_t unresolved = 0;           // items that no document has
};

struct IngestProgress {
    std::size_t done = 0;     // documents looked at
    std::size_t total = 0;    // as far as known
    std::size_t embedded = 0; // new or changed
    std::size_t removed = 0;
    std::vector<std::string> skipped; // files left out, each with the reason
};

} // namespace fulgurite::retrieval
