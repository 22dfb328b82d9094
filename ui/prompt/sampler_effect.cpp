// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/sampler_effect.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fulgurite {

SamplerEffect samplerEffect(const TokenView& token, const SamplerSettings& settings) {
    SamplerEffect effect;
    std::vector<double> logits;
    for (const TokenChoice& choice : token.before) {
        EffectBar bar;
        bar.choice = choice;
        bar.before = std::exp(static_cast<double>(choice.logprob));
        bar.sampled = choice.id == token.id;
        effect.known_mass += bar.before;
        effect.bars.push_back(bar);
        double logit = choice.logprob;
        for (const LogitBias& bias : settings.logit_bias) {
            logit += bias.id == choice.id ? bias.bias : 0;
        }
        logits.push_back(logit);
    }
    if (logits.empty()) {
        return effect;
    }
    std::vector<std::size_t> order(logits.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
    const bool greedy = settings.temperature == 0;
    const double most = logits[order.front()];
    std::vector<double> weights(logits.size());
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        weights[i] =
            greedy ? (i == order.front() ? 1.0 : 0.0) : std::exp((logits[i] - most) / settings.temperature);
        sum += weights[i];
    }
    // The unknown rest keeps its share at temperature 1, the only one at which it is known.
    const double rest =
        greedy ? 0 : std::max(0.0, 1 - effect.known_mass) * (sum / std::max(effect.known_mass, 1e-9));
    const double total = sum + (settings.temperature == 1 ? rest : 0);
    double reached = 0;
    std::size_t kept = 0;
    for (const std::size_t i : order) {
        const double share = weights[i] / total;
        const bool over_k = settings.top_k > 0 && kept >= static_cast<std::size_t>(settings.top_k);
        const bool over_p = settings.top_p < 1 && reached >= settings.top_p;
        const bool under_min = share < settings.min_p * weights[order.front()] / total;
        if (kept > 0 && (over_k || over_p || under_min || share == 0)) {
            break;
        }
        reached += share;
        ++kept;
    }
    for (std::size_t place = 0; place < order.size(); ++place) {
        EffectBar& bar = effect.bars[static_cast<qsizetype>(order[place])];
        bar.cut = place >= kept;
        bar.after = bar.cut ? 0 : weights[order[place]] / total / std::max(reached, 1e-12);
    }
    effect.kept = static_cast<int>(kept);
    effect.kept_mass = reached;
    return effect;
}

} // namespace fulgurite
