// SPDX-License-Identifier: Apache-2.0
// Whether an intervention fits a model. What one is: core/base/intervention.h.
#pragma once

#include "core/base/intervention.h"
#include "core/checkpoint/model_config.h"

namespace fulgurite {

// Throws Error{InvalidInput} that names the head, expert or layer which the model does not have, and its range.
void checkIntervention(const Intervention& intervention, const ModelConfig& config);

} // namespace fulgurite
