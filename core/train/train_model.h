// SPDX-License-Identifier: Apache-2.0
// A model whose weights can change: float32 masters in one array, and the constants of its configuration.
#pragma once

#include "core/train/parameters.h"

#include <filesystem>
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

  private:
    TrainModel(ModelConfig config, ParameterLayout layout);

    ModelConfig config_;
    ParameterLayout layout_;
    std::vector<float> weights_;
    std::vector<float> inv_freq_;                 // [rotary_dim / 2]
    std::vector<std::vector<float>> decay_rates_; // [layers][heads]; empty for softmax layers
};

} // namespace fulgurite
