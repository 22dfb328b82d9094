// SPDX-License-Identifier: Apache-2.0
// Each operation is that of bestCpuOps(), its result rounded in place.
#include "kernels/rounded_ops.h"

#include <algorithm>
#include <vector>

namespace fulgurite::kernels {

namespace {

constexpr std::size_t kSlotRoundedX = 2; // of Queue::scratch; the lower ones are the products' own
constexpr std::size_t kRowGrain = 16;
constexpr std::size_t kGrain = 16384;

const OpTable& base() {
    static const OpTable& ops = bestCpuOps();
    return ops;
}

float rounded(float value) {
    return bf16ToFloat(floatToBf16(value));
}

// In place is fine.
void roundRows(const float* from, std::size_t from_stride, std::size_t rows, std::size_t width, float* to,
               std::size_t to_stride, Queue& queue) {
    queue.pool().parallelFor(rows, kRowGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t r = begin; r < end; ++r) {
            std::transform(from + r * from_stride, from + r * from_stride + width, to + r * to_stride, rounded);
        }
    });
}

void roundAll(float* x, std::size_t count, Queue& queue) {
    queue.pool().parallelFor(count, kGrain, [&](std::size_t begin, std::size_t end, std::size_t) {
        std::transform(x + begin, x + end, x + begin, rounded);
    });
}

bool rounds(const LinearTask& task) {
    return task.weight.dtype == DType::BF16;
}

bool readsTheSame(const LinearTask& a, const LinearTask& b) {
    return a.x == b.x && a.x_stride == b.x_stride && a.m_rows == b.m_rows && a.weight.cols == b.weight.cols;
}

void linear(std::span<const LinearTask> tasks, Queue& queue) {
    std::size_t total = 0;
    for (const LinearTask& task : tasks) {
        total += task.m_rows * task.weight.cols;
    }
    float* next = queue.scratch(kSlotRoundedX, total);
    std::vector<LinearTask> products(tasks.begin(), tasks.end());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const LinearTask& task = tasks[i];
        if (!rounds(task)) {
            continue;
        }
        if (i > 0 && rounds(tasks[i - 1]) && readsTheSame(task, tasks[i - 1])) {
            products[i].x = products[i - 1].x;
        } else {
            roundRows(task.x, task.x_stride, task.m_rows, task.weight.cols, next, task.weight.cols, queue);
            products[i].x = next;
            next += task.m_rows * task.weight.cols;
        }
        products[i].x_stride = task.weight.cols;
    }
    base().linear(products, queue);
    for (const LinearTask& task : tasks) {
        if (rounds(task)) {
            roundRows(task.y, task.y_stride, task.m_rows, task.weight.rows, task.y, task.y_stride, queue);
        }
    }
}

void embed(const EmbedParams& p, Queue& queue) {
    base().embed(p, queue);
    roundAll(p.out, p.rows * p.table.cols, queue);
}

void norm(const NormParams& p, Queue& queue) {
    base().norm(p, queue);
    roundAll(p.out, p.rows * p.width, queue);
}

void normGate(const NormGateParams& p, Queue& queue) {
    base().norm_gate(p, queue);
    roundAll(p.norm.out, p.norm.rows * p.norm.width, queue);
}

void silu(float* x, std::size_t count, Queue& queue) {
    base().silu(x, count, queue);
    roundAll(x, count, queue);
}

void swiglu(const SwigluParams& p, Queue& queue) {
    base().swiglu(p, queue);
    roundAll(p.out, p.count, queue);
}

void residual(const ResidualParams& p, Queue& queue) {
    base().residual(p, queue);
    roundAll(p.out, p.count, queue);
}

void rope(const RopeParams& p, Queue& queue) {
    base().rope(p, queue);
    roundRows(p.x, p.stride, p.rows, p.heads * p.head_dim, p.x, p.stride, queue);
}

void softmaxAttention(const SoftmaxAttentionParams& p, Queue& queue) {
    base().softmax_attention(p, queue);
    roundAll(p.out, p.rows * p.heads * p.head_dim, queue);
}

void lightningAttention(const LightningParams& p, Queue& queue) {
    base().lightning_attention(p, queue);
    roundAll(p.out, p.rows * p.heads * p.head_dim, queue);
}

void combine(const CombineParams& p, Queue& queue) {
    base().combine(p, queue);
    roundAll(p.out, p.rows * p.width, queue);
}

} // namespace

// What only copies, chooses or adds up squares is left as it is.
const OpTable& roundedOps() {
    static const OpTable table{.name = "bfloat16",
                               .linear = linear,
                               .embed = embed,
                               .norm = norm,
                               .norm_gate = normGate,
                               .sum_squares = base().sum_squares,
                               .silu = silu,
                               .swiglu = swiglu,
                               .residual = residual,
                               .rope = rope,
                               .kv_store = base().kv_store,
                               .softmax_attention = softmaxAttention,
                               .lightning_attention = lightningAttention,
                               .route = base().route,
                               .gather = base().gather,
                               .combine = combine};
    return table;
}

const OpTable& roundedProducts() {
    static const OpTable table = [] {
        OpTable result = base();
        result.name = "bfloat16 products";
        result.linear = linear;
        return result;
    }();
    return table;
}

} // namespace fulgurite::kernels
