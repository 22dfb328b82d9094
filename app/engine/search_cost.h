// SPDX-License-Identifier: Apache-2.0
// What an exact search is going to read and how long that takes, said before it starts.
#pragma once

#include "core/retrieval/collection_index.h"
#include "core/retrieval/results/strategy.h"
#include "kernels/pool.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace fulgurite::app {

// Bytes of vectors that one search reads. `searches`: of a fusion strategy, one for each prompt.
std::uint64_t bytesOfSearch(const retrieval::CollectionIndex& index, const retrieval::Strategy& strategy, int layer,
                            std::size_t searches);

// To standard error: the bytes, the memory that is free, and the time that reading takes at the rate at which this
// machine reads memory now, which is measured. `what` begins the line; `own`: memory that the search needs itself.
void tellSearchCost(const std::string& what, std::uint64_t bytes, std::uint64_t own, kernels::ThreadPool& pool);

} // namespace fulgurite::app
