// SPDX-License-Identifier: Apache-2.0
// The processor's operations as programs that run a model in bfloat16 compute them. A product whose weights are
// stored in bfloat16 rounds its inputs and its results to bfloat16 (to nearest, ties to even); one whose weights
// are float32 is exact. Within an operation, in the sums of a product and in the recurrent state, numbers stay
// float32.
#pragma once

#include "kernels/ops.h"

namespace fulgurite::kernels {

// Whatever any operation leaves for the next is rounded.
const OpTable& roundedOps();
// Only such products are; all else is bestCpuOps().
const OpTable& roundedProducts();

} // namespace fulgurite::kernels
