// SPDX-License-Identifier: Apache-2.0
// Names and shapes of all tensors of a model, in the published spelling.
#pragma once

#include "core/checkpoint/model_config.h"
#include "core/tensor/tensor.h"

#include <string>
#include <vector>

namespace fulgurite {

enum class TensorRole : std::uint8_t { Matrix, Norm, Router, Expert };

struct TensorSpec {
    std::string name;
    Shape shape;
    TensorRole role = TensorRole::Matrix;
};

std::vector<TensorSpec> publishedTensors(const ModelConfig& config);

} // namespace fulgurite
