// SPDX-License-Identifier: Apache-2.0
// One forward and backward pass over a batch of token sequences: the arithmetic of core/model with activations
// kept.
#pragma once

#include "core/base/types.h"
#include "core/train/train_model.h"
#include "kernels/backward_ops.h"
#include "kernels/bf16_products.h"
#include "kernels/pool.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace fulgurite {

// Sequences one after another; each begins at position 0 with an empty state and sees itself alone.
struct TrainBatch {
    std::span<const TokenId> tokens;
    std::span<const std::size_t> lengths; // of the sequences; they add up to tokens.size()
    std::span<const TokenId> targets;     // [tokens]: the token to predict from each; kNoTarget for none
    static constexpr TokenId kNoTarget = -1;
};

// Some rows with a target, in batch order, and what the loss wants of them.
struct TargetRows {
    std::size_t first = 0;              // index of the first among all rows with a target
    std::span<const std::int32_t> rows; // their places in the batch
    std::span<const float> log_probs;   // of the targets
    std::span<const float> entropies;   // nats
    std::span<float> dlog_probs;        // out: gradient of the loss with respect to log_probs; zero on entry
    std::span<float> dentropies;        // likewise
};
using Objective = std::function<void(const TargetRows&)>;

// Of the last product, from the normalised stream to the logits.
enum class HeadArithmetic : std::uint8_t {
    Float32,  // as everywhere in this program
    Bfloat16, // inputs, weights and logits rounded: what inference in bfloat16 would compute
};

// Of the products of the layers. Router and head are computed in float32 in any case: a router that rounds chooses
// other experts, and rounding the head is what sets training and inference apart (MiniMax-M1 report).
enum class Arithmetic : std::uint8_t {
    Float32,
    Bfloat16, // inputs rounded, sums in float32; see kernels/bf16_products.h
};

// What answers are written with, beside a training pass whose head is float32. Layers in bfloat16: weights and
// whatever passes from one operation to the next are rounded, as where a model is served in bfloat16
// (kernels/rounded_ops.h); the router stays in float32.
struct RolloutArithmetic {
    Arithmetic layers = Arithmetic::Float32;
    HeadArithmetic head = HeadArithmetic::Float32;
    bool operator==(const RolloutArithmetic&) const = default;
};

// What a pass in that arithmetic multiplies with. Throws Error{Unsupported} where this processor lacks it.
const kernels::ProductTable& productsOf(Arithmetic arithmetic);

struct BackwardOptions {
    float temperature = 1;         // divides the logits
    double balance = 0;            // coefficient of the load-balance loss, averaged over layers
    bool entropy_gradient = false; // whether the objective writes dentropies
};

class TrainPass {
  public:
    // Refers to both, and computes where the model is placed; `gradients` of backward() lie there and have the
    // layout of `model`. Throws Error{Unsupported} for an arithmetic that this processor lacks.
    TrainPass(const TrainModel& model, kernels::ThreadPool& pool, Arithmetic arithmetic = Arithmetic::Float32);
    TrainPass(const TrainModel& model, kernels::ThreadPool& pool, const kernels::OpTable& ops,
              const kernels::BackwardOpTable& backward_ops);
    ~TrainPass();
    TrainPass(const TrainPass&) = delete;
    TrainPass& operator=(const TrainPass&) = delete;

    // Throws Error{InvalidInput} for a token or target outside the vocabulary and for lengths that do not add up.
    void forward(const TrainBatch& batch);
    // After forward(): the log-probabilities (and entropies) of the targets. No gradient.
    void evaluate(const Objective& read, float temperature = 1, HeadArithmetic head = HeadArithmetic::Float32);
    // After forward(): how much more than its share the busiest expert had, max over e of (choices of e * experts /
    // choices) - 1, the mean over layers. 0 when all are used alike.
    double maxViolation() const;
    // After forward(), once: adds the gradients of the objective and of the load-balance loss. Returns that loss
    // without its coefficient, the mean over layers of experts * sum over e of (choices of e per token) (mean p_e):
    // top_k when all experts are used alike.
    double backward(const Objective& objective, const BackwardOptions& options, std::span<float> gradients);
    // Zeros, before the gradients of an update are added up.
    void clear(std::span<float> gradients);

    // Bytes that a batch of so many tokens keeps between forward and backward.
    static double activationBytes(const ModelConfig& config, std::size_t tokens);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace fulgurite
