// SPDX-License-Identifier: Apache-2.0
// Splits a list of matrix products over the pool: contiguous shares of the outputs of all tasks, weighed by
// arithmetic, which workers take as they become free. An output's value does not depend on the share that it falls
// into.
#include "kernels/cpu/ops_cpu.h"

#include <algorithm>
#include <atomic>

namespace fulgurite::kernels {

namespace {

// Outputs are dealt in groups that both register tiles divide.
constexpr std::size_t kGroup = 12;
static_assert(kNBlock % kGroup == 0);
// Rows of x per pass over W: the accumulators of one block of W then fit the second-level cache.
constexpr std::size_t kMaxPassRows = 512;
// More shares than workers even out cores that get unequal parts of the memory bandwidth.
constexpr std::size_t kSharesPerWorker = 8;
// Below this cost a second core takes longer to wake than it saves.
constexpr double kWorthSharing = 32768;

std::size_t panelsOf(const LinearTask& t, const SimdKernels& simd) {
    return (t.m_rows + simd.panel_width - 1) / simd.panel_width;
}

std::size_t groupsOf(const LinearTask& t) {
    return (t.weight.rows + kGroup - 1) / kGroup;
}

// Relative time of one group of outputs. A few rows cost what the streaming of W costs.
double groupCost(const LinearTask& t, const SimdKernels& simd) {
    const double rows = t.m_rows <= kMaxDotRows ? 4.0 : static_cast<double>(panelsOf(t, simd) * simd.panel_width);
    return rows * static_cast<double>(t.weight.cols);
}

const void* weightRow(const WeightMatrix& w, std::size_t row) {
    return static_cast<const char*>(w.data) + row * w.rowStride() * sizeOf(w.dtype);
}

const void* scalesFrom(const WeightMatrix& w, std::size_t row) {
    return w.scales == nullptr ? nullptr : static_cast<const char*>(w.scales) + row * sizeof(float);
}

void runDots(const SimdKernels& simd, const LinearTask& t, std::size_t n_begin, std::size_t n_end) {
    simd.dot_rows({.x = t.x,
                   .x_stride = t.x_stride,
                   .m_rows = t.m_rows,
                   .weight = t.weight.data,
                   .dtype = t.weight.dtype,
                   .scales = t.weight.scales,
                   .k = t.weight.cols,
                   .weight_stride = t.weight.rowStride(),
                   .n_begin = n_begin,
                   .n_end = n_end,
                   .y = t.y,
                   .y_stride = t.y_stride});
}

void runBlocks(const SimdKernels& simd, const LinearTask& t, const float* packed, std::size_t n_begin,
               std::size_t n_end, float* scratch) {
    GemmBlock block;
    block.packed_x = packed;
    block.panels = panelsOf(t, simd);
    block.m_rows = t.m_rows;
    block.dtype = t.weight.dtype;
    block.k = t.weight.cols;
    block.weight_stride = t.weight.rowStride();
    block.weight_buffer = scratch;
    block.c_buffer = scratch + kNBlock * kWeightStride;
    block.y_stride = t.y_stride;
    for (std::size_t n = n_begin; n < n_end; n += kNBlock) {
        block.weight = weightRow(t.weight, n);
        block.scales = scalesFrom(t.weight, n);
        block.n_rows = std::min(kNBlock, n_end - n);
        block.y = t.y + n;
        simd.gemm_block(block);
    }
}

struct Pass {
    const SimdKernels& simd;
    std::span<const LinearTask> tasks;
    std::vector<const float*> packed; // per task; null for the dot path
    Queue& queue;

