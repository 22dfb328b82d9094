// SPDX-License-Identifier: GPL-3.0-or-later
// What a sampler setting would do to a distribution of which the best tokens are known.
#pragma once

#include "ui/prompt/transcript_types.h"

#include <QList>

namespace fulgurite {

struct EffectBar {
    TokenChoice choice;
    double before = 0; // probability
    double after = 0;  // 0 when cut
    bool cut = false;
    bool sampled = false;
};

struct SamplerEffect {
    QList<EffectBar> bars; // by falling probability before
    int kept = 0;          // of the bars
    double kept_mass = 0;  // their probability after temperature, before the cut
    double known_mass = 0; // what the bars hold of the whole distribution
};

// Logit bias, temperature, top-k, top-p and min-p in the engine's order. Penalties need the text before the token,
// and what lies beyond the known tokens is taken to be cut: near top-p 1 the result is an estimate.
SamplerEffect samplerEffect(const TokenView& token, const SamplerSettings& settings);

} // namespace fulgurite
