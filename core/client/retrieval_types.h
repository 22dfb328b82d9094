// SPDX-License-Identifier: Apache-2.0
// What a node says about collections of documents and searches in them, as docs/protocol.md has it: plain data.
// A document is named by its number in the collection, from 0; numbers stay while the collection's revision does.
#pragma once

#include "core/retrieval/votes/ranking.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::client {

struct EmbedderInfo {
    std::string id; // "model": the loaded one; else a folder
    std::string name;
    std::size_t standard_width = 0;
    std::size_t heads = 0;
    std::size_t head_width = 0;
    std::vector<std::string> layer_kinds; // "lightning", "softmax" or "bert", one for each layer
    std::string problem;                  // why it cannot be used; empty: it can
};

// Where head vectors were taken.
struct HeadPlace {
    int layer = 0;
    std::string place; // of lightning heads: "before" or "after" norm and gate; otherwise "after"
    std::string dtype; // "f32", "f16" or "int8"
    bool operator==(const HeadPlace&) const = default;
};

struct QuerySetInfo {
    std::string id;
    std::string name;
    std::size_t queries = 0;
    std::vector<int> aspects; // the numbers of relevant documents that occur
};

struct RetrievalJob {
    std::string id;
    std::string kind;  // "ingest" or "evaluation"
    std::string state; // "running", "paused", "done", "failed", "cancelled"
    std::size_t done = 0;
    std::size_t total = 0; // documents, or queries
    double per_second = 0; // 0: nothing measured yet
    double seconds_left = 0;
    std::string message; // what failed or was left out, and what to do
    std::string record;  // of an evaluation that is done

    bool live() const { return state == "running" || state == "paused"; }
};

struct Collection {
    std::string id;
    std::string name;
    std::uint64_t revision = 0;
    std::size_t documents = 0;
    std::size_t chunks = 0;
    std::size_t truncated = 0; // chunks longer than the embedder takes
    EmbedderInfo embedder;
    std::vector<HeadPlace> stored;
    std::uint64_t bytes = 0;
    std::vector<std::string> labels;
    std::vector<QuerySetInfo> query_sets;
    std::optional<RetrievalJob> job;
    std::string problem; // why it cannot be searched; empty: it can
};

struct NewCollection {
    std::string name;
    std::string embedder = "model";
    std::vector<HeadPlace> stored; // empty: the last layer, after norm and gate
    std::size_t chunk_tokens = 0;  // longer documents are cut into chunks of at most so many; 0: never
};

// Columns of one page of the documents' list, all of the same length.
struct DocumentColumns {
    std::uint64_t revision = 0;
    std::size_t first = 0;
    std::size_t total = 0; // of the collection
    std::vector<std::string> titles;
    std::vector<std::string> labels;
    std::vector<std::size_t> characters;
};

struct DocumentChunk {
    std::size_t begin = 0; // bytes of the text
    std::size_t end = 0;
    std::size_t tokens = 0;
};

struct Document {
    std::string title;
    std::string label;
    std::string source; // file or line it came from
    std::string text;
    std::vector<DocumentChunk> chunks;
};

struct SearchRequest {
    std::string query;
    HeadPlace heads;
    std::size_t count = 10;  // n, documents wanted
    std::size_t nearest = 0; // c, of each head; 0: as many as `count`
    std::vector<std::string> strategies;
    std::vector<std::string> prompts; // for the fusion strategies
};

struct StrategyResult {
    std::string strategy;
    double seconds = 0;
    std::string kind;                    // "distance", "votes", "score" or "unavailable"
    std::string reason;                  // of "unavailable"
    std::vector<std::int32_t> documents; // best first
    std::vector<double> values;          // distance, total of votes or score
    retrieval::HeadLists lists;          // of "votes"; otherwise without heads
};

// The part of a document that a hit shows.
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
    std::vector<StrategyResult> results; // as asked
    std::map<std::int32_t, Passage> passages;
};

// How well closeness in one space tells one label from the others.
struct Separation {
    std::string label;
    double auc = 0.5;          // of closeness to the label's mean, the document itself left out of it
    double standard_auc = 0.5; // the same in the standard space
    std::size_t documents = 0; // with the label
};

struct HeadStatistics {
    std::vector<double> scores;                     // s = a b
    std::vector<double> norms;                      // a, mean length
    std::vector<double> spreads;                    // b, mean cosine distance
    std::vector<std::vector<Separation>> separates; // for each head, best first; without labels all empty
};

// A space seen from its two directions of largest variance.
struct Projection {
    int head = -1; // -1: the standard vector
    std::vector<float> x;
    std::vector<float> y;
    std::array<double, 2> explained{}; // shares of the variance
    std::optional<std::array<float, 2>> query;
};

struct RetrievalQuery {
    std::string text;
    std::vector<std::int32_t> relevant;
    std::vector<std::string> prompts; // for fusion
};

struct EvaluationRequest {
    std::string query_set;
    std::vector<std::string> strategies;
    HeadPlace heads;
    std::size_t nearest = 32; // c
    std::size_t offset = 5;   // results are judged at k = n + offset, n the aspects of the query
    std::size_t resamples = 2000;
    std::uint64_t seed = 1;
    bool leave_heads_out = false; // also what each head is worth
};

struct Interval {
    double mean = 0;
    double low = 0; // 95 % by bootstrap over the queries
    double high = 0;
};

// One strategy at one number of aspects.
struct EvaluationRow {
    std::string strategy;
    std::size_t aspects = 0; // n
    std::size_t k = 0;
    std::size_t queries = 0;
    std::map<std::string, Interval> metrics;
    std::map<std::string, Interval> gains; // over "standard", paired by query
    std::map<std::string, double> p;       // of the gains
};

struct Evaluation {
    std::string record; // names what repeats the numbers
    std::string created;
    std::string settings; // JSON, for people
    std::vector<std::string> metrics;
    std::vector<EvaluationRow> rows;
    // For each head the change of "weighted" under "mrag" when it is left out, over all queries; empty unless asked
    // for.
    std::vector<Interval> without_head;
};

} // namespace fulgurite::client
