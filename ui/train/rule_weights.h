// SPDX-License-Identifier: GPL-3.0-or-later
// What CISPO, GRPO and DAPO do to one token: the factor before A·∇logp. MiniMax-M1 report, equations 3 to 7; DAPO
// report for clip-higher.
#pragma once

#include <QString>

namespace fulgurite {

// Absolute bounds of the weight for CISPO, distances from 1 for the masks of the others.
struct RuleSettings {
    double cispo_cap = 5;
    double cispo_floor = 0;
    double grpo_low = 0.2;
    double grpo_high = 0.2;
    double dapo_low = 0.2;
    double dapo_high = 0.28;
};

enum class RuleVerdict {
    Full,   // the ratio itself
    Capped, // kept at the bound of the weight
    Masked, // no gradient from this token
    Zero,   // the advantage is 0: nothing flows whatever the weight
};

struct RuleWeight {
    double weight = 0;
    RuleVerdict verdict = RuleVerdict::Full;
    QString reason; // "r above 1.28", "min(r, 5)"
};

RuleWeight cispoWeight(double ratio, double advantage, const RuleSettings& settings);
// The mask strikes only strictly outside, and only where the update would move further away.
RuleWeight grpoWeight(double ratio, double advantage, const RuleSettings& settings);
RuleWeight dapoWeight(double ratio, double advantage, const RuleSettings& settings);

} // namespace fulgurite
