// SPDX-License-Identifier: GPL-3.0-or-later
// Rules that watch series: "train.entropy below 0.1 for 5 steps".
#pragma once

#include "ui/train/run_data.h"

#include <QJsonArray>

namespace fulgurite {

struct AlertRule {
    enum class Test { Below, Above, NotFinite };
    QString series;
    Test test = Test::Below;
    double value = 0;
    int steps = 1; // logged points in a row

    bool operator==(const AlertRule&) const = default;
};

struct Alert {
    AlertRule rule;
    qint64 step = 0;  // where the row of points begins
    double value = 0; // there
};

// The first place where the rule holds; unset: nowhere.
std::optional<Alert> findAlert(const AlertRule& rule, const RunCurve& curve);

QString ruleText(const AlertRule& rule); // "train.entropy below 0.1 for 5 steps"
QJsonArray toJson(const std::vector<AlertRule>& rules);
std::vector<AlertRule> alertsFromJson(const QJsonArray& json); // what cannot be read is left out

} // namespace fulgurite
