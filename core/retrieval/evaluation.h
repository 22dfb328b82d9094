// SPDX-License-Identifier: Apache-2.0
// Strategies over a set of queries whose relevant documents are known, with a record that repeats the numbers.
#pragma once

#include "core/retrieval/collections.h"
#include "core/retrieval/metrics.h"

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace fulgurite::retrieval {

struct EvaluationRequest {
    std::string query_set; // by id or name
    std::vector<std::string> strategies;
    int layer = -1;           // a stored one; -1: the first of them
    std::size_t nearest = 32; // c
    std::size_t offset = 5;   // judged at k = n + offset, n the relevant items of the query
    std::size_t resamples = 2000;
    std::uint64_t seed = 1;
    bool leave_heads_out = false; // also what each head is worth: `mrag` without it
};

// One strategy at one number of relevant items.
struct EvaluationRow {
    std::string strategy;
    std::size_t items = 0; // n
    std::size_t k = 0;
    std::size_t queries = 0;
    std::array<Interval, kMetrics> metrics;
    std::array<Interval, kMetrics> gains; // over "standard", paired by query; meaningless for "standard" itself
};

struct EvaluationResult {
    std::string record;  // names settings and vectors: the same record means the same numbers
    std::string created; // UTC, ISO 8601
    EvaluationRequest request;
    std::string collection; // name
    std::string embedder;   // name and how it was used
    std::string index_hash; // of documents and vectors
    std::size_t left_out =
        0; // queries with an item that no document has, which the published program leaves out too
    std::vector<EvaluationRow> rows;
    // [heads]: mean gain of Metric::Weighted under "mrag" over all queries when the head is left out; empty unless
    // asked for.
    std::vector<Interval> without_head;
    ResultMatrices matrices; // what published result files hold
};

// `progress`: queries done, of how many. Throws Error{InvalidInput | NotFound | Cancelled}.
EvaluationResult evaluate(Collections& collections, const std::string& collection, const EvaluationRequest& request,
                          Embedder& embedder, kernels::ThreadPool& pool,
                          const std::function<void(std::size_t done, std::size_t total)>& progress = {},
                          const std::stop_token& stop = {});

// As /fulgurite/v1/collections/ID/evaluations lists it; without the matrices.
std::string evaluationJson(const EvaluationResult& result);

} // namespace fulgurite::retrieval
