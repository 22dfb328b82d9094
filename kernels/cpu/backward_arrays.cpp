// SPDX-License-Identifier: Apache-2.0
// What a loop over updates does with whole arrays of weights, gradients and moments.
#include "kernels/cpu/ops_backward.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::kernels {

namespace {

// Fixed, so that a sum does not depend on the number of workers.
constexpr std::size_t kBlock = 16384;
constexpr std::size_t kCopyGrain = std::size_t{1} << 16;

} // namespace

void cpuAdam(const AdamParams& p, Queue& queue) {
    queue.pool().parallelFor(p.count, kBlock, [&p](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t i = begin; i < end; ++i) {
            const float gradient = p.gradients[i] * p.scale;
            p.first[i] = p.beta1 * p.first[i] + (1.0f - p.beta1) * gradient;
            p.second[i] = p.beta2 * p.second[i] + (1.0f - p.beta2) * gradient * gradient;
            const float step =
                p.first[i] * p.first_correction / (std::sqrt(p.second[i] * p.second_correction) + p.epsilon);
            p.weights[i] -= p.rate * step + p.decay * p.weights[i];
        }
    });
}

double cpuSquareSum(const float* x, std::size_t count, Queue& queue) {
    std::vector<double> sums((count + kBlock - 1) / kBlock, 0.0);
    queue.pool().parallelFor(sums.size(), 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t block = begin; block < end; ++block) {
            const std::size_t last = std::min(count, (block + 1) * kBlock);
            for (std::size_t i = block * kBlock; i < last; ++i) {
                sums[block] += static_cast<double>(x[i]) * x[i];
            }
        }
    });
    double sum = 0;
    for (const double part : sums) {
        sum += part;
    }
    return sum;
}

void cpuClear(float* x, std::size_t count, Queue& queue) {
    queue.pool().parallelFor(count, kCopyGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        std::fill(x + begin, x + end, 0.0f);
    });
}

void cpuCopy(const float* from, std::size_t count, float* to, Queue& queue) {
    queue.pool().parallelFor(count, kCopyGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        std::copy(from + begin, from + end, to + begin);
    });
}

void cpuRoundBf16(const float* from, std::size_t count, float* to, Queue& queue) {
    queue.pool().parallelFor(count, kCopyGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        std::transform(from + begin, from + end, to + begin,
                       [](float value) { return bf16ToFloat(floatToBf16(value)); });
    });
}

} // namespace fulgurite::kernels
