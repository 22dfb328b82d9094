// SPDX-License-Identifier: Apache-2.0
// The products of linear layers and of their gradients with inputs rounded to bfloat16 (to nearest, ties to even)
// and sums in float32: an option of training, whose master copies stay in float32. Conventions of ops.h and
// backward_ops.h; weights are float32 arrays here too.
#pragma once

#include "kernels/backward_ops.h"

namespace fulgurite::kernels {

struct ProductTable {
    const char* name;
    void (*linear)(std::span<const LinearTask> tasks, Queue& queue);
    void (*linear_input)(std::span<const LinearInputGrad> tasks, Queue& queue);
    void (*linear_weight)(std::span<const LinearWeightGrad> tasks, Queue& queue);
};

// Scalar, the rounding emulated, double accumulation: the truth.
const ProductTable& referenceBf16Products();
// By VDPBF16PS, whose sums flush subnormal numbers to zero; null where the processor lacks AVX-512 BF16. The result
// does not depend on the number of workers.
const ProductTable* cpuBf16Products();

} // namespace fulgurite::kernels
