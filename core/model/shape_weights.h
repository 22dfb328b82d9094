// SPDX-License-Identifier: Apache-2.0
// Weights of any shape that no file has: HybridModel::placeOn makes them at random in the memory of a device, so
// that the speed of a model can be measured that is larger than what one would write to a disk. Of use on a device
// only.
#pragma once

#include "core/model/weights.h"

#include <cstddef>
#include <memory>

namespace fulgurite {

// Addresses that name the matrices and hold nothing: reading one is a fault.
class ReservedAddresses {
  public:
    explicit ReservedAddresses(std::size_t bytes); // throws Error{OutOfMemory}
    ~ReservedAddresses();
    ReservedAddresses(const ReservedAddresses&) = delete;
    ReservedAddresses& operator=(const ReservedAddresses&) = delete;

    const std::byte* begin() const { return begin_; }

  private:
    std::byte* begin_ = nullptr;
    std::size_t bytes_;
};

// Matrices are bfloat16, the experts' int8 with scales if wanted; the router is float32, as published.
std::unique_ptr<ModelWeights> shapeWeights(const ModelConfig& config, bool int8_experts);

} // namespace fulgurite
