// SPDX-License-Identifier: Apache-2.0
// Splits the products behind the gradients of linear layers over the pool: blocks of output rows, which workers
// take as they become free. An output is one chain of sums in the order of depth, whoever computes it.
#include "kernels/cpu/ops_backward.h"

#include <algorithm>
#include <atomic>

namespace fulgurite::kernels {

namespace {

// Shared slots of Queue::scratch.
constexpr std::size_t kSlotPackedB = 0;
// Blocks for each worker: enough to even out their speeds.
constexpr std::size_t kBlocksPerWorker = 4;
// Multiply-adds below which a second core takes longer to wake than it saves.
constexpr double kWorthSharing = 65536;

// c[rows, cols] (+)= a[rows, depth] b[depth, cols].
struct Product {
    const float* a = nullptr;
    std::size_t a_row = 0;
    std::size_t a_col = 0;
    const float* b = nullptr;
    std::size_t b_stride = 0;
    float* c = nullptr;
    std::size_t c_stride = 0;
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::size_t depth = 0;
    bool add = false;

    double cost() const {
        return static_cast<double>(rows) * static_cast<double>(cols) * static_cast<double>(depth);
    }
    bool sharesB(const Product& other) const { return b == other.b && depth == other.depth && cols == other.cols; }
};

struct Unit {
    std::size_t product = 0;
    std::size_t first_row = 0;
    std::size_t rows = 0;
};

std::size_t panelsOf(const Product& p, const SimdBackwardKernels& simd) {
    return (p.cols + simd.panel_width - 1) / simd.panel_width;
}

// Packs every b, one that neighbours share once.
std::vector<const float*> packAll(const SimdBackwardKernels& simd, std::span<const Product> products,
                                  Queue& queue) {
    std::vector<std::size_t> offsets(products.size(), 0);
    std::size_t total = 0;
    for (std::size_t i = 0; i < products.size(); ++i) {
        if (i > 0 && products[i].sharesB(products[i - 1])) {
            offsets[i] = offsets[i - 1];
        } else {
            offsets[i] = total;
            total += panelsOf(products[i], simd) * simd.panel_width * products[i].depth;
        }
    }
    float* base = queue.scratch(kSlotPackedB, total);
    std::vector<const float*> packed(products.size());
    for (std::size_t i = 0; i < products.size(); ++i) {
        const Product& p = products[i];
        float* out = base + offsets[i];
        packed[i] = out;
        if (i == 0 || !p.sharesB(products[i - 1])) {
            queue.pool().parallelFor(panelsOf(p, simd), 2, [&](std::size_t begin, std::size_t end, std::size_t) {
                simd.pack_b(p.b, p.b_stride, p.depth, p.cols, begin, end, out);
            });
        }
    }
    return packed;
}

std::vector<Unit> unitsOf(const SimdBackwardKernels& simd, std::span<const Product> products, double total,
                          std::size_t workers) {
    std::vector<Unit> units;
    for (std::size_t i = 0; i < products.size(); ++i) {
        const Product& p = products[i];
        const double share = total / static_cast<double>(workers * kBlocksPerWorker);
        const double wanted = share * static_cast<double>(p.rows) / std::max(1.0, p.cost());
        const std::size_t tiles = static_cast<std::size_t>(wanted) / simd.tile_rows;
        const std::size_t block = std::clamp(tiles, std::size_t{1}, kNBlock / simd.tile_rows) * simd.tile_rows;
        for (std::size_t row = 0; row < p.rows; row += block) {
            units.push_back({i, row, std::min(block, p.rows - row)});
        }
    }
    return units;
}

void runPass(const SimdBackwardKernels& simd, std::span<const Product> products, Queue& queue) {
    double total = 0;
    for (const Product& p : products) {
        total += p.cost();
    }
    const std::size_t workers = total < kWorthSharing ? 1 : queue.pool().size();
    const auto packed = packAll(simd, products, queue);
    const auto units = unitsOf(simd, products, total, workers);
    std::atomic<std::size_t> next{0};
    queue.pool().parallelFor(workers, 1, [&](std::size_t, std::size_t, std::size_t worker) {
        ProductBlock block;
        block.a_buffer = queue.scratch(Queue::kSharedSlots + worker, kProductBuffer);
        for (std::size_t index = next++; index < units.size(); index = next++) {
            const Unit& unit = units[index];
            const Product& p = products[unit.product];
            block.a = p.a + unit.first_row * p.a_row;
            block.a_row = p.a_row;
            block.a_col = p.a_col;
            block.rows = unit.rows;
            block.depth = p.depth;
            block.packed_b = packed[unit.product];
            block.cols = p.cols;
            block.c = p.c + unit.first_row * p.c_stride;
            block.c_stride = p.c_stride;
            block.add = p.add;
            simd.product_block(block);
        }
    });
}

void runProducts(const SimdBackwardKernels& simd, std::vector<Product> products, Queue& queue) {
    std::vector<Product> pass;
    std::size_t deepest = 1; // so that a product without depth still clears its output
    for (const Product& p : products) {
        deepest = std::max(deepest, p.depth);
    }
    for (std::size_t first = 0; first < deepest; first += kProductDepth) {
        pass.clear();
        for (Product p : products) {
            if (p.rows == 0 || p.cols == 0 || (first > 0 && p.depth <= first)) {
                continue;
            }
            if (p.depth == 0) {
                for (std::size_t r = 0; r < (p.add ? 0 : p.rows); ++r) {
                    std::fill_n(p.c + r * p.c_stride, p.cols, 0.0f);
                }
                continue;
            }
            p.a += first * p.a_col;
            p.b += first * p.b_stride;
            p.depth = std::min(kProductDepth, p.depth - first);
            p.add = p.add || first > 0;
            pass.push_back(p);
        }
        if (!pass.empty()) {
            runPass(simd, pass, queue);
        }
    }
}

} // namespace

void cpuLinearInput(const SimdBackwardKernels& simd, std::span<const LinearInputGrad> tasks, Queue& queue) {
    std::vector<Product> products;
    for (const LinearInputGrad& t : tasks) {
        products.push_back({t.dy, t.dy_stride, 1, t.weight, t.weight_cols, t.dx, t.dx_stride, t.m_rows,
                            t.weight_cols, t.weight_rows, t.add});
    }
    runProducts(simd, std::move(products), queue);
}

void cpuLinearWeight(const SimdBackwardKernels& simd, std::span<const LinearWeightGrad> tasks, Queue& queue) {
    std::vector<Product> products;
    for (const LinearWeightGrad& t : tasks) {
        products.push_back({t.dy, 1, t.dy_stride, t.x, t.x_stride, t.dweight, t.weight_cols, t.weight_rows,
                            t.weight_cols, t.m_rows, true});
    }
    runProducts(simd, std::move(products), queue);
}

} // namespace fulgurite::kernels
