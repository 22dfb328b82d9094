// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/row.h"

#include "core/probe/capture/loops.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::capture {

namespace {

constexpr std::size_t kDecayBlock = 256;
// Values summed in float before the sum goes on in double.
constexpr std::size_t kSumBlock = 64;

// weight = score * exp(-rate * (t - j)): powers of a block and within it, each in double, so that an error neither
// grows with the distance nor costs an exponential per token.
void decayedWeights(AttentionRow& row, double rate) {
    const std::size_t count = row.score.size();
    row.decay.resize(count);
    row.weight.resize(count);
    double within[kDecayBlock];
    for (std::size_t i = 0; i < kDecayBlock; ++i) {
        within[i] = std::exp(-rate * static_cast<double>(i));
    }
    for (std::size_t begin = 0; begin < count; begin += kDecayBlock) {
        const double block = std::exp(-rate * static_cast<double>(begin));
        const std::size_t size = std::min(kDecayBlock, count - begin);
        for (std::size_t i = 0; i < size; ++i) {
            const std::size_t j = count - 1 - (begin + i); // distance begin + i
            const double decay = block * within[i];
            row.decay[j] = static_cast<float>(decay);
            row.weight[j] = static_cast<float>(static_cast<double>(row.score[j]) * decay);
        }
    }
}

void softmaxWeights(AttentionRow& row) {
    row.weight.resize(row.score.size());
    const double highest = loops().largest(row.score.data(), row.score.size());
    double sum = 0;
    for (std::size_t j = 0; j < row.score.size(); ++j) {
        const double e = std::exp(row.score[j] - highest);
        row.weight[j] = static_cast<float>(e);
        sum += e;
    }
    const double scale = 1 / sum;
    for (float& weight : row.weight) {
        weight = static_cast<float>(weight * scale);
    }
}

// weight_j (v_j . o) / (o . o), which sums to 1 when the weights times the values are o.
void fillShare(AttentionRow& row, const HeadArrays& arrays, const float* output) {
    double norm = 0;
    for (std::size_t d = 0; d < arrays.dim; ++d) {
        norm += static_cast<double>(output[d]) * output[d];
    }
    row.share.resize(row.weight.size());
    loops().scores(output, arrays.v, row.share.size(), arrays.dim, 1.0f, row.share.data());
    const double scale = norm > 0 ? 1 / norm : 0.0;
    for (std::size_t j = 0; j < row.share.size(); ++j) {
        row.share[j] = static_cast<float>(static_cast<double>(row.weight[j]) * row.share[j] * scale);
    }
}

// score, decay and weight of row.position.
void weigh(AttentionRow& row, const HeadArrays& arrays) {
    row.score.resize(row.position + 1);
    const bool softmax = arrays.kind == LayerKind::Softmax;
    const float scale = softmax ? static_cast<float>(1 / std::sqrt(static_cast<double>(arrays.dim))) : 1.0f;
    loops().scores(arrays.q + row.position * arrays.dim, arrays.k, row.score.size(), arrays.dim, scale,
                   row.score.data());
    if (softmax) {
        softmaxWeights(row);
    } else {
        decayedWeights(row, arrays.rate);
    }
}

double errorOf(const std::vector<double>& sum, const float* output) {
    double error = 0;
    double largest = 0;
    for (std::size_t d = 0; d < sum.size(); ++d) {
        error = std::max(error, std::abs(sum[d] - output[d]));
        largest = std::max(largest, std::abs(static_cast<double>(output[d])));
    }
    return largest > 0 ? error / largest : error;
}

} // namespace

int keyHead(const ModelConfig& config, int layer, int head) {
    if (config.layers[static_cast<std::size_t>(layer)] == LayerKind::Lightning) {
        return head;
    }
    return head / (config.num_heads / config.num_kv_heads);
}

std::vector<double> weightedSum(const std::vector<float>& weight, const HeadArrays& arrays) {
    std::vector<double> total(arrays.dim);
    std::vector<float> block(arrays.dim);
    for (std::size_t begin = 0; begin < weight.size(); begin += kSumBlock) {
        const std::size_t size = std::min(kSumBlock, weight.size() - begin);
        std::fill(block.begin(), block.end(), 0.0f);
        loops().accumulate(weight.data() + begin, arrays.v + begin * arrays.dim, size, arrays.dim, block.data());
        for (std::size_t d = 0; d < arrays.dim; ++d) {
            total[d] += block[d];
        }
    }
    return total;
}

AttentionRow attentionRow(HeadRef head, const HeadArrays& arrays, std::size_t position, const float* output) {
    AttentionRow row;
    row.head = head;
    row.kind = arrays.kind;
    row.position = position;
    weigh(row, arrays);
    const std::vector<double> sum = weightedSum(row.weight, arrays);
    if (output != nullptr) {
        row.output.assign(output, output + arrays.dim);
        row.error = errorOf(sum, output);
        fillShare(row, arrays, output);
    } else {
        const std::vector<float> recomputed(sum.begin(), sum.end());
        fillShare(row, arrays, recomputed.data());
    }
    return row;
}

std::vector<float> attentionWeights(const HeadArrays& arrays, std::size_t position) {
    AttentionRow row;
    row.position = position;
    weigh(row, arrays);
    return std::move(row.weight);
}

} // namespace fulgurite::capture
