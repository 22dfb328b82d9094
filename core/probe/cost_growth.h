// SPDX-License-Identifier: Apache-2.0
// Measured seconds of one decoded token as the context grows, over the closed form of core/probe/capture/costs.h.
#pragma once

#include "core/model/hybrid_model.h"
#include "core/probe/capture/costs.h"
#include "core/probe/capture_run.h"

#include <stop_token>
#include <vector>

namespace fulgurite::probe {

// As the checkpoint stores its weights and this engine its states.
capture::CostFormat costFormatOf(const ModelWeights& weights);

// Fills in the seconds of one decode step at each point's context, which must rise: the median of `repeats` steps.
// The keys and values before it are zeros, which take as long to read as any others. Takes a turn for each step, so
// that answers go on. Throws Error{OutOfMemory} with the figure for a context whose state does not fit,
// Error{Cancelled}.
void measureDecode(const HybridModel& model, std::vector<capture::CostPoint>& points, int repeats,
                   const ModelTurn& turn, const std::stop_token& stop = {});

} // namespace fulgurite::probe
