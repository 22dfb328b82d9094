// SPDX-License-Identifier: Apache-2.0
// The scalar truth of every operation: the formula as written in kernels/ops.h, accumulated in double, never
// optimised.
#include "kernels/ops.h"
#include "kernels/ref/rope.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

namespace fulgurite::kernels {

namespace {

double sigmoid(double x) {
    return 1.0 / (1.0 + std::exp(-x));
}

float weightAt(const WeightMatrix& w, std::size_t row, std::size_t col) {
    const std::size_t index = row * w.rowStride() + col;
    if (w.dtype == DType::I8) {
        return static_cast<const std::int8_t*>(w.data)[index];
    }
    if (w.dtype == DType::F32) {
        float value = 0;
        std::memcpy(&value, static_cast<const char*>(w.data) + index * sizeof(value), sizeof(value));
        return value;
    }
    std::uint16_t bits = 0;
    std::memcpy(&bits, static_cast<const char*>(w.data) + index * sizeof(bits), sizeof(bits));
    return w.dtype == DType::BF16 ? bf16ToFloat(bits) : f16ToFloat(bits);
}

void linear(std::span<const LinearTask> tasks, Queue&) {
    for (const LinearTask& t : tasks) {
        for (std::size_t m = 0; m < t.m_rows; ++m) {
            for (std::size_t n = 0; n < t.weight.rows; ++n) {
                double sum = 0;
                for (std::size_t k = 0; k < t.weight.cols; ++k) {
                    sum += static_cast<double>(t.x[m * t.x_stride + k]) * weightAt(t.weight, n, k);
                }
                t.y[m * t.y_stride + n] = static_cast<float>(scaleOf(t.weight, n) * sum);
            }
        }
    }
}

void embed(const EmbedParams& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        const std::int64_t id = std::int64_t{p.ids[r]} - p.first_id;
        const bool here = id >= 0 && id < static_cast<std::int64_t>(p.table.rows);
        for (std::size_t c = 0; c < p.table.cols; ++c) {
            p.out[r * p.table.cols + c] = here ? weightAt(p.table, static_cast<std::size_t>(id), c) : 0.0f;
        }
    }
}

double sumOfSquares(const float* x, std::size_t width) {
    double squares = 0;
    for (std::size_t i = 0; i < width; ++i) {
        squares += static_cast<double>(x[i]) * x[i];
    }
    return squares;
}

// squares: of each row, over total_width elements; null: those of x.
void normBy(const NormParams& p, const float* squares, std::size_t total_width) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float* x = p.x + r * p.width;
        const double mean = squares == nullptr ? sumOfSquares(x, p.width) / static_cast<double>(p.width)
                                               : static_cast<double>(squares[r]) / static_cast<double>(total_width);
        const double scale = 1.0 / std::sqrt(mean + p.eps);
        for (std::size_t i = 0; i < p.width; ++i) {
            p.out[r * p.width + i] = static_cast<float>(x[i] * scale * p.weight[i]);
        }
    }
}

void norm(const NormParams& p, Queue&) {
    normBy(p, nullptr, 0);
}

void sumSquares(const SumSquaresParams& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        p.out[r] = static_cast<float>(sumOfSquares(p.x + r * p.width, p.width));
    }
}

void normGate(const NormGateParams& p, Queue&) {
    normBy(p.norm, p.squares, p.total_width);
    for (std::size_t i = 0; i < p.norm.rows * p.norm.width; ++i) {
        p.norm.out[i] = static_cast<float>(p.norm.out[i] * sigmoid(p.gate[i]));
    }
}

void silu(float* x, std::size_t count, Queue&) {
    for (std::size_t i = 0; i < count; ++i) {
        x[i] = static_cast<float>(x[i] * sigmoid(x[i]));
    }
}

void swiglu(const SwigluParams& p, Queue&) {
    for (std::size_t i = 0; i < p.count; ++i) {
        p.out[i] = static_cast<float>(p.gate[i] * sigmoid(p.gate[i]) * p.up[i]);
    }
}

void residual(const ResidualParams& p, Queue&) {
    for (std::size_t i = 0; i < p.count; ++i) {
        p.out[i] = static_cast<float>(static_cast<double>(p.alpha) * p.residual[i] +
                                      static_cast<double>(p.beta) * p.branch[i]);
    }
}

void rope(const RopeParams& p, Queue&) {
    refRotate(p, false);
}

} // namespace

void refRotate(const RopeParams& p, bool back) {
    const std::size_t half = p.rotary_dim / 2;
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float position = static_cast<float>(p.first_position + r);
        for (std::size_t head = 0; head < p.heads; ++head) {
            float* x = p.x + r * p.stride + head * p.head_dim;
            for (std::size_t i = 0; i < half; ++i) {
                const float angle = position * p.inv_freq[i];
                const double c = std::cos(static_cast<double>(angle));
                const double s = (back ? -1 : 1) * std::sin(static_cast<double>(angle));
                const double a = x[i];
                const double b = x[i + half];
                x[i] = static_cast<float>(a * c - b * s);
                x[i + half] = static_cast<float>(b * c + a * s);
            }
        }
    }
}

