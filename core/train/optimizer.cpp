// SPDX-License-Identifier: Apache-2.0
#include "core/train/optimizer.h"

#include "core/base/error.h"
#include "core/state/device_call.h"
#include "kernels/device_training.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

const kernels::BackwardOpTable& opsOf(const std::shared_ptr<kernels::Device>& device) {
    return device ? onDevice([]() -> const auto& { return *kernels::cudaTraining().gradients; })
                  : kernels::bestCpuBackwardOps();
}

kernels::FloatArray moments(const ParameterLayout& layout, const std::shared_ptr<kernels::Device>& device) {
    return onDevice([&] { return kernels::FloatArray(layout.size(), device, "the optimizer's moments"); });
}

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

Optimizer::Optimizer(const ModelConfig& config, const ParameterLayout& layout, const OptimizerOptions& options,
                     const kernels::ProductTable& products, const std::shared_ptr<kernels::Device>& device)
    : options_(options),
      parameters_(layout.parameters()),
      matrices_(options.method == OptimizerMethod::Muon ? layerMatrices(config, layout.slots())
                                                        : std::vector<MatrixPlace>{},
                products),
      stream_(device ? onDevice([&] { return device->newQueue(); }) : nullptr),
      ops_(opsOf(device)),
      first_(moments(layout, device)),
      second_(moments(layout, device)) {
    if (device && options.method == OptimizerMethod::Muon) {
        fail(ErrorKind::Unsupported, "Muon computes on the processor only: train with \"method\": \"adamw\" of the "
                                     "optimizer, or on the cpu");
    }
    std::erase_if(parameters_, [&](const Parameter& p) {
        return std::any_of(matrices_.matrices().begin(), matrices_.matrices().end(), [&](const MatrixPlace& m) {
            return m.offset >= p.offset && m.offset < p.offset + p.count;
        });
    });
}

double Optimizer::step(std::span<float> weights, std::span<const float> gradients, double rate,
                       kernels::ThreadPool& pool) {
    kernels::Queue queue(pool, stream_.get());
    const double norm =
        std::sqrt(onDevice([&] { return ops_.square_sum(gradients.data(), gradients.size(), queue); }));
    if (!std::isfinite(norm)) {
        fail(ErrorKind::InvalidInput, "the gradient of step {} is not finite: lower the learning rate", steps_ + 1);
    }
    ++steps_;
    onDevice([&] {
        adam(weights, gradients, rate, options_.clip > 0 && norm > options_.clip ? options_.clip / norm : 1.0,
             queue);
        if (stream_) {
            stream_->wait();
        }
    });
    const double matrix_rate = rate * options_.matrix_rate;
    matrices_.step(weights, gradients, first_,
                   {static_cast<float>(options_.momentum), static_cast<float>(matrix_rate),
                    static_cast<float>(matrix_rate * options_.weight_decay)},
                   pool);
    return norm;
}

void Optimizer::adam(std::span<float> weights, std::span<const float> gradients, double rate, double scale,
                     kernels::Queue& queue) {
    const double t = static_cast<double>(steps_);
    for (const Parameter& p : parameters_) {
        const double decay = p.role == TensorRole::Norm ? 0.0 : rate * options_.weight_decay;
        ops_.adam({.weights = weights.data() + p.offset,
                   .gradients = gradients.data() + p.offset,
                   .first = first_.data() + p.offset,
                   .second = second_.data() + p.offset,
                   .count = p.count,
                   .beta1 = static_cast<float>(options_.beta1),
                   .beta2 = static_cast<float>(options_.beta2),
                   .rate = static_cast<float>(rate),
                   .decay = static_cast<float>(decay),
                   .scale = static_cast<float>(scale),
                   .first_correction = static_cast<float>(1.0 / (1.0 - std::pow(options_.beta1, t))),
                   .second_correction = static_cast<float>(1.0 / (1.0 - std::pow(options_.beta2, t))),
                   .epsilon = static_cast<float>(options_.epsilon)},
                  queue);
    }
}

void Optimizer::restore(std::uint64_t steps, const std::vector<float>& first, const std::vector<float>& second) {
    if (first.size() != first_.size() || second.size() != second_.size()) {
        fail(ErrorKind::Corrupt, "the optimizer's state holds {} and {} numbers, the model has {}", first.size(),
             second.size(), first_.size());
    }
    steps_ = steps;
    onDevice([&] {
        first_.assign(first.data());
        second_.assign(second.data());
    });
}

} // namespace fulgurite
