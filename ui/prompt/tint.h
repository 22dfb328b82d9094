// SPDX-License-Identifier: GPL-3.0-or-later
// How likely a token was, as colour and as words.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_types.h"

#include <QColor>
#include <QString>

namespace fulgurite {

inline constexpr double kUnderlineBits = 4; // from here a token is underlined as well as tinted
inline constexpr double kFullTintBits = 8;
inline constexpr double kUncertainBits = 2; // what "next uncertain token" stops at, surprise or entropy

double bits(double nats);
double surpriseBits(const TokenView& token); // of the token, before the samplers
double probability(double logprob);
bool uncertain(const TokenView& token);

// 0..1: how strong the ground behind the token is.
double tintStrength(const TokenView& token, TintMode mode);
// Transparent where there is nothing to tint.
QColor tintColor(const TokenView& token, TintMode mode, const ThemeManager& themes);
bool tintUnderlines(const TokenView& token, TintMode mode);
Role tintRole(TintMode mode);
QColor tintColor(double strength, TintMode mode, const ThemeManager& themes);

} // namespace fulgurite
