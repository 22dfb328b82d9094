// SPDX-License-Identifier: Apache-2.0
// The whole model and its loss in double, for central differences. Shares no arithmetic with the code under test:
// only the places of the weights in their array.
#pragma once

#include "core/train/train_model.h"
#include "core/train/train_pass.h"
#include "tests/grad/double_ops.h"

namespace fulgurite::test {

// Mean cross-entropy over the batch's targets plus `balance` times the load-balance loss. `weights` has the layout
// of `model`, whose own weights are not read.
double lossOf(const TrainModel& model, const Values& weights, const TrainBatch& batch, double balance);

// The smallest gap between a chosen and a refused router logit: what a small step must not cross.
double routerMargin(const TrainModel& model, const Values& weights, const TrainBatch& batch);

} // namespace fulgurite::test
