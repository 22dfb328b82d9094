// SPDX-License-Identifier: Apache-2.0
#include "core/probe/probe_tap.h"

#include <cmath>
#include <numeric>

namespace fulgurite::probe {

namespace {

// Where the vectors of a quantity lie in the array of its point: element d of head h in row r is
// values[r * row + offset + h * head + d].
struct Strides {
    std::size_t row = 0;
    std::size_t offset = 0;
    std::size_t head = 0;
    std::size_t width = 0;
};

Strides projectionStrides(Quantity quantity, const ModelConfig& config, int layer) {
    const auto dim = static_cast<std::size_t>(config.head_dim);
    const std::size_t inner = static_cast<std::size_t>(config.num_heads) * dim;
    const std::size_t kv = static_cast<std::size_t>(config.num_kv_heads) * dim;
    if (config.layers[static_cast<std::size_t>(layer)] == LayerKind::Lightning) {
        const std::size_t which = quantity == Quantity::Query ? 0 : quantity == Quantity::Key ? 1 : 2;
        return {3 * inner, which * dim, 3 * dim, dim};
    }
    const std::size_t offset = quantity == Quantity::Query ? 0 : quantity == Quantity::Key ? inner : inner + kv;
    return {inner + 2 * kv, offset, dim, dim};
}

Strides stridesOf(Quantity quantity, const ModelConfig& config, int layer) {
    const auto dim = static_cast<std::size_t>(config.head_dim);
    const auto hidden = static_cast<std::size_t>(config.hidden_size);
    const auto experts = static_cast<std::size_t>(config.num_experts);
    switch (pointOf(quantity)) {
    case TapPoint::Projections:
        return projectionStrides(quantity, config, layer);
    case TapPoint::HeadOutput:
    case TapPoint::HeadGate:
    case TapPoint::HeadGated:
        return {static_cast<std::size_t>(config.num_heads) * dim, 0, dim, dim};
    case TapPoint::RouterLogits:
        return {experts, 0, experts, experts};
    default:
        return {hidden, 0, hidden, hidden};
    }
}

float sigmoid(float x) {
    return 1.0f / (1.0f + std::exp(-x));
}

// Sums in double: a reduction must not add an error of its own to what it sums up.
void reduce(const ProbeItem& item, const float* x, std::size_t width, float* out) {
    const bool gate = item.quantity == Quantity::Gate;
    const auto at = [&](std::size_t d) { return gate ? sigmoid(x[d]) : x[d]; };
    double sum = 0;
    float peak = 0;
    switch (item.reduction) {
    case Reduction::Full:
        for (std::size_t d = 0; d < width; ++d) {
            out[d] = at(d);
        }
        return;
    case Reduction::Norm:
        for (std::size_t d = 0; d < width; ++d) {
            sum += static_cast<double>(at(d)) * at(d);
        }
        *out = static_cast<float>(std::sqrt(sum));
        return;
    case Reduction::Mean:
        for (std::size_t d = 0; d < width; ++d) {
            sum += at(d);
        }
        *out = static_cast<float>(sum / static_cast<double>(width));
        return;
    case Reduction::Peak:
        for (std::size_t d = 0; d < width; ++d) {
            peak = std::abs(at(d)) > std::abs(peak) ? at(d) : peak;
        }
        *out = peak;
        return;
    }
}

} // namespace

ProbeTap::ProbeTap(ProbePlan plan, const ModelConfig& config, ProbeSink& sink)
    : plan_(std::move(plan)), config_(config), sink_(sink) {
    for (std::size_t i = 0; i < plan_.size(); ++i) {
        for (const int layer : plan_[i].layers) {
            items_[{pointOf(plan_[i].quantity), layer}].push_back(i);
        }
    }
}

bool ProbeTap::wants(TapPoint point, int layer) const {
    return items_.contains({point, layer});
}

void ProbeTap::onValues(TapPoint point, int layer, std::span<const float> values, std::size_t rows) {
    const auto found = items_.find({point, layer});
    if (found == items_.end()) {
        return;
    }
    for (const std::size_t item : found->second) {
        take(item, layer, values, rows);
    }
}

void ProbeTap::take(std::size_t index, int layer, std::span<const float> values, std::size_t rows) {
    const ProbeItem& item = plan_[index];
    const auto& wanted = item.positions;
    const auto begin = std::lower_bound(wanted.begin(), wanted.end(), first());
    const auto end = std::lower_bound(begin, wanted.end(), first() + rows);
    const bool all = wanted.empty();
    const std::size_t count = all ? rows : static_cast<std::size_t>(end - begin);
    if (count == 0) {
        return;
    }
    const ProbeShape shape = shapeOf(item, config_, layer);
    const Strides s = stridesOf(item.quantity, config_, layer);
    reduced_.resize(shape.heads * count * shape.width);
    for (std::size_t h = 0; h < shape.heads; ++h) {
        const std::size_t head = item.heads.empty() ? h : static_cast<std::size_t>(item.heads[h]);
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t row = all ? i : begin[static_cast<std::ptrdiff_t>(i)] - first();
            reduce(item, values.data() + row * s.row + s.offset + head * s.head, s.width,
                   reduced_.data() + (h * count + i) * shape.width);
        }
    }
    const std::size_t at = all ? first() : static_cast<std::size_t>(begin - wanted.begin());
    sink_.onRows({index, layer, at, count, shape, reduced_});
}

} // namespace fulgurite::probe
