// SPDX-License-Identifier: Apache-2.0
// Strategies over one index and one query whose vectors are known: what a search and an evaluation share.
#pragma once

#include "core/retrieval/collection_index.h"
#include "core/retrieval/results/strategy.h"

#include <memory>
#include <string>
#include <vector>

namespace fulgurite::retrieval {

struct QueryVectors {
    TextVectors text;
    std::vector<TextVectors> prompts; // for fusion
};

// Blank prompts are left out.
QueryVectors embedQuery(const std::string& text, const std::vector<std::string>& prompts, Embedder& embedder);

class StrategySearch {
  public:
    // `layer`: a stored one, or -1 for the first of them. Throws Error{InvalidInput} for a layer that is not
    // stored.
    StrategySearch(std::shared_ptr<const CollectionIndex> index, int layer, kernels::ThreadPool& pool);

    const CollectionIndex& index() const { return *index_; }

    // Any strategy but BM25. `count`: documents wanted; `depth`: c, each head's nearest.
    StrategyResult run(const Strategy& strategy, const QueryVectors& query, std::size_t count, std::size_t depth);

  private:
    const Space* spaceOf(VectorKind kind) const; // nullptr: the collection has none
    HeadLists lists(VectorKind kind, const TextVectors& query, std::size_t depth);
    StrategyResult fuse(const Strategy& strategy, const QueryVectors& query, std::size_t count,
                        StrategyResult result);

    std::shared_ptr<const CollectionIndex> index_;
    const Space& heads_;
    kernels::ThreadPool& pool_;
};

} // namespace fulgurite::retrieval
