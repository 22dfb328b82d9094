// SPDX-License-Identifier: Apache-2.0
// AdamW, alone or with Muon for the matrices of the layers, clipping by the gradient's norm, and the schedule of
// the rate. Source: Kingma and Ba 2015; Loshchilov and Hutter 2019 (decay apart from the gradient); of Muon see
// orthogonal_update.h.
#pragma once

#include "core/train/orthogonal_update.h"
#include "core/train/parameters.h"
#include "kernels/bf16_products.h"
#include "kernels/float_array.h"
#include "kernels/pool.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fulgurite {

enum class RateShape : std::uint8_t { Constant, Linear, Cosine };

struct RateSchedule {
    double peak = 1e-3;
    std::uint64_t warmup = 0; // steps; rises linearly from peak / warmup
    RateShape shape = RateShape::Cosine;
    double final_fraction = 0.1; // of the peak, at the last step

    // Of step `step`, counted from 1, of `steps`.
    double at(std::uint64_t step, std::uint64_t steps) const;
    bool operator==(const RateSchedule&) const = default;
};

enum class OptimizerMethod : std::uint8_t {
    AdamW,
    Muon, // for the matrices of the layers; AdamW for embedding, head, routers and norms
};

struct OptimizerOptions {
    OptimizerMethod method = OptimizerMethod::AdamW;
    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double weight_decay = 0.1; // of matrices; norms are left alone
    double clip = 1.0;         // largest norm of the whole gradient for AdamW; 0 for no limit. Muon knows no length
    double momentum = 0.95;    // of Muon
    double matrix_rate = 7;    // of Muon: its rate in units of the schedule's, which is AdamW's
    bool operator==(const OptimizerOptions&) const = default;
};

class Optimizer {
  public:
    // `products`: what Muon computes with. `device`: where weights, gradients and moments lie; null: the host.
    // Throws Error{Unsupported} for Muon on a device.
    Optimizer(const ModelConfig& config, const ParameterLayout& layout, const OptimizerOptions& options,
              const kernels::ProductTable& products, const std::shared_ptr<kernels::Device>& device = nullptr);

    // One update of `weights` from `gradients`, both of the layout. Returns the norm before clipping. Throws
    // Error{InvalidInput} when it is not finite, and changes nothing then. The result does not depend on the pool.
    double step(std::span<float> weights, std::span<const float> gradients, double rate, kernels::ThreadPool& pool);

    std::uint64_t steps() const { return steps_; }
    // Momentum where Muon updates.
    std::vector<float> firstMoment() const { return first_.values(); }
    // Zero where Muon updates.
    std::vector<float> secondMoment() const { return second_.values(); }
    // From a checkpoint; sizes are those of the layout.
    void restore(std::uint64_t steps, const std::vector<float>& first, const std::vector<float>& second);

  private:
    void adam(std::span<float> weights, std::span<const float> gradients, double rate, double scale,
              kernels::Queue& queue);

    OptimizerOptions options_;
    std::vector<Parameter> parameters_;            // of AdamW
    OrthogonalUpdate matrices_;                    // of Muon
    std::unique_ptr<kernels::DeviceQueue> stream_; // null: the host
    const kernels::BackwardOpTable& ops_;
    kernels::FloatArray first_;
    kernels::FloatArray second_;
    std::uint64_t steps_ = 0;
};

} // namespace fulgurite
