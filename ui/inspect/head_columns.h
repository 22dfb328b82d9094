// SPDX-License-Identifier: GPL-3.0-or-later
// The figures of a head as columns: names for people, for filters and for files, and what each of them means.
#pragma once

#include "core/probe/capture/views.h"

#include <QString>

#include <vector>

namespace fulgurite {

struct HeadColumn {
    enum class Look { Number, Bar, SignedBar, Distance, Share };

    QString title; // "Half-life"
    QString key;   // "half": in filters and as the name in CSV files
    QString tip;   // what it is, its unit, how it came about
    QString unit;  // "nats"; empty where there is none
    capture::Provenance origin = capture::Provenance::Exact;
    float capture::HeadFigures::*value = nullptr;
    Look look = Look::Number;
};

// In the order of the table; the head itself comes before them.
const std::vector<HeadColumn>& headColumns();
const HeadColumn* findHeadColumn(const QString& key); // null: no such figure

// The role that fits best among the known ones, "induction .94"; empty when no role holds a tenth of the weight.
QString bestRole(const capture::HeadFigures& figures);
double bestRoleScore(const capture::HeadFigures& figures); // NaN: none was measured

} // namespace fulgurite
