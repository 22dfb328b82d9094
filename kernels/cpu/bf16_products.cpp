// SPDX-License-Identifier: Apache-2.0
// Splits products in bfloat16 over the pool: blocks of output rows, which workers take as they become free. An
// output is one chain of sums in the order of depth, whoever computes it.
#include "kernels/bf16_products.h"
#include "kernels/cpu/simd_bf16.h"

#include <algorithm>
#include <atomic>
#include <vector>

namespace fulgurite::kernels {

#if defined(__x86_64__)

namespace {

constexpr std::size_t kSlotPackedB = 0;
// Rows of a unit of work: some tiles, so that a packed panel is used often.
constexpr std::size_t kUnitRows = 8 * kBf16Tile;
// Multiply-adds below which a second core takes longer to wake than it saves.
constexpr double kWorthSharing = 131072;
constexpr std::size_t kABuffer = kBf16Tile * pairsOf(kBf16Depth);

// c[rows, cols] (+)= a[rows, depth] b[depth, cols].
struct Product {
    const float* a = nullptr;
    std::size_t a_row = 0;
    std::size_t a_col = 0;
    const float* b = nullptr;
    std::size_t b_row = 0;
    std::size_t b_col = 0;
    float* c = nullptr;
    std::size_t c_stride = 0;
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::size_t depth = 0;
    bool add = false;

    bool sharesB(const Product& other) const {
        return b == other.b && b_row == other.b_row && depth == other.depth && cols == other.cols;
    }
    std::size_t panels() const { return (cols + kBf16Panel - 1) / kBf16Panel; }
};

// Pairs are kept in float scratch: of the same size, and only ever read as pairs.
std::uint32_t* pairsIn(Queue& queue, std::size_t slot, std::size_t count) {
    return reinterpret_cast<std::uint32_t*>(queue.scratch(slot, count));
}

// Packs every b, one that neighbours share once.
std::vector<const std::uint32_t*> packAll(const Bf16Kernels& simd, std::span<const Product> products,
                                          Queue& queue) {
    std::vector<std::size_t> offsets;
    std::size_t total = 0;
    const auto isShared = [&](std::size_t i) { return i > 0 && products[i].sharesB(products[i - 1]); };
    for (std::size_t i = 0; i < products.size(); ++i) {
        offsets.push_back(isShared(i) ? offsets.back() : total);
        total += isShared(i) ? 0 : products[i].panels() * kBf16Panel * pairsOf(products[i].depth);
    }
    std::uint32_t* base = pairsIn(queue, kSlotPackedB, total);
    std::vector<const std::uint32_t*> packed;
    for (std::size_t i = 0; i < products.size(); ++i) {
        const Product& p = products[i];
        std::uint32_t* out = base + offsets[i];
        packed.push_back(out);
        if (!isShared(i)) {
            queue.pool().parallelFor(p.panels(), 1, [&](std::size_t begin, std::size_t end, std::size_t) {
                simd.pack_b(p.b, p.b_row, p.b_col, p.depth, p.cols, begin, end, out);
            });
        }
    }
    return packed;
}

void runPass(const Bf16Kernels& simd, std::span<const Product> products, Queue& queue) {
    struct Unit {
        std::size_t product, row;
    };
    std::vector<Unit> units;
    double cost = 0;
    for (std::size_t i = 0; i < products.size(); ++i) {
        const Product& p = products[i];
        cost += static_cast<double>(p.rows) * static_cast<double>(p.cols) * static_cast<double>(p.depth);
        for (std::size_t row = 0; row < p.rows; row += kUnitRows) {
            units.push_back({i, row});
        }
    }
    const auto packed = packAll(simd, products, queue);
    const std::size_t workers = cost < kWorthSharing ? 1 : queue.pool().size();
    std::atomic<std::size_t> next{0};
    queue.pool().parallelFor(workers, 1, [&](std::size_t, std::size_t, std::size_t worker) {
        Bf16Block block;
        block.a_buffer = pairsIn(queue, Queue::kSharedSlots + worker, kABuffer);
        for (std::size_t index = next++; index < units.size(); index = next++) {
            const auto [product, row] = units[index];
            const Product& p = products[product];
            block.a = p.a + row * p.a_row;
            block.a_row = p.a_row;
            block.a_col = p.a_col;
            block.rows = std::min(kUnitRows, p.rows - row);
            block.depth = p.depth;
            block.packed_b = packed[product];
            block.cols = p.cols;
            block.c = p.c + row * p.c_stride;
            block.c_stride = p.c_stride;
            block.add = p.add;
            simd.block(block);
        }
    });
}

void runProducts(const std::vector<Product>& products, Queue& queue) {
    std::vector<Product> pass;
    std::size_t deepest = 1; // so that a product without depth still clears its output
    for (const Product& p : products) {
        deepest = std::max(deepest, p.depth);
    }
    for (std::size_t first = 0; first < deepest; first += kBf16Depth) {
        pass.clear();
        for (Product p : products) {
            if (p.rows == 0 || p.cols == 0 || (first > 0 && p.depth <= first)) {
                continue;
            }
            p.a += first * p.a_col;
            p.b += first * p.b_row;
            p.depth = std::min(kBf16Depth, p.depth - first);
            p.add = p.add || first > 0;
            pass.push_back(p);
        }
        if (!pass.empty()) {
            runPass(*avx512Bf16Kernels(), pass, queue);
        }
    }
}

void linear(std::span<const LinearTask> tasks, Queue& queue) {
    std::vector<Product> products;
    for (const LinearTask& t : tasks) {
        products.push_back({t.x, t.x_stride, 1, static_cast<const float*>(t.weight.data), 1, t.weight.cols, t.y,
                            t.y_stride, t.m_rows, t.weight.rows, t.weight.cols, false});
    }
    runProducts(products, queue);
}

void linearInput(std::span<const LinearInputGrad> tasks, Queue& queue) {
    std::vector<Product> products;
    for (const LinearInputGrad& t : tasks) {
        products.push_back({t.dy, t.dy_stride, 1, t.weight, t.weight_cols, 1, t.dx, t.dx_stride, t.m_rows,
                            t.weight_cols, t.weight_rows, t.add});
    }
    runProducts(products, queue);
}

void linearWeight(std::span<const LinearWeightGrad> tasks, Queue& queue) {
    std::vector<Product> products;
    for (const LinearWeightGrad& t : tasks) {
        products.push_back({t.dy, 1, t.dy_stride, t.x, t.x_stride, 1, t.dweight, t.weight_cols, t.weight_rows,
                            t.weight_cols, t.m_rows, true});
    }
    runProducts(products, queue);
}

constexpr ProductTable kTable{"AVX-512 BF16", linear, linearInput, linearWeight};

} // namespace

const ProductTable* cpuBf16Products() {
    return isSupported(CpuLevel::Avx512) && __builtin_cpu_supports("avx512bf16") ? &kTable : nullptr;
}

#else

const ProductTable* cpuBf16Products() {
    return nullptr;
}

#endif

} // namespace fulgurite::kernels
