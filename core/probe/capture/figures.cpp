// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/figures.h"

#include "core/probe/capture/decay.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::capture {

namespace {

double magnitude(float weight) {
    return std::abs(static_cast<double>(weight));
}

double massOf(std::span<const float> weight, std::size_t first, std::size_t last) {
    double mass = 0;
    for (std::size_t j = first; j < std::min(last, weight.size()); ++j) {
        mass += magnitude(weight[j]);
    }
    return mass;
}

// On tokens that follow an earlier occurrence of the query's token: where a head looks that continues a repetition.
double inductionMass(std::span<const float> weight, std::span<const TokenId> tokens) {
    const TokenId query = tokens[weight.size() - 1];
    double mass = 0;
    for (std::size_t j = 1; j < weight.size(); ++j) {
        mass += tokens[j - 1] == query ? magnitude(weight[j]) : 0.0;
    }
    return mass;
}

} // namespace

HeadFigures emptyFigures(HeadRef head, LayerKind kind, double rate) {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    HeadFigures figures;
    figures.head = head;
    figures.kind = kind;
    figures.half_life = static_cast<float>(halfLife(kind == LayerKind::Lightning ? rate : 0.0));
    for (float HeadFigures::*figure :
         {&HeadFigures::output_norm, &HeadFigures::gate_mean, &HeadFigures::block_share, &HeadFigures::logit_effect,
          &HeadFigures::entropy, &HeadFigures::effective_span, &HeadFigures::mean_distance,
          &HeadFigures::mrag_importance, &HeadFigures::previous_token, &HeadFigures::induction,
          &HeadFigures::planted_fact}) {
        figures.*figure = nan;
    }
    return figures;
}

void fillWeightFigures(HeadFigures& figures, std::span<const float> weight, std::span<const TokenId> tokens,
                       const std::optional<std::pair<std::size_t, std::size_t>>& fact) {
    const std::size_t count = weight.size();
    const double total = massOf(weight, 0, count);
    if (!(total > 0) || !std::isfinite(total)) {
        return;
    }
    double log_sum = 0;  // of |w| log |w|
    double distance = 0; // of |w| (t - j)
    for (std::size_t j = 0; j < count; ++j) {
        const double w = magnitude(weight[j]);
        if (w > 0) {
            log_sum += w * std::log(w);
            distance += w * static_cast<double>(count - 1 - j);
        }
    }
    // -sum p log p with p = w / total. Rounding may push a single spike just below zero.
    const double entropy = std::max(0.0, std::log(total) - log_sum / total);
    figures.entropy = static_cast<float>(entropy);
    figures.effective_span = static_cast<float>(std::exp(entropy));
    figures.mean_distance = static_cast<float>(distance / total);
    figures.previous_token = count < 2 ? 0.0f : static_cast<float>(magnitude(weight[count - 2]) / total);
    figures.induction = static_cast<float>(inductionMass(weight, tokens) / total);
    if (fact) {
        figures.planted_fact = static_cast<float>(massOf(weight, fact->first, fact->second) / total);
    }
}

} // namespace fulgurite::capture
