// SPDX-License-Identifier: Apache-2.0
// A CLIP dual encoder from a Hugging Face folder: config.json, model.safetensors (or shards),
// preprocessor_config.json, tokenizer. Computes in float32 on weights as they lie in their files.
#pragma once

#include "core/cascade/clip/clip_config.h"
#include "core/cascade/clip/clip_tokenizer.h"
#include "core/cascade/clip/preprocess.h"
#include "core/cascade/clip/vision_tower.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fulgurite::clip {

// Token embeddings, causal layers, final norm, and the row of the end token.
class TextTower {
  public:
    TextTower(const TextConfig& config, TensorBinder& binder, const std::string& prefix);

    // pooled [texts, width]. Every text has 1 to `positions` ids below the vocabulary's size.
    void forward(std::span<const TokenIds> texts, float* pooled, ClipRuntime& runtime) const;

  private:
    TextConfig config_;
    kernels::WeightMatrix tokens_; // [vocabulary, width]
    std::vector<float> positions_; // [positions, width]
    std::vector<EncoderLayer> layers_;
    LayerNormWeights final_norm_;
};

// Where the end token stands: the first occurrence of the largest id when the configuration carries the published
// value 2 or that id is the vocabulary's last, else of `config.end`; the last place when there is none.
std::size_t pooledPosition(const TextConfig& config, std::span<const TokenId> ids);

class ClipModel {
  public:
    // A folder with one tower only is fine. Throws Error that names the file, the field or all tensors that do not
    // fit.
    static std::shared_ptr<const ClipModel> load(const std::filesystem::path& folder);

    const std::filesystem::path& folder() const { return checkpoint_.folder(); }
    const ClipConfig& config() const { return config_; }
    const Preprocess& preprocessing() const { return preprocess_; }
    std::size_t width() const { return static_cast<std::size_t>(config_.projection); }
    bool hasVision() const { return vision_.has_value(); }
    bool hasText() const { return text_.has_value(); }
    // SHA-256 over everything that an image's vector depends on: all weights and settings.
    const std::string& hash() const { return hash_; }

    std::size_t pixelCount() const; // of one picture: 3 * image_size^2
    void preprocess(const image::Image& picture, float* pixels) const;
    // Throws Error{Unsupported} for a model without the tower, as the encode functions do.
    TokenIds tokenize(std::string_view text) const;

    // out [count, width()], rows of length 1. A row does not depend on the others of the batch.
    void encodePixels(const float* pixels, std::size_t count, float* out, ClipRuntime& runtime) const;
    void encodeTexts(std::span<const TokenIds> texts, float* out, ClipRuntime& runtime) const;

  private:
    explicit ClipModel(const std::filesystem::path& folder);
    void project(const kernels::WeightMatrix& weight, const float* pooled, std::size_t rows, float* out,
                 ClipRuntime& runtime) const;

    ClipConfig config_;
    Preprocess preprocess_;
    Checkpoint checkpoint_;
    std::optional<ClipTokenizer> tokenizer_;
    std::optional<VisionTower> vision_;
    LayerNormWeights post_norm_;
    kernels::WeightMatrix image_projection_; // [projection, vision width]
    std::optional<TextTower> text_;
    kernels::WeightMatrix text_projection_; // [projection, text width]
    std::string hash_;
};

} // namespace fulgurite::clip
