// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/tint.h"


#include <algorithm>
#include <cmath>
#include <numbers>

namespace fulgurite {

double bits(double nats) {
    return nats / std::numbers::ln2;
}

double surpriseBits(const TokenView& token) {
    return token.scored ? std::max(0.0, bits(-token.logprob)) : 0;
}

double probability(double logprob) {
    return std::exp(std::min(logprob, 0.0));
}

bool uncertain(const TokenView& token) {
    return token.scored && token.channel != TokenChannel::Marker &&
           (surpriseBits(token) >= kUncertainBits || bits(token.entropy) >= kUncertainBits);
}

double tintStrength(const TokenView& token, TintMode mode) {
    if (!token.scored) {
        return 0;
    }
    switch (mode) {
    case TintMode::Probability:
        return probability(token.logprob);
    case TintMode::Surprise:
        return std::clamp(surpriseBits(token) / kFullTintBits, 0.0, 1.0);
    case TintMode::Entropy:
        return std::clamp(bits(token.entropy) / kFullTintBits, 0.0, 1.0);
    case TintMode::Off:
        break;
    }
    return 0;
}

Role tintRole(TintMode mode) {
    return mode == TintMode::Probability ? Role::Probability : Role::Surprise;
}

QColor tintColor(double strength, TintMode mode, const ThemeManager& themes) {
    if (mode == TintMode::Off || strength < 0.02) {
        return Qt::transparent;
    }
    // A little steeper at first, so that one or two bits are visible; never so strong that text is hard to read.
    // Nearly every token is likely: that scale stays paler, or the page would be one block of colour.
    const double most = (themes.theme().dark() ? 0.62 : 0.42) * (mode == TintMode::Probability ? 0.6 : 1);
    return themes.color(tintRole(mode), most * std::pow(std::clamp(strength, 0.0, 1.0), 0.75));
}

QColor tintColor(const TokenView& token, TintMode mode, const ThemeManager& themes) {
    return tintColor(tintStrength(token, mode), mode, themes);
}

bool tintUnderlines(const TokenView& token, TintMode mode) {
    return token.scored && ((mode == TintMode::Surprise && surpriseBits(token) >= kUnderlineBits) ||
                            (mode == TintMode::Entropy && bits(token.entropy) >= kUnderlineBits));
}

} // namespace fulgurite
