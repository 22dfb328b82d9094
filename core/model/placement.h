// SPDX-License-Identifier: Apache-2.0
// A model's weights in the memory of a device, and the operations that use them there. Private to core/model.
#pragma once

#include "core/model/weights.h"
#include "kernels/device.h"

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace fulgurite {

class Placement {
  public:
    // Copies every matrix and vector; matrices of weights that no file has (shape_weights.h) are made at random in
    // the device's memory. `progress` hears the bytes done and of all, and may throw. Throws Error{OutOfMemory}
    // with the sizes before anything is copied.
    Placement(std::shared_ptr<kernels::Device> device, const ModelWeights& weights,
              const std::function<void(std::size_t done, std::size_t all)>& progress);
    ~Placement();
    Placement(const Placement&) = delete;
    Placement& operator=(const Placement&) = delete;

    const std::shared_ptr<kernels::Device>& device() const { return device_; }
    // Matrices lie in the device's memory; vectors are the host's, see vector().
    const ModelWeights& weights() const { return weights_; }
    // The device's copy of a vector of weights().
    const float* vector(const std::vector<float>& host) const { return vectors_.at(host.data()); }
    // A layer's experts, as ExpertsParams wants them.
    const kernels::ExpertMatrices* experts(int layer) const { return experts_[static_cast<std::size_t>(layer)]; }

    const kernels::OpTable& ops() const { return ops_; }
    // For the router and the head, whose products stay float32.
    const kernels::OpTable& exact() const { return exact_; }

  private:
    std::size_t tableBytes() const; // of the layers' experts
    void placeTables(std::byte* next);

    std::shared_ptr<kernels::Device> device_;
    const kernels::OpTable& ops_;
    const kernels::OpTable& exact_;
    ModelWeights weights_;
    std::byte* memory_ = nullptr;
    std::unordered_map<const float*, const float*> vectors_;
    std::vector<const kernels::ExpertMatrices*> experts_; // the device's memory
};

} // namespace fulgurite
