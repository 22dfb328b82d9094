// SPDX-License-Identifier: Apache-2.0
// Splits both kinds of attention over the pool: heads for lightning layers, (key head, block of queries) for
// softmax.
#include "kernels/cpu/ops_cpu.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::kernels {

void cpuLightningAttention(const SimdKernels& simd, const LightningParams& p, Queue& queue) {
    constexpr std::size_t kPowers = kLightningBlock + 1;
    float* powers = queue.scratch(kSlotDecayPowers, p.heads * kPowers);
    for (std::size_t head = 0; head < p.heads; ++head) {
        for (std::size_t i = 0; i < kPowers; ++i) {
            powers[head * kPowers + i] =
                static_cast<float>(std::exp(-static_cast<double>(p.rates[head]) * static_cast<double>(i)));
        }
    }
    const std::size_t dim = p.head_dim;
    queue.pool().parallelFor(p.heads, 1, [&](std::size_t begin, std::size_t end, std::size_t worker) {
        LightningHead h;
        h.stride = p.heads * 3 * dim;
        h.rows = p.rows;
        h.head_dim = dim;
        h.out_stride = p.heads * dim;
        h.scratch = queue.scratch(Queue::kSharedSlots + worker, lightningScratch(dim));
        for (std::size_t head = begin; head < end; ++head) {
            h.qkv = p.qkv + head * 3 * dim;
            h.decay_powers = powers + head * kPowers;
            h.decay_rest = static_cast<float>(std::exp(-static_cast<double>(p.rates[head])) - h.decay_powers[1]);
            h.state = p.state + head * dim * dim;
            h.out = p.out + head * dim;
            simd.lightning_head(h);
        }
    });
}

void cpuSoftmaxAttention(const SimdKernels& simd, const SoftmaxAttentionParams& p, Queue& queue) {
    static_assert(kAttentionPage == kPageTokens);
    const std::size_t group = p.heads / p.kv_heads;
    const std::size_t dim = p.head_dim;
    // Query rows of a tile: whole tokens times a slice of the group that fits.
    const std::size_t heads_per_tile = std::min(group, kAttentionRows);
    const std::size_t head_slices = (group + heads_per_tile - 1) / heads_per_tile;
    const std::size_t tokens_per_tile = kAttentionRows / heads_per_tile;
    const std::size_t token_blocks = (p.rows + tokens_per_tile - 1) / tokens_per_tile;
    const std::size_t tiles = token_blocks * p.kv_heads * head_slices;
    queue.pool().parallelFor(tiles, 1, [&](std::size_t begin, std::size_t end, std::size_t worker) {
        const float* q_rows[kAttentionRows];
        float* out_rows[kAttentionRows];
        std::size_t contexts[kAttentionRows];
        AttentionTile tile;
        tile.q_rows = q_rows;
        tile.out_rows = out_rows;
        tile.contexts = contexts;
        tile.head_dim = dim;
        tile.key_pages = p.key_pages;
        tile.value_pages = p.value_pages;
        tile.scale = 1.0f / std::sqrt(static_cast<float>(dim));
        tile.scratch = queue.scratch(Queue::kSharedSlots + worker, attentionScratch(dim));
        for (std::size_t index = begin; index < end; ++index) {
            const std::size_t slice = index % head_slices;
            const std::size_t kv = index / head_slices % p.kv_heads;
            const std::size_t first_token = index / head_slices / p.kv_heads * tokens_per_tile;
            const std::size_t last_token = std::min(p.rows, first_token + tokens_per_tile);
            const std::size_t first_head = kv * group + slice * heads_per_tile;
            const std::size_t last_head = std::min((kv + 1) * group, first_head + heads_per_tile);
            tile.rows = 0;
            for (std::size_t token = first_token; token < last_token; ++token) {
                for (std::size_t head = first_head; head < last_head; ++head) {
                    q_rows[tile.rows] = p.q + token * p.q_stride + head * dim;
                    out_rows[tile.rows] = p.out + (token * p.heads + head) * dim;
                    contexts[tile.rows] = p.first_position + token + 1;
                    ++tile.rows;
                }
            }
            tile.key_offset = kv * dim * kPageTokens;
            tile.value_offset = kv * kPageTokens * dim;
            simd.attention_tile(tile);
        }
    });
}

} // namespace fulgurite::kernels
