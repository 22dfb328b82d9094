// SPDX-License-Identifier: Apache-2.0
// The two attention gradients of the reference table; private to kernels/ref.
#pragma once

#include "kernels/backward_ops.h"

namespace fulgurite::kernels {

void refSoftmaxAttentionGrad(const SoftmaxAttentionGrad& params, Queue& queue);
void refLightningGrad(const LightningGrad& params, Queue& queue);

} // namespace fulgurite::kernels
