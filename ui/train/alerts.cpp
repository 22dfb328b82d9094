// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/alerts.h"

#include <QJsonObject>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kMostSteps = 100000;

// Buckets hold what their extreme points hold.
bool holds(const AlertRule& rule, const RunCurve& curve, std::size_t i) {
    switch (rule.test) {
    case AlertRule::Test::Below:
        return (curve.buckets() ? curve.least[i] : curve.values[i]) < rule.value;
    case AlertRule::Test::Above:
        return (curve.buckets() ? curve.most[i] : curve.values[i]) > rule.value;
    case AlertRule::Test::NotFinite:
        break;
    }
    return !std::isfinite(curve.values[i]) || (!curve.broken.empty() && curve.broken[i]);
}

} // namespace

std::optional<Alert> findAlert(const AlertRule& rule, const RunCurve& curve) {
    int in_a_row = 0;
    for (std::size_t i = 0; i < curve.size(); ++i) {
        in_a_row = holds(rule, curve, i) ? in_a_row + 1 : 0;
        if (in_a_row > 0 && in_a_row * curve.bucket >= rule.steps) {
            const std::size_t first = i + 1 - static_cast<std::size_t>(in_a_row);
            return Alert{rule, (*curve.steps)[first], curve.values[first]};
        }
    }
    return {};
}

QString ruleText(const AlertRule& rule) {
    const QString value = QString::number(rule.value, 'g', 6);
    const QString test = rule.test == AlertRule::Test::Below   ? QStringLiteral("below ") + value
                         : rule.test == AlertRule::Test::Above ? QStringLiteral("above ") + value
                                                               : QStringLiteral("not a finite number");
    return rule.steps > 1 ? QStringLiteral("%1 %2 for %3 steps").arg(rule.series, test).arg(rule.steps)
                          : QStringLiteral("%1 %2").arg(rule.series, test);
}

QJsonArray toJson(const std::vector<AlertRule>& rules) {
    QJsonArray json;
    for (const AlertRule& rule : rules) {
        json.append(QJsonObject{{"series", rule.series},
                                {"test", static_cast<int>(rule.test)},
                                {"value", rule.value},
                                {"steps", rule.steps}});
    }
    return json;
}

std::vector<AlertRule> alertsFromJson(const QJsonArray& json) {
    std::vector<AlertRule> rules;
    for (const QJsonValue& each : json) {
        const int test = each["test"].toInt(-1);
        const QString series = each["series"].toString();
        if (test < 0 || test > 2 || series.isEmpty()) {
            continue;
        }
        rules.push_back({.series = series,
                         .test = static_cast<AlertRule::Test>(test),
                         .value = each["value"].toDouble(),
                         .steps = std::clamp(each["steps"].toInt(1), 1, kMostSteps)});
    }
    return rules;
}

} // namespace fulgurite
