// SPDX-License-Identifier: Apache-2.0
// Checkpoint tensors as what operations take in. For the code of models.
#pragma once

#include "core/checkpoint/checkpoint.h"
#include "core/tensor/tensor.h"
#include "kernels/ops.h"

#include <vector>

namespace fulgurite {

// Empty for a view that TensorBinder could not fill: it reports all problems together afterwards.
inline kernels::WeightMatrix matrixOf(const TensorView& view) {
    if (view.data == nullptr || view.shape.size() != 2) {
        return {};
    }
    return {view.data, view.dtype, static_cast<std::size_t>(view.shape[0]),
            static_cast<std::size_t>(view.shape[1])};
}

inline kernels::WeightMatrix matrixOf(const StoredMatrix& stored) {
    kernels::WeightMatrix matrix = matrixOf(stored.weight);
    matrix.scales = stored.scale.data;
    return matrix;
}

inline std::vector<float> vectorOf(const TensorView& view) {
    return view.data == nullptr ? std::vector<float>{} : toFloats(view);
}

} // namespace fulgurite
