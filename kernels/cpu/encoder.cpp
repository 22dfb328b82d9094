// SPDX-License-Identifier: Apache-2.0
// The drivers of the encoder operations: rows, and (sequence, head) pairs for attention, over the pool.
#include "kernels/cpu/ops_cpu.h"
#include "kernels/cpu/simd_encoder.h"
#include "kernels/encoder_ops.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::kernels {

namespace {

// Elements below which waking another worker costs more than it saves.
constexpr std::size_t kGrain = 16384;

std::size_t rowGrain(std::size_t width) {
    return std::max<std::size_t>(1, kGrain / std::max<std::size_t>(1, width));
}

// The keys and values of one head of one sequence as the pages that an AttentionTile reads, and room for the tile.
class HeadPages {
  public:
    HeadPages(std::size_t longest, std::size_t head_dim)
        : dim_(head_dim), page_floats_(kAttentionPage * head_dim), most_(pagesOf(longest)) {}

    static std::size_t pagesOf(std::size_t tokens) { return (tokens + kAttentionPage - 1) / kAttentionPage; }
    std::size_t floats() const { return 2 * most_ * page_floats_ + attentionScratch(dim_); }

    // Copies tokens [0, length) out of rows that are `stride` apart; `memory` has floats() of them.
    void fill(const float* k, const float* v, std::size_t stride, std::size_t length, float* memory) {
        keys_.clear();
        values_.clear();
        for (std::size_t page = 0; page < pagesOf(length); ++page) {
            float* keys = memory + page * page_floats_;
            float* values = memory + (most_ + page) * page_floats_;
            const std::size_t first = page * kAttentionPage;
            const std::size_t tokens = std::min(kAttentionPage, length - first);
            std::fill_n(keys, page_floats_, 0.0f);
            for (std::size_t t = 0; t < tokens; ++t) {
                const std::size_t row = (first + t) * stride;
                for (std::size_t d = 0; d < dim_; ++d) {
                    keys[d * kAttentionPage + t] = k[row + d];
                }
                std::copy_n(v + row, dim_, values + t * dim_);
            }
            keys_.push_back(keys);
            values_.push_back(values);
        }
        scratch_ = memory + 2 * most_ * page_floats_;
    }

    const float* const* keys() const { return keys_.data(); }
    const float* const* values() const { return values_.data(); }
    float* scratch() const { return scratch_; }

  private:
    std::size_t dim_;
    std::size_t page_floats_;
    std::size_t most_;
    std::vector<const float*> keys_;
    std::vector<const float*> values_;
    float* scratch_ = nullptr;
};

void attendHead(const SimdKernels& simd, const EncoderAttentionParams& p, std::size_t first, std::size_t length,
                std::size_t head, const HeadPages& pages) {
    const float* q_rows[kAttentionRows];
    float* out_rows[kAttentionRows];
    std::size_t contexts[kAttentionRows];
    AttentionTile tile;
    tile.q_rows = q_rows;
    tile.out_rows = out_rows;
    tile.contexts = contexts;
    tile.head_dim = p.head_dim;
    tile.key_pages = pages.keys();
    tile.value_pages = pages.values();
    tile.scale = 1.0f / std::sqrt(static_cast<float>(p.head_dim));
    tile.scratch = pages.scratch();
    for (std::size_t begin = 0; begin < length; begin += kAttentionRows) {
        tile.rows = std::min(kAttentionRows, length - begin);
        for (std::size_t r = 0; r < tile.rows; ++r) {
            const std::size_t row = first + begin + r;
            q_rows[r] = p.q + row * p.stride + head * p.head_dim;
            out_rows[r] = p.out + (row * p.heads + head) * p.head_dim;
            contexts[r] = p.causal ? begin + r + 1 : length;
        }
        simd.attention_tile(tile);
    }
}

void encoderLayerNorm(const SimdEncoderKernels& simd, const LayerNormParams& p, Queue& queue) {
    queue.pool().parallelFor(p.rows, rowGrain(p.width), [&](std::size_t begin, std::size_t end, std::size_t) {
        const std::size_t offset = begin * p.width;
        simd.layer_norm_rows(p.x + offset, p.weight, p.bias, p.out + offset, end - begin, p.width, p.eps);
    });
}

void encoderBias(const SimdEncoderKernels& simd, const BiasParams& p, Queue& queue) {
    const auto row = p.activation == Activation::Gelu        ? simd.bias_gelu
                     : p.activation == Activation::QuickGelu ? simd.bias_quick_gelu
                                                             : simd.add_bias;
    queue.pool().parallelFor(p.rows, rowGrain(p.width), [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t r = begin; r < end; ++r) {
            row(p.x + r * p.width, p.bias, p.width);
        }
    });
}

void encoderAttention(const SimdKernels& simd, const EncoderAttentionParams& p, Queue& queue) {
    std::vector<std::size_t> firsts(p.sequences, 0);
    std::size_t longest = 0;
    for (std::size_t s = 0; s < p.sequences; ++s) {
        firsts[s] = s == 0 ? 0 : firsts[s - 1] + p.lengths[s - 1];
        longest = std::max(longest, p.lengths[s]);
    }
    queue.pool().parallelFor(p.sequences * p.heads, 1, [&](std::size_t begin, std::size_t end, std::size_t worker) {
        HeadPages pages(longest, p.head_dim);
        float* memory = queue.scratch(Queue::kSharedSlots + worker, pages.floats());
        for (std::size_t index = begin; index < end; ++index) {
            const std::size_t s = index / p.heads;
            const std::size_t head = index % p.heads;
            const std::size_t at = firsts[s] * p.stride + head * p.head_dim;
            pages.fill(p.k + at, p.v + at, p.stride, p.lengths[s], memory);
            attendHead(simd, p, firsts[s], p.lengths[s], head, pages);
        }
    });
}

#if defined(__x86_64__)
template <const SimdKernels* (*kSimd)(), const SimdEncoderKernels* (*kEncoder)()>
struct Bound {
    static void layerNorm(const LayerNormParams& p, Queue& q) { encoderLayerNorm(*kEncoder(), p, q); }
    static void bias(const BiasParams& p, Queue& q) { encoderBias(*kEncoder(), p, q); }
    static void attention(const EncoderAttentionParams& p, Queue& q) { encoderAttention(*kSimd(), p, q); }
    static constexpr EncoderOpTable table(const char* name) {
        return {.name = name, .layer_norm = layerNorm, .bias = bias, .attention = attention};
    }
};
#endif

} // namespace

const EncoderOpTable& cpuEncoderOps(CpuLevel level) {
#if defined(__x86_64__)
    static constexpr EncoderOpTable kAvx2 = Bound<avx2Kernels, avx2EncoderKernels>::table("AVX2");
    static constexpr EncoderOpTable kAvx512 = Bound<avx512Kernels, avx512EncoderKernels>::table("AVX-512");
    return level == CpuLevel::Avx512 ? kAvx512 : kAvx2;
#else
    (void)level;
    return referenceEncoderOps();
#endif
}

const EncoderOpTable& bestCpuEncoderOps() {
    for (const CpuLevel level : {CpuLevel::Avx512, CpuLevel::Avx2}) {
        if (isSupported(level)) {
            return cpuEncoderOps(level);
        }
    }
    return referenceEncoderOps();
}

} // namespace fulgurite::kernels
