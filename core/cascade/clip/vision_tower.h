// SPDX-License-Identifier: Apache-2.0
// The vision transformer of CLIP (Radford et al. 2021) up to its last layer. Other models put it before a language
// model and take its rows as they come (MiniMax-VL-01 drops the class token); so there is no pooling here.
#pragma once

#include "core/cascade/clip/clip_config.h"
#include "core/checkpoint/checkpoint.h"

#include <vector>

namespace fulgurite::clip {

// Where a tower computes and its scratch memory; one for each thread that calls.
struct ClipRuntime {
    explicit ClipRuntime(kernels::ThreadPool& threads, EncoderOps operations = EncoderOps::best())
        : pool(threads), ops(operations) {}

    kernels::ThreadPool& pool;
    EncoderOps ops;
    EncoderWorkspace workspace;
    std::vector<float> patches;
    std::vector<float> embedded;
    std::vector<float> hidden;
    std::vector<float> pooled;
};

class VisionTower {
  public:
    // Tensors under `prefix`, such as "vision_model.". Problems stay with the binder.
    VisionTower(const VisionConfig& config, TensorBinder& binder, const std::string& prefix);

    const VisionConfig& config() const { return config_; }
    // pixels [count, 3, image_size, image_size] -> hidden [count, tokens, width]: the output of the last layer.
    void forward(const float* pixels, std::size_t count, float* hidden, ClipRuntime& runtime) const;

  private:
    void embed(const float* pixels, std::size_t count, float* hidden, ClipRuntime& runtime) const;

    VisionConfig config_;
    kernels::WeightMatrix patch_;  // [width, 3 * patch * patch]
    std::vector<float> class_;     // [width]
    std::vector<float> positions_; // [tokens, width]
    LayerNormWeights first_norm_;
    std::vector<EncoderLayer> layers_;
};

} // namespace fulgurite::clip
