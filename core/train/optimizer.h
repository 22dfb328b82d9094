// SPDX-License-Identifier: Apache-2.0
// AdamW with clipping by the gradient's norm, and the schedule of its rate. Source: Kingma and Ba 2015; Loshchilov
// and Hutter 2019 (decay apart from the gradient).
#pragma once

#include "core/train/parameters.h"
#include "kernels/pool.h"

#include <cstdint>
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

struct AdamOptions {
    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double weight_decay = 0.1; // of matrices; norms are left alone
    double clip = 1.0;         // largest norm of the whole gradient; 0 for no limit
    bool operator==(const AdamOptions&) const = default;
};

class AdamW {
  public:
    AdamW(const ParameterLayout& layout, const AdamOptions& options);

    // One update of `weights` from `gradients`, both of the layout. Returns the norm before clipping. Throws
    // Error{InvalidInput} when it is not finite, and changes nothing then. The result does not depend on the pool.
    double step(std::span<float> weights, std::span<const float> gradients, double rate, kernels::ThreadPool& pool);

    std::uint64_t steps() const { return steps_; }
    const std::vector<float>& firstMoment() const { return first_; }
    const std::vector<float>& secondMoment() const { return second_; }
    // From a checkpoint; sizes are those of the layout.
    void restore(std::uint64_t steps, std::vector<float> first, std::vector<float> second);

  private:
    AdamOptions options_;
    std::vector<Parameter> parameters_;
    std::vector<float> first_;
    std::vector<float> second_;
    std::uint64_t steps_ = 0;
};

// Root of the sum of squares, in double over blocks of fixed size.
double gradientNorm(std::span<const float> gradients, kernels::ThreadPool& pool);

} // namespace fulgurite
