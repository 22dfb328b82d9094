// SPDX-License-Identifier: GPL-3.0-or-later
// The ways to rank that the page sets side by side: their names, marks and colours, and how the window ranks those
// that vote. Strategies are told apart by mark and dash as well as by colour.
#pragma once

#include "core/retrieval/votes/ranking.h"
#include "ui/base/theme.h"

#include <QPointF>
#include <QString>
#include <QStringList>

#include <optional>
#include <vector>

class QPainter;

namespace fulgurite {

enum class Mark { Square, Triangle, Circle, Diamond, OpenSquare, OpenCircle, OpenDiamond };

struct StrategyInfo {
    QString id;    // as the engine calls it
    QString title; // over a column
    QString note;  // what it looks at
    Role role;
    Mark mark;
    Qt::PenStyle line = Qt::SolidLine;
    // Set: it adds up votes and is ranked in the window, from the lists that the engine sends under `lists`.
    std::optional<retrieval::VoteRule> rule;
    QString lists;
    bool needs_prompts = false; // several phrasings of the query

    bool byHeads() const { return lists == QStringLiteral("mrag"); } // and not by pieces of the standard vector
};

const std::vector<StrategyInfo>& strategies();
const StrategyInfo& strategyInfo(const QString& id); // of an unknown one: its name, drawn like the standard one

// What to ask the engine for, so that every one of `wanted` can be ranked.
QStringList engineStrategies(const QStringList& wanted);

void paintMark(QPainter& painter, QPointF centre, double size, Mark mark, const QColor& color);

} // namespace fulgurite
