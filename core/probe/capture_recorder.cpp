// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture_recorder.h"

#include "core/probe/capture/decay.h"
#include "core/probe/capture/figures.h"

#include <cmath>
#include <functional>
#include <numeric>

namespace fulgurite::probe {

StreamTap::StreamTap(capture::CaptureWriter& writer, const ModelConfig& config, const CapturePlan& plan)
    : writer_(writer), attention_(config.layers.size()), routing_(plan.info.routing), top_k_(config.top_k) {
    for (const int layer : plan.info.attention_layers) {
        attention_[static_cast<std::size_t>(layer)] = true;
    }
}

bool StreamTap::wants(TapPoint point, int layer) const {
    switch (point) {
    case TapPoint::Projections:
    case TapPoint::HeadOutput:
        return attention_[static_cast<std::size_t>(layer)];
    case TapPoint::RouterLogits:
        return routing_;
    default:
        return false;
    }
}

void StreamTap::onValues(TapPoint point, int layer, std::span<const float> values, std::size_t rows) {
    if (point == TapPoint::Projections) {
        writer_.projections(layer, first(), values, rows);
    } else if (point == TapPoint::HeadOutput) {
        writer_.headOutputs(layer, first(), values, rows);
    } else {
        routerMargin(values, rows, top_k_, margin_);
    }
}

void StreamTap::onRouting(int layer, std::span<const std::int32_t> experts, std::span<const float> weights,
                          std::size_t rows) {
    if (routing_) {
        writer_.routing(layer, first(), experts, weights, margin_, rows);
    }
}

void routerMargin(std::span<const float> logits, std::size_t rows, int top_k, std::vector<float>& margin) {
    const std::size_t experts = logits.size() / rows;
    const auto chosen = static_cast<std::size_t>(top_k);
    std::vector<float> sorted;
    margin.resize(rows);
    for (std::size_t r = 0; r < rows; ++r) {
        const auto row = logits.subspan(r * experts, experts);
        sorted.assign(row.begin(), row.end());
        std::sort(sorted.begin(), sorted.end(), std::greater<>());
        double sum = 0;
        for (const float x : sorted) {
            sum += std::exp(static_cast<double>(x) - sorted.front());
        }
        const auto probability = [&](std::size_t i) {
            return i < experts ? std::exp(static_cast<double>(sorted[i]) - sorted.front()) / sum : 0.0;
        };
        margin[r] = static_cast<float>(probability(chosen - 1) - probability(chosen));
    }
}

HeadFigureSink::HeadFigureSink(const CapturePlan& plan) : plan_(plan) {
    const ModelConfig& config = plan.info.config;
    const capture::DecayMap decay = capture::decayMap(config);
    capture::HeadTable empty;
    for (int layer = 0; layer < config.layerCount(); ++layer) {
        for (int head = 0; head < config.num_heads; ++head) {
            const capture::HeadRef ref{layer, head};
            empty.heads.push_back(
                capture::emptyFigures(ref, config.layers[static_cast<std::size_t>(layer)], decay.rate(ref)));
        }
    }
    for (const std::size_t position : plan.info.positions) {
        tables_.push_back(empty);
        tables_.back().position = position;
    }
    lengths_.resize(empty.heads.size());
    units_.assign(empty.heads.size(), std::vector<double>(static_cast<std::size_t>(config.head_dim)));
}

// Item 0: head outputs in full, which are summed up here. Item 1: means of the gates.
ProbePlan HeadFigureSink::planOf(const CapturePlan& plan) {
    std::vector<int> all(plan.info.config.layers.size());
    std::iota(all.begin(), all.end(), 0);
    std::vector<int> lightning;
    std::copy_if(all.begin(), all.end(), std::back_inserter(lightning), [&](int layer) {
        return plan.info.config.layers[static_cast<std::size_t>(layer)] == LayerKind::Lightning;
    });
    return {{Quantity::HeadOutput, all, {}, plan.info.positions, Reduction::Full},
            {Quantity::Gate, lightning, {}, plan.info.positions, Reduction::Mean}};
}

capture::HeadFigures& HeadFigureSink::at(std::size_t position, int layer, std::size_t head) {
    const auto heads = static_cast<std::size_t>(plan_.info.config.num_heads);
    return tables_[position].heads[static_cast<std::size_t>(layer) * heads + head];
}

void HeadFigureSink::onRows(const ProbeRows& rows) {
    if (rows.item == 0) {
        addOutput(rows);
        return;
    }
    for (std::size_t h = 0; h < rows.shape.heads; ++h) {
        for (std::size_t i = 0; i < rows.rows; ++i) {
            at(rows.first + i, rows.layer, h).gate_mean = rows.values[h * rows.rows + i];
        }
    }
}

void HeadFigureSink::addOutput(const ProbeRows& rows) {
    const std::size_t dim = rows.shape.width;
    for (std::size_t h = 0; h < rows.shape.heads; ++h) {
        const std::size_t which = static_cast<std::size_t>(rows.layer) * rows.shape.heads + h;
        for (std::size_t i = 0; i < rows.rows; ++i) {
            const auto vector = rows.values.subspan((h * rows.rows + i) * dim, dim);
            const double length =
                std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0, std::plus<>(),
                                             [](float a, float b) { return static_cast<double>(a) * b; }));
            at(rows.first + i, rows.layer, h).output_norm = static_cast<float>(length);
            lengths_[which] += length;
            for (std::size_t d = 0; d < dim && length > 0; ++d) {
                units_[which][d] += vector[d] / length;
            }
        }
    }
}

void HeadFigureSink::addEffects(const QueryRows& rows, const HeadEffects& effects,
                                std::span<const TokenId> targets) {
    const std::size_t per_row = lengths_.size();
    for (std::size_t i = 0; i < rows.positions.size(); ++i) {
        const auto& positions = plan_.info.positions;
        const auto index = static_cast<std::size_t>(
            std::lower_bound(positions.begin(), positions.end(), rows.positions[i]) - positions.begin());
        tables_[index].target = targets[i];
        for (std::size_t which = 0; which < per_row; ++which) {
            capture::HeadFigures& figures = tables_[index].heads[which];
            figures.block_share = effects.block_share[i * per_row + which];
            figures.logit_effect = effects.logit_effect[i * per_row + which];
        }
    }
}

std::vector<capture::HeadTable> HeadFigureSink::finish() {
    const double count = static_cast<double>(tables_.size());
    for (std::size_t which = 0; which < lengths_.size(); ++which) {
        // The mean cosine distance over all ordered pairs, each vector with itself included, is 1 - |mean unit
        // vector|^2: closed form of the published double loop. A vector of zeros has distance 1 from everything.
        const std::vector<double>& unit = units_[which];
        const double spread =
            1.0 - std::inner_product(unit.begin(), unit.end(), unit.begin(), 0.0) / (count * count);
        const float importance = static_cast<float>(lengths_[which] / count * spread);
        for (capture::HeadTable& table : tables_) {
            table.heads[which].mrag_importance = importance;
        }
    }
    return std::move(tables_);
}

} // namespace fulgurite::probe
