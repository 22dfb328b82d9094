// SPDX-License-Identifier: Apache-2.0
// The rotation that the reference's forward and backward tables share; private to kernels/ref.
#pragma once

#include "kernels/ops.h"

namespace fulgurite::kernels {

// back: by the opposite angle.
void refRotate(const RopeParams& params, bool back);

} // namespace fulgurite::kernels