namespace {

void kvStore(const KvStoreParams& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        const std::size_t position = p.first_position + r;
        float* keys = p.key_pages[position / kPageTokens];
        float* values = p.value_pages[position / kPageTokens];
        const std::size_t token = position % kPageTokens;
        for (std::size_t i = 0; i < p.kv_heads * p.head_dim; ++i) {
            const std::size_t head = i / p.head_dim;
            const std::size_t d = i % p.head_dim;
            keys[i * kPageTokens + token] = p.k[r * p.stride + i];
            values[(head * kPageTokens + token) * p.head_dim + d] = p.v[r * p.stride + i];
        }
    }
}

void softmaxAttention(const SoftmaxAttentionParams& p, Queue&) {
    const std::size_t group = p.heads / p.kv_heads;
    const double scale = 1.0 / std::sqrt(static_cast<double>(p.head_dim));
    for (std::size_t r = 0; r < p.rows; ++r) {
        const std::size_t context = p.first_position + r + 1;
        std::vector<double> weights(context);
        for (std::size_t head = 0; head < p.heads; ++head) {
            const std::size_t kv = head / group;
            const float* q = p.q + r * p.q_stride + head * p.head_dim;
            for (std::size_t t = 0; t < context; ++t) {
                const float* keys = p.key_pages[t / kPageTokens] + kv * p.head_dim * kPageTokens + t % kPageTokens;
                double dot = 0;
                for (std::size_t d = 0; d < p.head_dim; ++d) {
                    dot += static_cast<double>(q[d]) * keys[d * kPageTokens];
                }
                weights[t] = dot * scale;
            }
            const double top = *std::max_element(weights.begin(), weights.end());
            double sum = 0;
            for (double& w : weights) {
                w = std::exp(w - top);
                sum += w;
            }
            for (std::size_t d = 0; d < p.head_dim; ++d) {
                double value = 0;
                for (std::size_t t = 0; t < context; ++t) {
                    value += weights[t] *
                             p.value_pages[t / kPageTokens][(kv * kPageTokens + t % kPageTokens) * p.head_dim + d];
                }
                p.out[(r * p.heads + head) * p.head_dim + d] = static_cast<float>(value / sum);
            }
        }
    }
}

void lightningAttention(const LightningParams& p, Queue&) {
    const std::size_t dim = p.head_dim;
    for (std::size_t head = 0; head < p.heads; ++head) {
        const double decay = std::exp(-static_cast<double>(p.rates[head]));
        std::vector<double> state(p.state + head * dim * dim, p.state + (head + 1) * dim * dim);
        for (std::size_t r = 0; r < p.rows; ++r) {
            const float* q = p.qkv + (r * p.heads + head) * 3 * dim;
            const float* k = q + dim;
            const float* v = k + dim;
            for (std::size_t i = 0; i < dim; ++i) {
                for (std::size_t j = 0; j < dim; ++j) {
                    state[i * dim + j] = decay * state[i * dim + j] + static_cast<double>(k[i]) * v[j];
                }
            }
            for (std::size_t j = 0; j < dim; ++j) {
                double sum = 0;
                for (std::size_t i = 0; i < dim; ++i) {
                    sum += q[i] * state[i * dim + j];
                }
                p.out[(r * p.heads + head) * dim + j] = static_cast<float>(sum);
            }
        }
        std::transform(state.begin(), state.end(), p.state + head * dim * dim,
                       [](double s) { return static_cast<float>(s); });
    }
}

void route(const RouteParams& p, Queue&) {
    std::vector<std::int32_t> order(p.experts);
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float* logits = p.logits + r * p.experts;
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](std::int32_t a, std::int32_t b) { return logits[a] > logits[b]; });
        double sum = 0;
        for (std::size_t j = 0; j < p.top_k; ++j) {
            sum += std::exp(static_cast<double>(logits[order[j]]) - logits[order[0]]);
        }
        for (std::size_t j = 0; j < p.top_k; ++j) {
            p.ids[r * p.top_k + j] = order[j];
            p.weights[r * p.top_k + j] =
                static_cast<float>(std::exp(static_cast<double>(logits[order[j]]) - logits[order[0]]) / sum);
        }
    }
}

void gather(const GatherParams& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        std::copy_n(p.x + static_cast<std::size_t>(p.index[r]) * p.width, p.width, p.out + r * p.width);
    }
}

void combine(const CombineParams& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        for (std::size_t i = 0; i < p.width; ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < p.top_k; ++j) {
                if (p.slots[r * p.top_k + j] < 0) {
                    continue;
                }
                const auto slot = static_cast<std::size_t>(p.slots[r * p.top_k + j]);
                sum += static_cast<double>(p.weights[r * p.top_k + j]) * p.expert_out[slot * p.width + i];
            }
            p.out[r * p.width + i] = static_cast<float>(sum);
        }
    }
}

} // namespace

const OpTable& referenceOps() {
    static const OpTable table{.name = "reference",
                               .linear = linear,
                               .embed = embed,
                               .norm = norm,
                               .norm_gate = normGate,
                               .sum_squares = sumSquares,
                               .silu = silu,
                               .swiglu = swiglu,
                               .residual = residual,
                               .rope = rope,
                               .kv_store = kvStore,
                               .softmax_attention = softmaxAttention,
                               .lightning_attention = lightningAttention,
                               .route = route,
                               .gather = gather,
                               .combine = combine};
    return table;
}

} // namespace fulgurite::kernels
