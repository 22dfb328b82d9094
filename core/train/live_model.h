// SPDX-License-Identifier: Apache-2.0
// The forward pass of inference over weights that are being trained.
#pragma once

#include "core/model/hybrid_model.h"
#include "core/train/train_pass.h"

namespace fulgurite {

// Of the host's weights. In float32 matrices are read where `model` has them, and the small vectors are copied; what is
// to be in bfloat16 is a rounded copy. So the result is good until the next update, and no longer than `model`. On a
// device it computes with a copy of its own, and the head in float32: throws Error{Unsupported} for another.
std::shared_ptr<const HybridModel> modelOver(const TrainModel& model, const RolloutArithmetic& arithmetic = {});

} // namespace fulgurite
