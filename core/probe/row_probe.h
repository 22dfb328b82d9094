// SPDX-License-Identifier: Apache-2.0
// One head at one position, with nothing kept but what that takes: the head's keys and values of the tokens before
// it.
#pragma once

#include "core/model/hybrid_model.h"
#include "core/probe/capture/views.h"
#include "kernels/pool.h"

#include <span>

namespace fulgurite::probe {

// What the query at `position` takes from every token up to it through the head, as capture::attentionRow works it
// out from the queries, keys and values of the run, with the head's recorded output. Runs tokens [0, position] in
// chunks. Throws Error{InvalidInput} for a layer, head or position that does not exist, or a token outside the
// vocabulary.
capture::AttentionRow probeRow(const HybridModel& model, std::span<const TokenId> tokens, capture::HeadRef head,
                               std::size_t position, kernels::ThreadPool& pool, std::size_t chunk = 256);

} // namespace fulgurite::probe
