// SPDX-License-Identifier: Apache-2.0
#include "core/model/encoder/encoder.h"

#include "core/model/activations.h"

#include <numeric>
#include <optional>

namespace fulgurite {

struct EncoderWorkspace::Buffers {
    std::optional<kernels::Queue> queue; // for the pool of the last call
    FloatBuffer normed;                  // [rows, width]: pre norm only
    FloatBuffer qkv;                     // [rows, 3 * width]
    FloatBuffer context;                 // [rows, width]
    FloatBuffer branch;                  // [rows, width]
    FloatBuffer inner;                   // [rows, intermediate]
};

EncoderWorkspace::EncoderWorkspace() : buffers_(std::make_unique<Buffers>()) {}
EncoderWorkspace::~EncoderWorkspace() = default;
EncoderWorkspace::EncoderWorkspace(EncoderWorkspace&&) noexcept = default;
EncoderWorkspace& EncoderWorkspace::operator=(EncoderWorkspace&&) noexcept = default;

kernels::Queue& queueOf(EncoderWorkspace& workspace, kernels::ThreadPool& pool) {
    std::optional<kernels::Queue>& queue = workspace.buffers().queue;
    if (!queue || &queue->pool() != &pool) {
        queue.emplace(pool);
    }
    return *queue;
}

namespace {

using kernels::Activation;

// One call of runEncoder.
class EncoderPass {
  public:
    EncoderPass(const EncoderShape& shape, const EncoderBatch& batch, const EncoderOps& ops, kernels::Queue& queue,
                EncoderWorkspace::Buffers& buffers, EncoderTap* tap)
        : shape_(shape),
          batch_(batch),
          ops_(ops),
          queue_(queue),
          tap_(tap),
          rows_(std::accumulate(batch.lengths.begin(), batch.lengths.end(), std::size_t{0})),
          width_(static_cast<std::size_t>(shape.width)),
          normed_(shape.norm == NormPlace::Pre ? buffers.normed.atLeast(rows_ * width_) : batch.hidden),
          qkv_(buffers.qkv.atLeast(rows_ * 3 * width_)),
          context_(buffers.context.atLeast(rows_ * width_)),
          branch_(buffers.branch.atLeast(rows_ * width_)),
          inner_(buffers.inner.atLeast(rows_ * static_cast<std::size_t>(shape.intermediate))) {}

    void layer(int index, const EncoderLayer& w) {
        const bool pre = shape_.norm == NormPlace::Pre;
        if (pre) {
            norm(w.attention_norm, batch_.hidden, normed_);
        }
        attention(index, w);
        addBranch();
        norm(pre ? w.mlp_norm : w.attention_norm, batch_.hidden, normed_);
        affine(w.up, normed_, width_, inner_, shape_.activation);
        affine(w.down, inner_, static_cast<std::size_t>(shape_.intermediate), branch_, Activation::None);
        addBranch();
        if (!pre) {
            norm(w.mlp_norm, batch_.hidden, batch_.hidden);
        }
    }

  private:
    void norm(const LayerNormWeights& w, const float* x, float* out) {
        ops_.encoder.layer_norm({x, w.weight.data(), w.bias.data(), out, rows_, width_, shape_.norm_eps}, queue_);
    }

    void affine(const AffineWeights& w, const float* x, std::size_t inputs, float* y, Activation activation) {
        const kernels::LinearTask task[] = {{x, inputs, rows_, w.weight, y, w.weight.rows}};
        ops_.common.linear(std::span(task), queue_);
        ops_.encoder.bias({y, w.bias.data(), rows_, w.weight.rows, activation}, queue_);
    }

    void attention(int index, const EncoderLayer& w) {
        // Each part is contiguous, so that its bias is added like any other: [3][rows, width].
        const std::size_t part = rows_ * width_;
        const AffineWeights* const sources[] = {&w.q, &w.k, &w.v};
        kernels::LinearTask tasks[3];
        for (std::size_t i = 0; i < 3; ++i) {
            tasks[i] = {normed_, width_, rows_, sources[i]->weight, qkv_ + i * part, width_};
        }
        ops_.common.linear(std::span(tasks), queue_);
        for (std::size_t i = 0; i < 3; ++i) {
            ops_.encoder.bias({qkv_ + i * part, sources[i]->bias.data(), rows_, width_, Activation::None}, queue_);
        }
        ops_.encoder.attention({.q = qkv_,
                                .k = qkv_ + part,
                                .v = qkv_ + 2 * part,
                                .stride = width_,
                                .lengths = batch_.lengths.data(),
                                .sequences = batch_.lengths.size(),
                                .heads = static_cast<std::size_t>(shape_.heads),
                                .head_dim = static_cast<std::size_t>(shape_.headDim()),
                                .causal = shape_.causal,
                                .out = context_},
                               queue_);
        if (tap_ != nullptr && tap_->wants(index)) {
            tap_->onContext(index, {context_, part});
        }
        affine(w.out, context_, width_, branch_, Activation::None);
    }

    void addBranch() {
        ops_.common.residual({batch_.hidden, branch_, batch_.hidden, rows_ * width_, 1.0f, 1.0f}, queue_);
    }

    const EncoderShape& shape_;
    const EncoderBatch& batch_;
    const EncoderOps& ops_;
    kernels::Queue& queue_;
    EncoderTap* tap_;
    std::size_t rows_;
    std::size_t width_;
    float* normed_; // what a block takes in: post norm, the stream itself
    float* qkv_;
    float* context_;
    float* branch_;
    float* inner_;
};

} // namespace

void runEncoder(const EncoderShape& shape, std::span<const EncoderLayer> layers, const EncoderBatch& batch,
                const EncoderOps& ops, kernels::ThreadPool& pool, EncoderWorkspace& workspace, EncoderTap* tap) {
    EncoderPass pass(shape, batch, ops, queueOf(workspace, pool), workspace.buffers(), tap);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        pass.layer(static_cast<int>(i), layers[i]);
    }
}

} // namespace fulgurite
