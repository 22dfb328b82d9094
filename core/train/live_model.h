// SPDX-License-Identifier: Apache-2.0
// The forward pass of inference over weights that are being trained.
#pragma once

#include "core/model/hybrid_model.h"
#include "core/train/train_model.h"

namespace fulgurite {

// Of the host's weights. Matrices are read where `model` has them; the small vectors are copied. So the result is
// good until the next update, and no longer than `model`. On a device it computes with a copy of its own.
std::shared_ptr<const HybridModel> modelOver(const TrainModel& model);

} // namespace fulgurite
