// SPDX-License-Identifier: Apache-2.0
// Splits the gradients of both kinds of attention over the pool: heads for lightning layers; for softmax layers
// first (key head, block of queries), then (key head, page of keys).
#include "kernels/cpu/ops_backward.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::kernels {

namespace {

// Shared slots of Queue::scratch.
enum GradSlot : std::size_t { kSlotPages = 0, kSlotRowSums = 1, kSlotPowers = 2 };

// How the query rows of one key head fall into tiles: whole tokens times a slice of the group that fits.
struct TileGrid {
    std::size_t group;
    std::size_t heads_per_tile;
    std::size_t slices;
    std::size_t tokens_per_tile;

    explicit TileGrid(const SoftmaxAttentionGrad& p)
        : group(p.heads / p.kv_heads),
          heads_per_tile(std::min(group, kAttentionRows)),
          slices((group + heads_per_tile - 1) / heads_per_tile),
          tokens_per_tile(kAttentionRows / heads_per_tile) {}
};

// The gradient of one call: what its tiles share.
struct Job {
    const SimdBackwardKernels& simd;
    const SoftmaxAttentionGrad& p;
    TileGrid grid;
    std::size_t pages;
    float* key_pages;   // [kv_heads, pages, head_dim, kAttentionPage]
    float* value_pages; // likewise
    float* log_sums;    // [rows, heads]
    float* means;       // [rows, heads]

    std::size_t headPages() const { return pages * p.head_dim * kAttentionPage; }

    void transpose(std::size_t kv) const {
        const std::size_t dim = p.head_dim;
        for (const auto& [source, target] : {std::pair{p.k, key_pages}, std::pair{p.v, value_pages}}) {
            float* out = target + kv * headPages();
            for (std::size_t t = 0; t < pages * kAttentionPage; ++t) {
                const float* row = source + t * p.stride + kv * dim;
                float* column = out + t / kAttentionPage * dim * kAttentionPage + t % kAttentionPage;
                for (std::size_t d = 0; d < dim; ++d) {
                    column[d * kAttentionPage] = t < p.rows ? row[d] : 0.0f;
                }
            }
        }
    }
};

// Pointers of one tile's rows.
struct TileRows {
    const float* q[kAttentionRows];
    const float* out[kAttentionRows];
    const float* dout[kAttentionRows];
    float* dq[kAttentionRows];
    float* log_sums[kAttentionRows];
    float* means[kAttentionRows];
    std::size_t contexts[kAttentionRows];

    AttentionGradTile tileOf(const Job& job, std::size_t kv, float* scratch) const {
        AttentionGradTile tile;
        tile.q_rows = q;
        tile.out_rows = out;
        tile.dout_rows = dout;
        tile.dq_rows = dq;
        tile.contexts = contexts;
        tile.log_sums = log_sums;
        tile.means = means;
        tile.head_dim = job.p.head_dim;
        tile.keys = job.p.k + kv * job.p.head_dim;
        tile.key_stride = job.p.stride;
        tile.key_pages = job.key_pages + kv * job.headPages();
        tile.value_pages = job.value_pages + kv * job.headPages();
        tile.scale = 1.0f / std::sqrt(static_cast<float>(job.p.head_dim));
        tile.scratch = scratch;
        return tile;
    }

