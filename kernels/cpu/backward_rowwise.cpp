// SPDX-License-Identifier: Apache-2.0
// Gradients of operations that treat rows or elements one by one.
#include "kernels/cpu/ops_backward.h"
#include "kernels/cpu/ops_cpu.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::kernels {

namespace {

// Elements below which waking another worker costs more than it saves.
constexpr std::size_t kGrain = 16384;
// Rows whose share of a norm's weight gradient is summed on its own. Fixed, so that the sum does not depend on the
// number of workers.
constexpr std::size_t kNormBlock = 64;
constexpr std::size_t kSlotPartialSums = 0;

std::size_t rowGrain(std::size_t width) {
    return std::max<std::size_t>(1, kGrain / std::max<std::size_t>(1, width));
}

} // namespace

void cpuEmbedGrad(const SimdKernels& simd, const EmbedGrad& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        simd.add_scaled(p.dtable + static_cast<std::size_t>(p.ids[r]) * p.width, p.dout + r * p.width, 1.0f,
                        p.width, false);
    }
}

void cpuNormGrad(const SimdBackwardKernels& simd, const NormGrad& p, const float* gate, float* dgate,
                 Queue& queue) {
    const std::size_t blocks = (p.rows + kNormBlock - 1) / kNormBlock;
    float* partial = queue.scratch(kSlotPartialSums, blocks * p.width);
    queue.pool().parallelFor(blocks, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t block = begin; block < end; ++block) {
            const std::size_t first = block * kNormBlock;
            const std::size_t offset = first * p.width;
            NormRowsGrad rows;
            rows.x = p.x + offset;
            rows.weight = p.weight;
            rows.gate = gate == nullptr ? nullptr : gate + offset;
            rows.dout = p.dout + offset;
            rows.dx = p.dx + offset;
            rows.dgate = dgate == nullptr ? nullptr : dgate + offset;
            rows.dweight = partial + block * p.width;
            rows.rows = std::min(kNormBlock, p.rows - first);
            rows.width = p.width;
            rows.eps = p.eps;
            rows.add = p.add;
            simd.norm_rows(rows);
        }
    });
    for (std::size_t block = 0; block < blocks; ++block) {
        for (std::size_t i = 0; i < p.width; ++i) {
            p.dweight[i] += partial[block * p.width + i];
        }
    }
}

void cpuSiluGrad(const SimdBackwardKernels& simd, const SiluGrad& p, Queue& queue) {
    queue.pool().parallelFor(p.count, kGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        simd.silu(p.x + begin, p.dout + begin, p.dx + begin, end - begin);
    });
}

void cpuSwigluGrad(const SimdBackwardKernels& simd, const SwigluGrad& p, Queue& queue) {
    queue.pool().parallelFor(p.count, kGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        simd.swiglu(p.gate + begin, p.up + begin, p.dout + begin, p.dgate + begin, p.dup + begin, end - begin);
    });
}

void cpuResidualGrad(const SimdKernels& simd, const ResidualGrad& p, Queue& queue) {
    queue.pool().parallelFor(p.count, kGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        simd.add_scaled(p.dresidual + begin, p.dout + begin, p.alpha, end - begin, !p.add);
        simd.add_scaled(p.dbranch + begin, p.dout + begin, p.beta, end - begin, true);
    });
}

void cpuCombineGrad(const SimdKernels& simd, const SimdBackwardKernels& backward, const CombineGrad& p,
                    Queue& queue) {
    queue.pool().parallelFor(p.rows, rowGrain(p.width * p.top_k),
                             [&](std::size_t begin, std::size_t end, std::size_t) {
                                 for (std::size_t at = begin * p.top_k; at < end * p.top_k; ++at) {
                                     const float* dout = p.dout + at / p.top_k * p.width;
                                     const std::size_t offset = static_cast<std::size_t>(p.slots[at]) * p.width;
                                     p.dweights[at] = backward.dot(dout, p.expert_out + offset, p.width);
                                     simd.add_scaled(p.dexpert_out + offset, dout, p.weights[at], p.width, true);
                                 }
                             });
}

