// SPDX-License-Identifier: Apache-2.0
#include "core/probe/lens.h"

#include "core/model/weights.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fulgurite::probe {

namespace {

// Logits to natural log-probabilities, in place, summed in double.
void toLogprobs(std::span<float> row) {
    const float top = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const float x : row) {
        sum += std::exp(static_cast<double>(x) - top);
    }
    const double shift = top + std::log(sum);
    for (float& x : row) {
        x = static_cast<float>(x - shift);
    }
}

// Sum of p (log p - log q); rounding can leave it a hair below zero, which no divergence is.
float divergence(std::span<const float> p, std::span<const float> q) {
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
        sum += std::exp(static_cast<double>(p[i])) * (static_cast<double>(p[i]) - q[i]);
    }
    return static_cast<float>(std::max(sum, 0.0));
}

// Equal values go to the lower id, as the sampler has it.
TokenId likeliest(std::span<const float> row) {
    return static_cast<TokenId>(std::max_element(row.begin(), row.end()) - row.begin());
}

std::int32_t rankOf(std::span<const float> row, TokenId id) {
    const float value = row[static_cast<std::size_t>(id)];
    return 1 + static_cast<std::int32_t>(std::count_if(row.begin(), row.end(), [=](float x) { return x > value; }));
}

void best(std::span<const float> row, std::span<TokenId> ids, std::span<float> logprobs,
          std::vector<TokenId>& order) {
    order.resize(row.size());
    std::iota(order.begin(), order.end(), 0);
    const auto value = [&](TokenId id) { return row[static_cast<std::size_t>(id)]; };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(ids.size()), order.end(),
                      [&](TokenId a, TokenId b) { return value(a) != value(b) ? value(a) > value(b) : a < b; });
    for (std::size_t i = 0; i < ids.size(); ++i) {
        ids[i] = order[i];
        logprobs[i] = value(order[i]);
    }
}

} // namespace

void readOut(const HybridModel& model, const float* hidden, std::size_t rows, std::vector<float>& logits,
             kernels::Queue& queue) {
    const ModelWeights& weights = model.weights();
    const auto width = static_cast<std::size_t>(weights.config.hidden_size);
    const auto vocab = static_cast<std::size_t>(weights.config.vocab_size);
    std::vector<float> normed(rows * width);
    model.ops().norm({hidden, weights.final_norm.data(), normed.data(), rows, width, weights.config.rms_norm_eps},
                     queue);
    logits.resize(rows * vocab);
    const kernels::LinearTask head[] = {{normed.data(), width, rows, weights.head, logits.data(), vocab}};
    model.ops().linear(std::span(head), queue);
}

std::vector<TokenId> bestTokens(const HybridModel& model, const QueryRows& rows, kernels::Queue& queue) {
    const auto vocab = static_cast<std::size_t>(model.config().vocab_size);
    std::vector<float> logits;
    readOut(model, rows.hidden.back().data(), rows.positions.size(), logits, queue);
    std::vector<TokenId> ids;
    for (std::size_t i = 0; i < rows.positions.size(); ++i) {
        ids.push_back(likeliest(std::span(logits).subspan(i * vocab, vocab)));
    }
    return ids;
}

LensRows lensOf(const HybridModel& model, const QueryRows& rows, std::size_t candidates, kernels::Queue& queue) {
    const std::size_t count = rows.positions.size();
    const std::size_t depth = rows.hidden.size();
    const auto vocab = static_cast<std::size_t>(model.config().vocab_size);
    LensRows lens;
    lens.candidates = std::min(candidates, vocab);
    const std::size_t k = lens.candidates;
    lens.ids.resize(count * depth * k);
    lens.logprobs.resize(count * depth * k);
    lens.rank.resize(count * depth);
    lens.kl.resize(count * depth);
    lens.best.resize(count);

    const auto logprobs = [&](std::size_t layer, std::vector<float>& out) {
        readOut(model, rows.hidden[layer].data(), count, out, queue);
        queue.pool().parallelFor(count, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
            for (std::size_t i = begin; i < end; ++i) {
                toLogprobs(std::span(out).subspan(i * vocab, vocab));
            }
        });
    };
    std::vector<float> output;
    std::vector<float> here;
    logprobs(depth - 1, output);
    for (std::size_t layer = 0; layer < depth; ++layer) {
        logprobs(layer, here);
        queue.pool().parallelFor(count, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
            std::vector<TokenId> order;
            for (std::size_t i = begin; i < end; ++i) {
                const auto said = std::span(output).subspan(i * vocab, vocab);
                const auto row = std::span(here).subspan(i * vocab, vocab);
                const std::size_t at = i * depth + layer;
                lens.best[i] = likeliest(said);
                best(row, std::span(lens.ids).subspan(at * k, k), std::span(lens.logprobs).subspan(at * k, k),
                     order);
                lens.rank[at] = rankOf(row, lens.best[i]);
                lens.kl[at] = divergence(said, row);
            }
        });
    }
    return lens;
}

} // namespace fulgurite::probe
