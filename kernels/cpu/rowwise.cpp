// SPDX-License-Identifier: Apache-2.0
// Operations that treat rows or elements one by one.
#include "kernels/cpu/ops_cpu.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::kernels {

namespace {

// Elements below which waking another worker costs more than it saves.
constexpr std::size_t kGrain = 16384;

std::size_t rowGrain(std::size_t width) { return std::max<std::size_t>(1, kGrain / std::max<std::size_t>(1, width)); }

} // namespace

void cpuEmbed(const SimdKernels& simd, const EmbedParams& p, Queue&) {
    const std::size_t width = p.table.cols;
    for (std::size_t r = 0; r < p.rows; ++r) {
        const std::int64_t id = std::int64_t{p.ids[r]} - p.first_id;
        if (id < 0 || id >= static_cast<std::int64_t>(p.table.rows)) {
            std::fill_n(p.out + r * width, width, 0.0f);
            continue;
        }
        const auto* row = static_cast<const char*>(p.table.data) +
                          static_cast<std::size_t>(id) * p.table.rowStride() * sizeOf(p.table.dtype);
        simd.convert_row(row, p.table.dtype, width, p.out + r * width);
    }
}

void cpuNorm(const SimdKernels& simd, const NormGateParams& params, Queue& queue) {
    const NormParams& p = params.norm;
    const auto from = [](const float* values, std::size_t offset) {
        return values == nullptr ? nullptr : values + offset;
    };
    queue.pool().parallelFor(p.rows, rowGrain(p.width), [&](std::size_t begin, std::size_t end, std::size_t) {
        const std::size_t offset = begin * p.width;
        simd.norm_rows(p.x + offset, p.weight, from(params.gate, offset), from(params.squares, begin), p.out + offset,
                       end - begin, p.width, params.total_width, p.eps);
    });
}

void cpuSumSquares(const SimdKernels& simd, const SumSquaresParams& p, Queue& queue) {
    queue.pool().parallelFor(p.rows, rowGrain(p.width), [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t r = begin; r < end; ++r) {
            p.out[r] = simd.sum_squares(p.x + r * p.width, p.width);
        }
    });
}

void cpuSilu(const SimdKernels& simd, float* x, std::size_t count, Queue& queue) {
    queue.pool().parallelFor(count, kGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        simd.silu(x + begin, end - begin);
    });
}

void cpuSwiglu(const SimdKernels& simd, const SwigluParams& p, Queue& queue) {
    queue.pool().parallelFor(p.count, kGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        simd.swiglu(p.gate + begin, p.up + begin, p.out + begin, end - begin);
    });
}

void cpuResidual(const SimdKernels& simd, const ResidualParams& p, Queue& queue) {
    queue.pool().parallelFor(p.count, kGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        simd.residual(p.residual + begin, p.branch + begin, p.out + begin, end - begin, p.alpha, p.beta);
    });
}

void cpuCombine(const SimdKernels& simd, const CombineParams& p, Queue& queue) {
    queue.pool().parallelFor(p.rows, rowGrain(p.width * p.top_k), [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t r = begin; r < end; ++r) {
            bool first = true;
            for (std::size_t j = 0; j < p.top_k; ++j) {
                if (p.slots[r * p.top_k + j] < 0) {
                    continue;
                }
                const auto slot = static_cast<std::size_t>(p.slots[r * p.top_k + j]);
                simd.add_scaled(p.out + r * p.width, p.expert_out + slot * p.width, p.weights[r * p.top_k + j], p.width,
                                first);
                first = false;
            }
            if (first) {
                std::fill_n(p.out + r * p.width, p.width, 0.0f);
            }
        }
    });
}

void cpuGather(const GatherParams& p, Queue& queue) {
    queue.pool().parallelFor(p.rows, rowGrain(p.width), [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t r = begin; r < end; ++r) {
            std::copy_n(p.x + static_cast<std::size_t>(p.index[r]) * p.width, p.width, p.out + r * p.width);
        }
    });
}

void cpuRotate(const RopeParams& p, bool back, Queue& queue) {
    const std::size_t half = p.rotary_dim / 2;
    queue.pool().parallelFor(p.rows, rowGrain(p.heads * p.rotary_dim * 8),
                             [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t r = begin; r < end; ++r) {
            const float position = static_cast<float>(p.first_position + r);
            for (std::size_t i = 0; i < half; ++i) {
                const float angle = position * p.inv_freq[i];
                const float c = std::cos(angle);
                const float s = back ? -std::sin(angle) : std::sin(angle);
                for (std::size_t head = 0; head < p.heads; ++head) {
                    float* x = p.x + r * p.stride + head * p.head_dim;
                    const float a = x[i];
                    const float b = x[i + half];
                    x[i] = a * c - b * s;
                    x[i + half] = b * c + a * s;
                }
            }
        }
    });
}

void cpuRope(const RopeParams& p, Queue& queue) {
    cpuRotate(p, false, queue);
}

void cpuKvStore(const KvStoreParams& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        const std::size_t position = p.first_position + r;
        float* keys = p.key_pages[position / kPageTokens];
        float* values = p.value_pages[position / kPageTokens];
        const std::size_t token = position % kPageTokens;
        for (std::size_t head = 0; head < p.kv_heads; ++head) {
            const float* k = p.k + r * p.stride + head * p.head_dim;
            for (std::size_t d = 0; d < p.head_dim; ++d) {
                keys[(head * p.head_dim + d) * kPageTokens + token] = k[d];
            }
            std::copy_n(p.v + r * p.stride + head * p.head_dim, p.head_dim,
                        values + (head * kPageTokens + token) * p.head_dim);
        }
    }
}

void cpuRoute(const RouteParams& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float* logits = p.logits + r * p.experts;
        std::int32_t* ids = p.ids + r * p.top_k;
        float* weights = p.weights + r * p.top_k;
        std::size_t found = 0;
        for (std::size_t e = 0; e < p.experts; ++e) {
            // Insertion into the short sorted list; strict comparison keeps the lower index first among equals.
            std::size_t place = found < p.top_k ? found++ : p.top_k;
            if (place == p.top_k) {
                if (!(logits[e] > logits[ids[p.top_k - 1]])) {
                    continue;
                }
                place = p.top_k - 1;
            }
            while (place > 0 && logits[e] > logits[ids[place - 1]]) {
                ids[place] = ids[place - 1];
                --place;
            }
            ids[place] = static_cast<std::int32_t>(e);
        }
        float sum = 0;
        for (std::size_t j = 0; j < p.top_k; ++j) {
            weights[j] = std::exp(logits[ids[j]] - logits[ids[0]]);
            sum += weights[j];
        }
        for (std::size_t j = 0; j < p.top_k; ++j) {
            weights[j] /= sum;
        }
    }
}

} // namespace fulgurite::kernels
