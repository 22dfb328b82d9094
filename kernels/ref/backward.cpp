// SPDX-License-Identifier: Apache-2.0
// The scalar truth of every gradient: the formula as written in kernels/backward_ops.h, accumulated in double.
#include "kernels/backward_ops.h"
#include "kernels/ref/backward_attention.h"
#include "kernels/ref/rope.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fulgurite::kernels {

namespace {

double sigmoid(double x) {
    return 1.0 / (1.0 + std::exp(-x));
}

double siluSlope(double x) {
    const double s = sigmoid(x);
    return s * (1.0 + x * (1.0 - s));
}

void write(float& place, double value, bool add) {
    place = static_cast<float>(add ? place + value : value);
}

void linearInput(std::span<const LinearInputGrad> tasks, Queue&) {
    for (const LinearInputGrad& t : tasks) {
        for (std::size_t m = 0; m < t.m_rows; ++m) {
            for (std::size_t k = 0; k < t.weight_cols; ++k) {
                double sum = 0;
                for (std::size_t n = 0; n < t.weight_rows; ++n) {
                    sum += static_cast<double>(t.dy[m * t.dy_stride + n]) * t.weight[n * t.weight_cols + k];
                }
                write(t.dx[m * t.dx_stride + k], sum, t.add);
            }
        }
    }
}

void linearWeight(std::span<const LinearWeightGrad> tasks, Queue&) {
    for (const LinearWeightGrad& t : tasks) {
        for (std::size_t n = 0; n < t.weight_rows; ++n) {
            for (std::size_t k = 0; k < t.weight_cols; ++k) {
                double sum = 0;
                for (std::size_t m = 0; m < t.m_rows; ++m) {
                    sum += static_cast<double>(t.dy[m * t.dy_stride + n]) * t.x[m * t.x_stride + k];
                }
                write(t.dweight[n * t.weight_cols + k], sum, true);
            }
        }
    }
}

void embed(const EmbedGrad& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        float* row = p.dtable + static_cast<std::size_t>(p.ids[r]) * p.width;
        for (std::size_t i = 0; i < p.width; ++i) {
            row[i] += p.dout[r * p.width + i];
        }
    }
}

void normRows(const NormGrad& p, const float* gate, float* dgate) {
    std::vector<double> dweight(p.width, 0.0);
    std::vector<double> dout(p.width);
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float* x = p.x + r * p.width;
        double squares = 0;
        for (std::size_t i = 0; i < p.width; ++i) {
            squares += static_cast<double>(x[i]) * x[i];
        }
        const double scale = 1.0 / std::sqrt(squares / static_cast<double>(p.width) + p.eps);
        double dot = 0;
        for (std::size_t i = 0; i < p.width; ++i) {
            const std::size_t at = r * p.width + i;
            dout[i] = p.dout[at];
            if (gate != nullptr) {
                const double open = sigmoid(gate[at]);
                dgate[at] = static_cast<float>(dout[i] * x[i] * scale * p.weight[i] * open * (1.0 - open));
                dout[i] *= open;
            }
            dot += dout[i] * p.weight[i] * x[i];
            dweight[i] += dout[i] * x[i] * scale;
        }
        const double shared = scale * scale * scale * dot / static_cast<double>(p.width);
        for (std::size_t i = 0; i < p.width; ++i) {
            write(p.dx[r * p.width + i], scale * p.weight[i] * dout[i] - x[i] * shared, p.add);
        }
    }
    for (std::size_t i = 0; i < p.width; ++i) {
        write(p.dweight[i], dweight[i], true);
    }
}

void norm(const NormGrad& p, Queue&) {
    normRows(p, nullptr, nullptr);
}

void normGate(const NormGateGrad& p, Queue&) {
    normRows(p.norm, p.gate, p.dgate);
}

void silu(const SiluGrad& p, Queue&) {
    for (std::size_t i = 0; i < p.count; ++i) {
        p.dx[i] = static_cast<float>(p.dout[i] * siluSlope(p.x[i]));
    }
}

void swiglu(const SwigluGrad& p, Queue&) {
    for (std::size_t i = 0; i < p.count; ++i) {
        const double dout = p.dout[i];
        p.dgate[i] = static_cast<float>(dout * p.up[i] * siluSlope(p.gate[i]));
        p.dup[i] = static_cast<float>(dout * p.gate[i] * sigmoid(p.gate[i]));
    }
}

void residual(const ResidualGrad& p, Queue&) {
    for (std::size_t i = 0; i < p.count; ++i) {
        const double dout = p.dout[i];
        write(p.dresidual[i], p.alpha * dout, p.add);
        p.dbranch[i] = static_cast<float>(p.beta * dout);
    }
}

void rope(const RopeParams& p, Queue&) {
    refRotate(p, true);
}

void route(const RouteGrad& p, Queue&) {
    std::fill_n(p.dlogits, p.rows * p.experts, 0.0f);
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float* w = p.weights + r * p.top_k;
        const float* dw = p.dweights + r * p.top_k;
        double mean = 0;
        for (std::size_t j = 0; j < p.top_k; ++j) {
            mean += static_cast<double>(w[j]) * dw[j];
        }
        for (std::size_t j = 0; j < p.top_k; ++j) {
            const auto id = static_cast<std::size_t>(p.ids[r * p.top_k + j]);
            p.dlogits[r * p.experts + id] = static_cast<float>(w[j] * (dw[j] - mean));
        }
    }
}

