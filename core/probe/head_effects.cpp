// SPDX-License-Identifier: Apache-2.0
#include "core/probe/head_effects.h"

#include "core/model/weights.h"
#include "core/tensor/tensor.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::probe {

namespace {

using Rows = std::vector<float>; // [Q, h]

// W [n, m] as F32 [m, n], so that a product with W^T is an ordinary one. Rows are taken sixteen at a time: each
// then writes a whole cache line.
Rows transposed(const kernels::WeightMatrix& w, kernels::ThreadPool& pool) {
    constexpr std::size_t kBlock = 16;
    Rows out(w.rows * w.cols);
    const auto* bytes = static_cast<const std::byte*>(w.data);
    const auto columns = static_cast<std::int64_t>(w.cols);
    pool.parallelFor(w.rows, kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t first = begin; first < end; first += kBlock) {
            const std::size_t rows = std::min(kBlock, end - first);
            const Rows block = toFloats(
                {w.dtype, {static_cast<std::int64_t>(rows), columns}, bytes + first * w.cols * sizeOf(w.dtype)});
            for (std::size_t c = 0; c < w.cols; ++c) {
                for (std::size_t r = 0; r < rows; ++r) {
                    out[c * w.rows + first + r] = block[r * w.cols + c];
                }
            }
        }
    });
    return out;
}

// The gradient through a frozen norm: x * weight / rms(x), element by element.
void throughNorm(Rows& gradient, const Rows& x, std::span<const float> weight, float eps) {
    const std::size_t width = weight.size();
    for (std::size_t row = 0; row * width < x.size(); ++row) {
        double squares = 0;
        for (std::size_t d = 0; d < width; ++d) {
            squares += static_cast<double>(x[row * width + d]) * x[row * width + d];
        }
        const double scale = 1.0 / std::sqrt(squares / static_cast<double>(width) + eps);
        for (std::size_t d = 0; d < width; ++d) {
            gradient[row * width + d] = static_cast<float>(gradient[row * width + d] * scale * weight[d]);
        }
    }
}

void scale(Rows& values, float factor) {
    for (float& x : values) {
        x *= factor;
    }
}

double dot(const float* a, const float* b, std::size_t count) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        sum += static_cast<double>(a[i]) * b[i];
    }
    return sum;
}

class Backward {
  public:
    Backward(const HybridModel& model, const QueryRows& rows, kernels::Queue& queue)
        : model_(model), weights_(model.weights()), config_(model.config()), rows_(rows), queue_(queue) {}

    HeadEffects run(std::span<const TokenId> targets) {
        const std::size_t heads = static_cast<std::size_t>(config_.num_heads);
        const std::size_t layers = static_cast<std::size_t>(config_.layerCount());
        HeadEffects effects;
        effects.block_share.resize(rows_.positions.size() * layers * heads);
        effects.logit_effect.resize(effects.block_share.size());
        startAt(targets);
        for (std::size_t layer = layers; layer-- > 0;) {
            const LayerWeights& w = weights_.layers[layer];
            // Back over the experts' block to the stream after the attention block.
            scale(gradient_, config_.mlp_scale.alpha);
            if (config_.postnorm) {
                throughNorm(gradient_, rows_.after_attention[layer], w.mlp_norm, config_.rms_norm_eps);
            }
            const ResidualScale& residual =
                w.kind == LayerKind::Lightning ? config_.lightning_scale : config_.softmax_scale;
            project(layer, residual.beta, effects);
            scale(gradient_, residual.alpha);
            if (config_.postnorm) {
                throughNorm(gradient_, rows_.hidden[layer], w.input_norm, config_.rms_norm_eps);
            }
        }
        return effects;
    }

  private:
    // The head's rows of the targets, through the final norm.
    void startAt(std::span<const TokenId> targets) {
        const std::size_t width = static_cast<std::size_t>(config_.hidden_size);
        gradient_.resize(targets.size() * width);
        model_.ops().embed({weights_.head, targets.data(), targets.size(), gradient_.data()}, queue_);
        throughNorm(gradient_, rows_.hidden.back(), weights_.final_norm, config_.rms_norm_eps);
    }

    // Pulls the gradient and the block's own output back through the output projection and reads off every head.
    void project(std::size_t layer, float beta, HeadEffects& effects) {
        const LayerWeights& w = weights_.layers[layer];
        const kernels::WeightMatrix& out = w.kind == LayerKind::Lightning ? w.lightning.out : w.softmax.out;
        const Rows columns = transposed(out, queue_.pool());
        const kernels::WeightMatrix matrix{columns.data(), DType::F32, out.cols, out.rows};
        const std::size_t count = rows_.positions.size();
        const std::size_t width = out.rows;
        const std::size_t inner = out.cols;
        Rows from_logit(count * inner);
        Rows from_block(count * inner);
        const Rows& block = rows_.attention[layer];
        const kernels::LinearTask tasks[] = {{gradient_.data(), width, count, matrix, from_logit.data(), inner},
                                             {block.data(), width, count, matrix, from_block.data(), inner}};
        model_.ops().linear(std::span(tasks), queue_);
        const std::size_t heads = static_cast<std::size_t>(config_.num_heads);
        const std::size_t dim = static_cast<std::size_t>(config_.head_dim);
        for (std::size_t i = 0; i < count; ++i) {
            const double whole = dot(block.data() + i * width, block.data() + i * width, width);
            for (std::size_t h = 0; h < heads; ++h) {
                const std::size_t slice = i * inner + h * dim;
                const float* z = rows_.gated[layer].data() + slice;
                const std::size_t at = (i * static_cast<std::size_t>(config_.layerCount()) + layer) * heads + h;
                // A block that adds nothing has no parts.
                effects.block_share[at] =
                    whole > 0 ? static_cast<float>(dot(z, from_block.data() + slice, dim) / whole) : 0.0f;
                effects.logit_effect[at] = static_cast<float>(beta * dot(z, from_logit.data() + slice, dim));
            }
        }
    }

    const HybridModel& model_;
    const ModelWeights& weights_;
    const ModelConfig& config_;
    const QueryRows& rows_;
    kernels::Queue& queue_;
    Rows gradient_; // [Q, h]: of the targets' logits, at the place that the walk has reached
};

} // namespace

HeadEffects headEffects(const HybridModel& model, const QueryRows& rows, std::span<const TokenId> targets,
                        kernels::Queue& queue) {
    return Backward(model, rows, queue).run(targets);
}

} // namespace fulgurite::probe
