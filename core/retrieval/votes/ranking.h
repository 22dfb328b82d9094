// SPDX-License-Identifier: Apache-2.0
// Multi-Head RAG's ranking as pure functions: from each head's nearest documents to one order of documents.
// Source: Besta et al., "Multi-Head RAG", arXiv 2406.05085, and its published code. The engine ranks with these and
// so does the window when heads are switched on and off, so the two cannot differ.
//
//   1. Each head i gives its c nearest documents, nearest first; the nearest has rank p = 0.
//   2. A document at rank p of head i gets the vote w(s_i, p, d), where s_i is the head's score and d the distance.
//   3. Votes for the same document are added in the order of the heads; the largest sum comes first. Documents with
//      equal sums keep the order in which they are first seen: lower head first, then better rank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fulgurite::retrieval {

enum class VoteRule {
    Scaled,  // s 2^-p: the default for heads ("mrag")
    Decay,   // 2^-p ("mrag-decay"; the default for segments of the standard vector, "split")
    Distance // 1 / d ("mrag-distance"), d not under kLeastDistance
};

// A vector found among its own copies has distance 0 up to rounding; this keeps its vote finite. About ten units of
// float32 rounding at 1, the size of what a cosine distance is computed from.
inline constexpr double kLeastDistance = 1e-6;

double vote(VoteRule rule, double score, std::size_t rank, double distance);

// What a search in every head's space found.
struct HeadLists {
    std::size_t heads = 0;
    std::size_t depth = 0;               // c, the longest list
    std::vector<std::int32_t> documents; // [heads, depth], nearest first; -1 behind the end of a shorter list
    std::vector<float> distances;        // [heads, depth]
    std::vector<double> scores;          // [heads], the s_i
};

// Throws Error{InvalidInput} when the arrays do not have the shape that `heads` and `depth` say.
void checkLists(const HeadLists& lists);

struct Ranked {
    std::int32_t document = 0;
    double total = 0; // of its votes
    bool operator==(const Ranked&) const = default;
};

// All documents with a vote, best first. `heads_on` [heads]: 0 leaves a head out; empty: all take part.
std::vector<Ranked> rankByVotes(const HeadLists& lists, VoteRule rule, std::span<const std::uint8_t> heads_on = {});

// What one head thinks of one document.
struct HeadVote {
    int rank = -1; // from 0; -1: not among the head's nearest
    float distance = 0;
    double vote = 0; // 0 without a rank and from a head that is left out
};

// One for each head, [heads].
std::vector<HeadVote> votesFor(const HeadLists& lists, VoteRule rule, std::int32_t document,
                               std::span<const std::uint8_t> heads_on = {});

// Which heads hold a document up: the group of at most `most_heads` heads without which it falls furthest; having
// no vote left is the deepest fall. Of groups with the same fall the smallest, then the one with the largest votes.
// A group never takes the last head.
struct LeaveOut {
    std::vector<std::size_t> heads; // rising; empty: no group moves it down
    std::size_t before = 0;         // its place from 0 with all heads that are on
    std::size_t after = 0;          // and without the group
    bool unvoted = false;           // nobody votes for it then: `after` counts the documents that have votes
};

// Tries every group among the kLeaveOutHeads heads with the largest votes for the document: the others' votes are
// smaller than each of these. An unranked document gives an empty group.
inline constexpr std::size_t kLeaveOutHeads = 12;
LeaveOut leaveOut(const HeadLists& lists, VoteRule rule, std::int32_t document,
                  std::span<const std::uint8_t> heads_on = {}, std::size_t most_heads = 3);

// Reciprocal rank fusion: a document scores the sum over lists of 1 / (60 + r), r its rank from 0. The best
// `count`, equal scores in the order in which they are first seen.
std::vector<Ranked> fuseRanks(std::span<const std::vector<std::int32_t>> lists, std::size_t count);

} // namespace fulgurite::retrieval
