// SPDX-License-Identifier: Apache-2.0
#include "core/train/optimizer.h"

#include "core/base/error.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

constexpr std::size_t kBlock = 16384;

// Constants of one update, in the precision of the update.
struct Update {
    float beta1, beta2, rate, decay, scale, first_correction, second_correction, epsilon;

    void apply(float* w, const float* g, float* first, float* second, std::size_t count) const {
        for (std::size_t i = 0; i < count; ++i) {
            const float gradient = g[i] * scale;
            first[i] = beta1 * first[i] + (1.0f - beta1) * gradient;
            second[i] = beta2 * second[i] + (1.0f - beta2) * gradient * gradient;
            const float step = first[i] * first_correction / (std::sqrt(second[i] * second_correction) + epsilon);
            w[i] -= rate * step + decay * w[i];
        }
    }
};

} // namespace

double RateSchedule::at(std::uint64_t step, std::uint64_t steps) const {
    if (step <= warmup) {
        return peak * static_cast<double>(step) / static_cast<double>(warmup);
    }
    const double length = static_cast<double>(std::max<std::uint64_t>(1, steps - std::min(steps, warmup)));
    const double done = std::min(1.0, static_cast<double>(step - warmup) / length);
    const double left = shape == RateShape::Constant ? 1.0
                        : shape == RateShape::Linear ? 1.0 - done
                                                     : 0.5 * (1.0 + std::cos(done * 3.14159265358979323846));
    return peak * (final_fraction + (1.0 - final_fraction) * left);
}

double gradientNorm(std::span<const float> gradients, kernels::ThreadPool& pool) {
    std::vector<double> sums((gradients.size() + kBlock - 1) / kBlock, 0.0);
    pool.parallelFor(sums.size(), 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t block = begin; block < end; ++block) {
            const std::size_t last = std::min(gradients.size(), (block + 1) * kBlock);
            for (std::size_t i = block * kBlock; i < last; ++i) {
                sums[block] += static_cast<double>(gradients[i]) * gradients[i];
            }
        }
    });
    double sum = 0;
    for (const double part : sums) {
        sum += part;
    }
    return std::sqrt(sum);
}

Optimizer::Optimizer(const ModelConfig& config, const ParameterLayout& layout, const OptimizerOptions& options,
                     const kernels::ProductTable& products)
    : options_(options),
      parameters_(layout.parameters()),
      matrices_(options.method == OptimizerMethod::Muon ? layerMatrices(config, layout.slots())
                                                        : std::vector<MatrixPlace>{},
                products),
      first_(layout.size(), 0.0f),
      second_(layout.size(), 0.0f) {
    std::erase_if(parameters_, [&](const Parameter& p) {
        return std::any_of(matrices_.matrices().begin(), matrices_.matrices().end(), [&](const MatrixPlace& m) {
            return m.offset >= p.offset && m.offset < p.offset + p.count;
        });
    });
}

double Optimizer::step(std::span<float> weights, std::span<const float> gradients, double rate,
                       kernels::ThreadPool& pool) {
    const double norm = gradientNorm(gradients, pool);
    if (!std::isfinite(norm)) {
        fail(ErrorKind::InvalidInput, "the gradient of step {} is not finite: lower the learning rate", steps_ + 1);
    }
    ++steps_;
    adam(weights, gradients, rate, options_.clip > 0 && norm > options_.clip ? options_.clip / norm : 1.0, pool);
    const double matrix_rate = rate * options_.matrix_rate;
    matrices_.step(weights, gradients, first_,
                   {static_cast<float>(options_.momentum), static_cast<float>(matrix_rate),
                    static_cast<float>(matrix_rate * options_.weight_decay)},
                   pool);
    return norm;
}

void Optimizer::adam(std::span<float> weights, std::span<const float> gradients, double rate, double scale,
                     kernels::ThreadPool& pool) {
    const double t = static_cast<double>(steps_);
    for (const Parameter& p : parameters_) {
        const double decay = p.role == TensorRole::Norm ? 0.0 : rate * options_.weight_decay;
        const Update update{static_cast<float>(options_.beta1),
                            static_cast<float>(options_.beta2),
                            static_cast<float>(rate),
                            static_cast<float>(decay),
                            static_cast<float>(scale),
                            static_cast<float>(1.0 / (1.0 - std::pow(options_.beta1, t))),
                            static_cast<float>(1.0 / (1.0 - std::pow(options_.beta2, t))),
                            static_cast<float>(options_.epsilon)};
        pool.parallelFor(p.count, kBlock, [&](std::size_t begin, std::size_t end, std::size_t) {
            const std::size_t at = p.offset + begin;
            update.apply(weights.data() + at, gradients.data() + at, first_.data() + at, second_.data() + at,
                         end - begin);
        });
    }
}

void Optimizer::restore(std::uint64_t steps, std::vector<float> first, std::vector<float> second) {
    if (first.size() != first_.size() || second.size() != second_.size()) {
        fail(ErrorKind::Corrupt, "the optimizer's state holds {} and {} numbers, the model has {}", first.size(),
             second.size(), first_.size());
    }
    steps_ = steps;
    first_ = std::move(first);
    second_ = std::move(second);
}

} // namespace fulgurite
