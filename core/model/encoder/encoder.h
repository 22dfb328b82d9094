// SPDX-License-Identifier: Apache-2.0
// A stack of transformer encoder blocks in float32, the one that BERT and CLIP share. What comes before and after
// (embeddings, final norm, pooling, projections) belongs to the model that uses it.
//
// Post norm (BERT, Devlin et al. 2018):  y = LN1(x + attention(x)),      z = LN2(y + mlp(y))
// Pre norm (CLIP, Radford et al. 2021):  y = x + attention(LN1(x)),      z = y + mlp(LN2(y))
// attention(u) = W_o concat_h(softmax(q_h k_h / sqrt(head_dim)) v_h) + b_o, mlp(u) = W_2 act(W_1 u + b_1) + b_2.
#pragma once

#include "core/checkpoint/checkpoint.h"
#include "kernels/encoder_ops.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fulgurite {

enum class NormPlace : std::uint8_t { Post, Pre };

struct EncoderShape {
    int layers = 0;
    int width = 0;
    int heads = 0; // head_dim is width / heads
    int intermediate = 0;
    NormPlace norm = NormPlace::Post;
    kernels::Activation activation = kernels::Activation::Gelu;
    float norm_eps = 1e-12f;
    bool causal = false; // CLIP's text tower

    int headDim() const { return width / heads; }
};

// Matrices are [outputs, inputs] in their file mapping, F32, BF16 or F16; biases and norms are widened to float32.
struct AffineWeights {
    kernels::WeightMatrix weight;
    std::vector<float> bias; // [outputs]
};

struct LayerNormWeights {
    std::vector<float> weight; // [width]
    std::vector<float> bias;   // [width]
};

struct EncoderLayer {
    AffineWeights q; // [width, width], as k, v and out
    AffineWeights k;
    AffineWeights v;
    AffineWeights out;
    AffineWeights up;                // [intermediate, width]
    AffineWeights down;              // [width, intermediate]
    LayerNormWeights attention_norm; // LN1 above
    LayerNormWeights mlp_norm;       // LN2
};

// What the tensors of one layer are called after the layer's prefix; ".weight" and ".bias" follow.
struct EncoderLayerNames {
    std::string q, k, v, out, up, down, attention_norm, mlp_norm;
    static EncoderLayerNames bert(); // "attention.self.query", ...
    static EncoderLayerNames clip(); // "self_attn.q_proj", ...
};

AffineWeights takeAffine(TensorBinder& binder, const std::string& name, std::int64_t outputs, std::int64_t inputs);
LayerNormWeights takeLayerNorm(TensorBinder& binder, const std::string& name, std::int64_t width);
// Layer i under `prefix` + "i.", e.g. "encoder.layer.". Problems stay with the binder, whose finish() reports them.
std::vector<EncoderLayer> takeEncoderLayers(TensorBinder& binder, const EncoderShape& shape,
                                            const std::string& prefix, const EncoderLayerNames& names);

// Hears what a layer's output projection takes in.
class EncoderTap {
  public:
    virtual ~EncoderTap() = default;
    virtual bool wants(int layer) const = 0;
    // context: [rows, heads, head_dim], rows as in EncoderBatch; valid during the call. On the caller's thread.
    virtual void onContext(int layer, std::span<const float> context) = 0;
};

// Sequences lie one after another in the rows, without padding: a row sees those of its own sequence only.
struct EncoderBatch {
    std::span<const std::size_t> lengths; // tokens of each sequence, none zero
    float* hidden = nullptr;              // [sum of lengths, width]: taken in and overwritten with the output
};

// Scratch memory of forward passes, reused and grown. One for each thread that calls.
class EncoderWorkspace {
  public:
    EncoderWorkspace();
    ~EncoderWorkspace();
    EncoderWorkspace(EncoderWorkspace&&) noexcept;
    EncoderWorkspace& operator=(EncoderWorkspace&&) noexcept;

    struct Buffers;
    Buffers& buffers() { return *buffers_; }

  private:
    std::unique_ptr<Buffers> buffers_;
};

// The operations of one device.
struct EncoderOps {
    const kernels::OpTable& common;
    const kernels::EncoderOpTable& encoder;
    static EncoderOps best() { return {kernels::bestCpuOps(), kernels::bestCpuEncoderOps()}; }
};

// The queue that the workspace keeps for `pool`, for what a model computes around its blocks.
kernels::Queue& queueOf(EncoderWorkspace& workspace, kernels::ThreadPool& pool);

// An output depends neither on the other sequences of the batch nor on the number of threads.
void runEncoder(const EncoderShape& shape, std::span<const EncoderLayer> layers, const EncoderBatch& batch,
                const EncoderOps& ops, kernels::ThreadPool& pool, EncoderWorkspace& workspace,
                EncoderTap* tap = nullptr);

} // namespace fulgurite
