// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/rule_weights.h"

#include <algorithm>

namespace fulgurite {
namespace {

QString number(double value) {
    return QString::number(value, 'g', 4);
}

RuleWeight masked(double ratio, double advantage, double low, double high) {
    if (advantage == 0) {
        return {.weight = 0, .verdict = RuleVerdict::Zero, .reason = QStringLiteral("A = 0")};
    }
    if (advantage > 0 && ratio > 1 + high) {
        return {
            .weight = 0, .verdict = RuleVerdict::Masked, .reason = QStringLiteral("r above ") + number(1 + high)};
    }
    if (advantage < 0 && ratio < 1 - low) {
        return {
            .weight = 0, .verdict = RuleVerdict::Masked, .reason = QStringLiteral("r below ") + number(1 - low)};
    }
    return {.weight = ratio, .verdict = RuleVerdict::Full, .reason = QStringLiteral("r")};
}

} // namespace

RuleWeight cispoWeight(double ratio, double advantage, const RuleSettings& settings) {
    if (advantage == 0) {
        return {.weight = 0, .verdict = RuleVerdict::Zero, .reason = QStringLiteral("A = 0")};
    }
    const double weight = std::clamp(ratio, settings.cispo_floor, settings.cispo_cap);
    const QString rule =
        settings.cispo_floor > 0
            ? QStringLiteral("clip(r, %1, %2)").arg(number(settings.cispo_floor), number(settings.cispo_cap))
            : QStringLiteral("min(r, %1)").arg(number(settings.cispo_cap));
    return {.weight = weight, .verdict = weight == ratio ? RuleVerdict::Full : RuleVerdict::Capped, .reason = rule};
}

RuleWeight grpoWeight(double ratio, double advantage, const RuleSettings& settings) {
    return masked(ratio, advantage, settings.grpo_low, settings.grpo_high);
}

RuleWeight dapoWeight(double ratio, double advantage, const RuleSettings& settings) {
    return masked(ratio, advantage, settings.dapo_low, settings.dapo_high);
}

} // namespace fulgurite