void cpuScatterGrad(const SimdKernels& simd, const ScatterGrad& p, Queue& queue) {
    queue.pool().parallelFor(p.rows, rowGrain(p.width * p.top_k),
                             [&](std::size_t begin, std::size_t end, std::size_t) {
                                 for (std::size_t at = begin * p.top_k; at < end * p.top_k; ++at) {
                                     simd.add_scaled(p.dx + at / p.top_k * p.width,
                                                     p.dgathered + static_cast<std::size_t>(p.slots[at]) * p.width,
                                                     1.0f, p.width, false);
                                 }
                             });
}

void cpuLogProb(const SimdBackwardKernels& simd, const LogProbParams& p, Queue& queue) {
    const float scale = 1.0f / p.temperature;
    queue.pool().parallelFor(p.rows, rowGrain(p.vocab), [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t r = begin; r < end; ++r) {
            const float* z = p.logits + r * p.vocab;
            const LogSums sums = simd.log_sums(z, p.vocab, scale);
            const double log_of_sum = std::log(static_cast<double>(sums.sum));
            const double log_sum = sums.top + log_of_sum;
            p.log_sums[r] = static_cast<float>(log_sum);
            p.log_probs[r] = static_cast<float>(static_cast<double>(z[p.targets[r]]) * scale - log_sum);
            p.entropies[r] = static_cast<float>(log_of_sum - static_cast<double>(sums.weighted) / sums.sum);
        }
    });
}

void cpuLogProbGrad(const SimdBackwardKernels& simd, const LogProbGrad& p, Queue& queue) {
    const float scale = 1.0f / p.temperature;
    queue.pool().parallelFor(p.rows, rowGrain(p.vocab), [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t r = begin; r < end; ++r) {
            float* z = p.logits + r * p.vocab;
            const float h = p.dentropies == nullptr ? 0.0f : p.dentropies[r];
            if (p.dlog_probs[r] == 0 && h == 0) {
                std::fill_n(z, p.vocab, 0.0f);
                continue;
            }
            simd.log_prob_row(z, p.vocab, scale, p.log_sums[r], p.dlog_probs[r], h, h == 0 ? 0 : p.entropies[r]);
            z[p.targets[r]] += p.dlog_probs[r] * scale;
        }
    });
}

void cpuRopeGrad(const RopeParams& p, Queue& queue) {
    cpuRotate(p, true, queue);
}

void cpuRouteGrad(const RouteGrad& p, Queue&) {
    std::fill_n(p.dlogits, p.rows * p.experts, 0.0f);
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float* w = p.weights + r * p.top_k;
        const float* dw = p.dweights + r * p.top_k;
        float mean = 0;
        for (std::size_t j = 0; j < p.top_k; ++j) {
            mean += w[j] * dw[j];
        }
        for (std::size_t j = 0; j < p.top_k; ++j) {
            const auto id = static_cast<std::size_t>(p.ids[r * p.top_k + j]);
            p.dlogits[r * p.experts + id] = w[j] * (dw[j] - mean);
        }
    }
}

void cpuBalanceGrad(const BalanceGrad& p, Queue&) {
    std::vector<float> probability(p.experts);
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float* logits = p.logits + r * p.experts;
        const float top = *std::max_element(logits, logits + p.experts);
        float sum = 0;
        float weighted = 0;
        for (std::size_t e = 0; e < p.experts; ++e) {
            probability[e] = std::exp(logits[e] - top);
            sum += probability[e];
            weighted += probability[e] * p.slope[e];
        }
        for (std::size_t e = 0; e < p.experts; ++e) {
            p.probability_sums[e] += static_cast<double>(probability[e]) / sum;
            p.dlogits[r * p.experts + e] += probability[e] / sum * (p.slope[e] - weighted / sum);
        }
    }
}

} // namespace fulgurite::kernels