    void pack() {
        std::size_t total = 0;
        std::vector<std::size_t> offsets(tasks.size(), 0);
        const auto sharesX = [&](std::size_t i) {
            return i > 0 && tasks[i].x == tasks[i - 1].x && tasks[i].m_rows == tasks[i - 1].m_rows &&
                   tasks[i].weight.cols == tasks[i - 1].weight.cols;
        };
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            if (sharesX(i)) {
                offsets[i] = offsets[i - 1];
            } else if (tasks[i].m_rows > kMaxDotRows) {
                offsets[i] = total;
                total += panelsOf(tasks[i], simd) * simd.panel_width * tasks[i].weight.cols;
            }
        }
        float* base = total == 0 ? nullptr : queue.scratch(kSlotPackedX, total);
        packed.assign(tasks.size(), nullptr);
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            const LinearTask& t = tasks[i];
            if (t.m_rows <= kMaxDotRows) {
                continue;
            }
            float* out = base + offsets[i];
            packed[i] = out;
            if (!sharesX(i)) {
                const std::size_t panels = panelsOf(t, simd);
                queue.pool().parallelFor(panels, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
                    simd.pack_x(t.x, t.x_stride, t.m_rows, t.weight.cols, panels, begin, end, out);
                });
            }
        }
    }

    void run() {
        double total = 0;
        double largest_block = 1;
        std::size_t scratch_floats = 0;
        for (const LinearTask& t : tasks) {
            total += groupCost(t, simd) * static_cast<double>(groupsOf(t));
            largest_block = std::max(largest_block, groupCost(t, simd) * (kNBlock / kGroup));
            if (t.m_rows > kMaxDotRows) {
                scratch_floats =
                    std::max(scratch_floats, kNBlock * (kWeightStride + panelsOf(t, simd) * simd.panel_width));
            }
        }
        const std::size_t workers = total < kWorthSharing ? 1 : queue.pool().size();
        const double most_shares = std::max(1.0, total / largest_block);
        const auto shares = workers == 1
                                ? std::size_t{1}
                                : static_cast<std::size_t>(std::max<double>(
                                      static_cast<double>(workers),
                                      std::min(most_shares, static_cast<double>(workers * kSharesPerWorker))));
        std::atomic<std::size_t> next{0};
        queue.pool().parallelFor(workers, 1, [&](std::size_t, std::size_t, std::size_t worker) {
            float* scratch =
                scratch_floats == 0 ? nullptr : queue.scratch(Queue::kSharedSlots + worker, scratch_floats);
            for (std::size_t share = next++; share < shares; share = next++) {
                runShare(total * static_cast<double>(share) / static_cast<double>(shares),
                         total * static_cast<double>(share + 1) / static_cast<double>(shares), scratch);
            }
        });
    }

    // The groups whose start lies in [from, to) of the total cost.
    void runShare(double from, double to, float* scratch) {
        double start = 0;
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            const LinearTask& t = tasks[i];
            const double cost = groupCost(t, simd);
            const std::size_t groups = groupsOf(t);
            const auto index = [&](double position) {
                const double exact = (position - start) / cost;
                return exact <= 0 ? std::size_t{0} : std::min(groups, static_cast<std::size_t>(exact + 0.999999));
            };
            const std::size_t n_begin = index(from) * kGroup;
            const std::size_t n_end = std::min(index(to) * kGroup, t.weight.rows);
            if (n_begin < n_end) {
                if (packed[i] == nullptr) {
                    runDots(simd, t, n_begin, n_end);
                } else {
                    runBlocks(simd, t, packed[i], n_begin, n_end, scratch);
                }
            }
            start += cost * static_cast<double>(groups);
        }
    }
};

} // namespace

void cpuLinear(const SimdKernels& simd, std::span<const LinearTask> tasks, Queue& queue) {
    std::vector<LinearTask> pass_tasks;
    std::size_t most_rows = 0;
    for (const LinearTask& t : tasks) {
        most_rows = std::max(most_rows, t.m_rows);
    }
    for (std::size_t first = 0; first < most_rows; first += kMaxPassRows) {
        pass_tasks.clear();
        for (LinearTask t : tasks) {
            if (t.m_rows > first && t.weight.rows > 0) {
                t.x += first * t.x_stride;
                t.y += first * t.y_stride;
                t.m_rows = std::min(kMaxPassRows, t.m_rows - first);
                pass_tasks.push_back(t);
            }
        }
        Pass pass{simd, pass_tasks, {}, queue};
        pass.pack();
        pass.run();
    }
}

} // namespace fulgurite::kernels
