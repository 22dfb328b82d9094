// SPDX-License-Identifier: Apache-2.0
// Figures of a head that follow from its weights alone.
#pragma once

#include "core/probe/capture/views.h"

#include <span>
#include <utility>

namespace fulgurite::capture {

// Fills entropy, effective_span, mean_distance, previous_token, induction, planted_fact from the weights of one
// row, and half_life from `rate`; leaves the rest. The distribution is |weight| over its sum; a row whose weights
// are all zero has none, and its figures are NaN.
//
// weight: [position + 1]; tokens: ids, at least position + 1; fact: marked span [first, last), if any. The part of
// a span beyond the position does not count.
void fillWeightFigures(HeadFigures& figures, std::span<const float> weight, std::span<const TokenId> tokens,
                       const std::optional<std::pair<std::size_t, std::size_t>>& fact);

// A HeadFigures whose figures are all NaN but for half_life.
HeadFigures emptyFigures(HeadRef head, LayerKind kind, double rate);

} // namespace fulgurite::capture
