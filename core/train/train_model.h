// SPDX-License-Identifier: Apache-2.0
// A model whose weights can change: float32 masters in one array, and the constants of its configuration.
#pragma once

#include "core/train/parameters.h"
#include "kernels/float_array.h"

#include <filesystem>
#include <memory>
#include <vector>

namespace fulgurite {

class TrainModel {
  public:
    // The weights of a checkpoint, widened to float32. Throws what loadWeights() throws.
    static TrainModel load(const std::filesystem::path& folder);
    // Fresh weights in the published names: normal with standard deviation `deviation`, norms 1. The same on every
    // machine for one seed.
    static TrainModel random(const ModelConfig& config, std::uint64_t seed, double deviation);

    const ModelConfig& config() const { return config_; }
    const ParameterLayout& layout() const { return layout_; }
    std::vector<float>& weights() { return weights_; }
    const std::vector<float>& weights() const { return weights_; }
    const std::vector<float>& inverseFrequencies() const { return inv_freq_; }
    const std::vector<float>& decayRates(std::size_t layer) const { return decay_rates_[layer]; }

    // From now on trained on `device` (null: the host), whose memory holds a copy of all this. weights() then stays
    // as it was until fetch(), and what is changed there counts from send() on. Throws Error{OutOfMemory}.
    void placeOn(std::shared_ptr<kernels::Device> device);
    const std::shared_ptr<kernels::Device>& device() const { return device_; }
    void fetch();
    void send();
    // Where the operations read and write: addresses in the device's memory, if there is one.
    float* data() { return device_ ? there_.weights.data() : weights_.data(); }
    const float* data() const { return device_ ? there_.weights.data() : weights_.data(); }
    const float* inverseFrequenciesAt() const { return device_ ? there_.inv_freq.data() : inv_freq_.data(); }
    const float* decayRatesAt(std::size_t layer) const {
        return device_ ? there_.decay_rates[layer].data() : decay_rates_[layer].data();
    }

  private:
    TrainModel(ModelConfig config, ParameterLayout layout);

    struct Copy {
        kernels::FloatArray weights;
        kernels::FloatArray inv_freq;
        std::vector<kernels::FloatArray> decay_rates;
    };

    ModelConfig config_;
    ParameterLayout layout_;
    std::vector<float> weights_;
    std::vector<float> inv_freq_;                 // [rotary_dim / 2]
    std::vector<std::vector<float>> decay_rates_; // [layers][heads]; empty for softmax layers
    std::shared_ptr<kernels::Device> device_;
    Copy there_; // on the device
};

} // namespace fulgurite
