// SPDX-License-Identifier: Apache-2.0
// A model split over ranks: which heads, experts and rows of the vocabulary each of them has. Every rank runs the
// same layers on all tokens; what it has is its part of each layer, as docs/user/parallel.md says.
#pragma once

#include "core/checkpoint/model_config.h"
#include "core/model/weights.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite {

enum class ExpertSplit : std::uint8_t {
    Width, // every rank has a part of the width of every expert
    Whole, // every rank has some experts
};

struct ShardPlan {
    int ranks = 1;
    ExpertSplit experts = ExpertSplit::Width;
    std::string text() const; // "4 ranks, experts by width"
};

// [first, first + count) of something.
struct Part {
    std::size_t first = 0;
    std::size_t count = 0;
};

// Equal parts of `total`, or parts that differ by one.
Part partOf(std::size_t total, int ranks, int rank);

struct Shard {
    int rank = 0;
    int ranks = 1;
    Part heads;
    Part kv_heads; // of softmax layers; several ranks have the same one when there are more ranks than key heads
    Part experts;
    Part vocabulary;     // rows of the embedding and of the head
    Part expert_width;   // of each of its experts
    bool owns_kv = true; // the first of the ranks with these key heads

    // Heads are never cut, and all of a rank's query heads read key heads of the same rank: the number of ranks
    // must divide the heads, and must divide the key heads or be a multiple of them. Throws Error{InvalidInput}
    // with the numbers of ranks that would do.
    static Shard of(const ModelConfig& config, const ShardPlan& plan, int rank);
};

// The weights of a shard as views of those of the whole model, which must outlive them: matrices are row or column
// ranges of the mapped ones, so that a process touches the pages of its own part alone. Scales of int8 rows stay
// those of the whole row.
std::unique_ptr<const ModelWeights> shardOf(const ModelWeights& whole, const Shard& shard);

// The longest of the ranks' parts of the vocabulary.
std::size_t largestVocabularyPart(const ModelConfig& config, int ranks);

// Every number of ranks up to `most` that Shard::of accepts.
std::vector<int> possibleRanks(const ModelConfig& config, int most);

} // namespace fulgurite