    // Tokens [first, last) times slice `slice` of the heads of `kv`; returns the number of rows.
    std::size_t fill(const Job& job, std::size_t kv, std::size_t slice, std::size_t first, std::size_t last) {
        const SoftmaxAttentionGrad& p = job.p;
        const std::size_t first_head = kv * job.grid.group + slice * job.grid.heads_per_tile;
        const std::size_t last_head = std::min((kv + 1) * job.grid.group, first_head + job.grid.heads_per_tile);
        std::size_t rows = 0;
        for (std::size_t token = first; token < last; ++token) {
            for (std::size_t head = first_head; head < last_head; ++head, ++rows) {
                const std::size_t at = token * p.heads + head;
                q[rows] = p.q + token * p.stride + head * p.head_dim;
                dq[rows] = p.dq + token * p.dstride + head * p.head_dim;
                out[rows] = p.out + at * p.head_dim;
                dout[rows] = p.dout + at * p.head_dim;
                log_sums[rows] = job.log_sums + at;
                means[rows] = job.means + at;
                contexts[rows] = token + 1;
            }
        }
        return rows;
    }
};

void queryGradients(const Job& job, Queue& queue) {
    const TileGrid& grid = job.grid;
    const std::size_t blocks = (job.p.rows + grid.tokens_per_tile - 1) / grid.tokens_per_tile;
    const std::size_t tiles = blocks * job.p.kv_heads * grid.slices;
    queue.pool().parallelFor(tiles, 1, [&](std::size_t begin, std::size_t end, std::size_t worker) {
        float* scratch = queue.scratch(Queue::kSharedSlots + worker, attentionGradScratch(job.p.head_dim));
        TileRows rows;
        for (std::size_t index = begin; index < end; ++index) {
            const std::size_t kv = index / grid.slices % job.p.kv_heads;
            const std::size_t first = index / grid.slices / job.p.kv_heads * grid.tokens_per_tile;
            AttentionGradTile tile = rows.tileOf(job, kv, scratch);
            tile.rows =
                rows.fill(job, kv, index % grid.slices, first, std::min(job.p.rows, first + grid.tokens_per_tile));
            job.simd.attention_queries(tile);
        }
    });
}

// dk and dv of the tokens of one page of one key head.
void pageGradients(const Job& job, std::size_t kv, std::size_t page, float* scratch) {
    const SoftmaxAttentionGrad& p = job.p;
    const std::size_t dim = p.head_dim;
    const std::size_t first_token = page * kAttentionPage;
    float* dkeys = scratch + attentionGradScratch(dim);
    float* dvalues = dkeys + kAttentionPage * dim;
    std::fill_n(dkeys, 2 * kAttentionPage * dim, 0.0f);
    TileRows rows;
    AttentionGradTile tile = rows.tileOf(job, kv, scratch);
    tile.page = page;
    tile.dkeys = dkeys;
    tile.dvalues = dvalues;
    for (std::size_t token = first_token; token < p.rows; token += job.grid.tokens_per_tile) {
        for (std::size_t slice = 0; slice < job.grid.slices; ++slice) {
            tile.rows = rows.fill(job, kv, slice, token, std::min(p.rows, token + job.grid.tokens_per_tile));
            job.simd.attention_keys(tile);
        }
    }
    const std::size_t count = std::min(kAttentionPage, p.rows - first_token);
    for (std::size_t t = 0; t < count; ++t) {
        const std::size_t at = (first_token + t) * p.dstride + kv * dim;
        std::copy_n(dkeys + t * dim, dim, p.dk + at);
        std::copy_n(dvalues + t * dim, dim, p.dv + at);
    }
}

} // namespace

void cpuSoftmaxAttentionGrad(const SimdBackwardKernels& simd, const SoftmaxAttentionGrad& p, Queue& queue) {
    if (p.rows == 0) {
        return;
    }
    const std::size_t pages = (p.rows + kAttentionPage - 1) / kAttentionPage;
    const std::size_t page_floats = p.kv_heads * pages * p.head_dim * kAttentionPage;
    float* transposed = queue.scratch(kSlotPages, 2 * page_floats);
    float* sums = queue.scratch(kSlotRowSums, 2 * p.rows * p.heads);
    const Job job{simd, p, TileGrid(p), pages, transposed, transposed + page_floats, sums, sums + p.rows * p.heads};
    queue.pool().parallelFor(p.kv_heads, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t kv = begin; kv < end; ++kv) {
            job.transpose(kv);
        }
    });
    queryGradients(job, queue);
    queue.pool().parallelFor(pages * p.kv_heads, 1, [&](std::size_t begin, std::size_t end, std::size_t worker) {
        float* scratch = queue.scratch(Queue::kSharedSlots + worker,
                                       attentionGradScratch(p.head_dim) + 2 * kAttentionPage * p.head_dim);
        for (std::size_t index = begin; index < end; ++index) {
            pageGradients(job, index % p.kv_heads, index / p.kv_heads, scratch);
        }
    });
}

void cpuLightningGrad(const SimdBackwardKernels& simd, const LightningGrad& p, Queue& queue) {
    constexpr std::size_t kPowers = kLightningBlock + 1;
    float* powers = queue.scratch(kSlotPowers, p.heads * kPowers);
    for (std::size_t i = 0; i < p.heads * kPowers; ++i) {
        powers[i] = static_cast<float>(
            std::exp(-static_cast<double>(p.rates[i / kPowers]) * static_cast<double>(i % kPowers)));
    }
    const std::size_t dim = p.head_dim;
    queue.pool().parallelFor(p.heads, 1, [&](std::size_t begin, std::size_t end, std::size_t worker) {
        LightningHeadGrad h;
        h.stride = p.heads * 3 * dim;
        h.dout_stride = p.heads * dim;
        h.rows = p.rows;
        h.head_dim = dim;
        h.scratch = queue.scratch(Queue::kSharedSlots + worker, lightningGradScratch(dim));
        for (std::size_t head = begin; head < end; ++head) {
            h.qkv = p.qkv + head * 3 * dim;
            h.dqkv = p.dqkv + head * 3 * dim;
            h.dout = p.dout + head * dim;
            h.decay_powers = powers + head * kPowers;
            simd.lightning_head(h);
        }
    });
}

} // namespace fulgurite::kernels