void balance(const BalanceGrad& p, Queue&) {
    std::vector<double> probability(p.experts);
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float* logits = p.logits + r * p.experts;
        const double top = *std::max_element(logits, logits + p.experts);
        double sum = 0;
        for (std::size_t e = 0; e < p.experts; ++e) {
            probability[e] = std::exp(logits[e] - top);
            sum += probability[e];
        }
        double mean = 0;
        for (std::size_t e = 0; e < p.experts; ++e) {
            probability[e] /= sum;
            p.probability_sums[e] += probability[e];
            mean += probability[e] * p.slope[e];
        }
        for (std::size_t e = 0; e < p.experts; ++e) {
            write(p.dlogits[r * p.experts + e], probability[e] * (p.slope[e] - mean), true);
        }
    }
}

void combine(const CombineGrad& p, Queue&) {
    for (std::size_t at = 0; at < p.rows * p.top_k; ++at) {
        const float* dout = p.dout + at / p.top_k * p.width;
        const std::size_t offset = static_cast<std::size_t>(p.slots[at]) * p.width;
        double dot = 0;
        for (std::size_t i = 0; i < p.width; ++i) {
            dot += static_cast<double>(dout[i]) * p.expert_out[offset + i];
            p.dexpert_out[offset + i] = static_cast<float>(static_cast<double>(p.weights[at]) * dout[i]);
        }
        p.dweights[at] = static_cast<float>(dot);
    }
}

void scatter(const ScatterGrad& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        for (std::size_t i = 0; i < p.width; ++i) {
            double sum = p.dx[r * p.width + i];
            for (std::size_t j = 0; j < p.top_k; ++j) {
                sum += p.dgathered[static_cast<std::size_t>(p.slots[r * p.top_k + j]) * p.width + i];
            }
            p.dx[r * p.width + i] = static_cast<float>(sum);
        }
    }
}

void logProb(const LogProbParams& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float* z = p.logits + r * p.vocab;
        const double temperature = p.temperature;
        const double top = *std::max_element(z, z + p.vocab) / temperature;
        double sum = 0;
        double weighted = 0; // of z / temperature - top
        for (std::size_t i = 0; i < p.vocab; ++i) {
            const double x = z[i] / temperature - top;
            sum += std::exp(x);
            weighted += std::exp(x) * x;
        }
        const double log_sum = top + std::log(sum);
        p.log_probs[r] = static_cast<float>(z[p.targets[r]] / temperature - log_sum);
        p.log_sums[r] = static_cast<float>(log_sum);
        p.entropies[r] = static_cast<float>(std::log(sum) - weighted / sum);
    }
}

void logProbGrad(const LogProbGrad& p, Queue&) {
    for (std::size_t r = 0; r < p.rows; ++r) {
        float* z = p.logits + r * p.vocab;
        const double c = p.dlog_probs[r];
        const double h = p.dentropies == nullptr ? 0.0 : p.dentropies[r];
        for (std::size_t i = 0; i < p.vocab; ++i) {
            const double log_p = z[i] / static_cast<double>(p.temperature) - p.log_sums[r];
            const double probability = std::exp(log_p);
            double d = (static_cast<std::size_t>(p.targets[r]) == i ? c : 0.0) - c * probability;
            if (h != 0) {
                d -= h * probability * (log_p + p.entropies[r]);
            }
            z[i] = static_cast<float>(d / p.temperature);
        }
    }
}

void adam(const AdamParams& p, Queue&) {
    for (std::size_t i = 0; i < p.count; ++i) {
        const double gradient = static_cast<double>(p.gradients[i]) * p.scale;
        const double first = static_cast<double>(p.beta1) * p.first[i] + (1.0 - p.beta1) * gradient;
        const double second = static_cast<double>(p.beta2) * p.second[i] + (1.0 - p.beta2) * gradient * gradient;
        const double step = first * p.first_correction / (std::sqrt(second * p.second_correction) + p.epsilon);
        p.first[i] = static_cast<float>(first);
        p.second[i] = static_cast<float>(second);
        p.weights[i] =
            static_cast<float>(p.weights[i] - p.rate * step - static_cast<double>(p.decay) * p.weights[i]);
    }
}

double squareSum(const float* x, std::size_t count, Queue&) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        sum += static_cast<double>(x[i]) * x[i];
    }
    return sum;
}

void clear(float* x, std::size_t count, Queue&) {
    std::fill_n(x, count, 0.0f);
}

void copy(const float* from, std::size_t count, float* to, Queue&) {
    std::copy_n(from, count, to);
}

void roundBf16(const float* from, std::size_t count, float* to, Queue&) {
    std::transform(from, from + count, to, [](float x) { return bf16ToFloat(floatToBf16(x)); });
}

} // namespace

const BackwardOpTable& referenceBackwardOps() {
    static constexpr BackwardOpTable table{.name = "reference",
                                           .linear_input = linearInput,
                                           .linear_weight = linearWeight,
                                           .embed = embed,
                                           .norm = norm,
                                           .norm_gate = normGate,
                                           .silu = silu,
                                           .swiglu = swiglu,
                                           .residual = residual,
                                           .rope = rope,
                                           .softmax_attention = refSoftmaxAttentionGrad,
                                           .lightning_attention = refLightningGrad,
                                           .route = route,
                                           .balance = balance,
                                           .combine = combine,
                                           .scatter = scatter,
                                           .log_prob = logProb,
                                           .log_prob_grad = logProbGrad,
                                           .adam = adam,
                                           .square_sum = squareSum,
                                           .clear = clear,
                                           .copy = copy,
                                           .round_bf16 = roundBf16};
    return table;
}

} // namespace fulgurite::kernels
