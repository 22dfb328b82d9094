// SPDX-License-Identifier: Apache-2.0
// Search over raw head vectors that no collection holds, in double: for vectors computed elsewhere.
#pragma once

#include "core/retrieval/head_scores.h"
#include "core/retrieval/votes/ranking.h"
#include "kernels/pool.h"

#include <cstddef>
#include <span>
#include <vector>

namespace fulgurite::retrieval {

struct RawSearch {
    std::vector<HeadScore> scores; // [heads], self pairs included
    HeadLists lists;               // the `depth` nearest documents of each head by cosine distance
};

// documents: F32 [documents, heads, dim], read once; query: [heads, dim]. Equal distances go to the lower document;
// a zero vector is at distance 1 from everything. The result does not depend on the number of threads. Throws
// Error{InvalidInput} for numbers that are none.
RawSearch searchRaw(std::span<const float> documents, std::span<const float> query, std::size_t heads,
                    std::size_t depth, kernels::ThreadPool& pool);

} // namespace fulgurite::retrieval
