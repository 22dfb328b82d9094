// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/strategies.h"

#include <QCoreApplication>
#include <QPainter>
#include <QPolygonF>

#include <algorithm>

namespace fulgurite {
namespace {

QString text(const char* source) {
    return QCoreApplication::translate("fulgurite", source);
}

std::vector<StrategyInfo> makeStrategies() {
    using retrieval::VoteRule;
    const QString heads = QStringLiteral("mrag");
    const QString segments = QStringLiteral("split");
    return {
        {QStringLiteral("standard"),
         text("Standard"),
         text("one vector"),
         Role::Standard,
         Mark::Square,
         Qt::DashLine,
         {},
         {}},
        {segments, text("Split"), text("pieces, 2⁻ᵖ"), Role::Split, Mark::Triangle, Qt::SolidLine, VoteRule::Decay,
         segments},
        {QStringLiteral("split-weighted"), text("Split weighted"), text("pieces, s·2⁻ᵖ"), Role::Split,
         Mark::Triangle, Qt::DotLine, VoteRule::Scaled, segments},
        {heads, text("MRAG"), text("heads, s·2⁻ᵖ"), Role::Lightning, Mark::Circle, Qt::SolidLine, VoteRule::Scaled,
         heads},
        {QStringLiteral("mrag-decay"), text("MRAG decay"), text("heads, 2⁻ᵖ"), Role::Lightning, Mark::OpenCircle,
         Qt::DashLine, VoteRule::Decay, heads},
        {QStringLiteral("mrag-distance"), text("MRAG distance"), text("heads, 1/d"), Role::Lightning,
         Mark::OpenCircle, Qt::DotLine, VoteRule::Distance, heads},
        {QStringLiteral("fusion"),
         text("Fusion RAG"),
         text("several prompts"),
         Role::Run2,
         Mark::Diamond,
         Qt::SolidLine,
         {},
         {},
         true},
        {QStringLiteral("fusion-mrag"),
         text("Fusion MRAG"),
         text("prompts and heads"),
         Role::Run2,
         Mark::OpenDiamond,
         Qt::DashLine,
         {},
         {},
         true},
        {QStringLiteral("bm25"),
         text("Keyword BM25"),
         text("words"),
         Role::Run3,
         Mark::OpenSquare,
         Qt::DashDotLine,
         {},
         {}},
    };
}

} // namespace

const std::vector<StrategyInfo>& strategies() {
    static const std::vector<StrategyInfo> kStrategies = makeStrategies();
    return kStrategies;
}

const StrategyInfo& strategyInfo(const QString& id) {
    const std::vector<StrategyInfo>& all = strategies();
    const auto found =
        std::find_if(all.begin(), all.end(), [&id](const StrategyInfo& each) { return each.id == id; });
    return found == all.end() ? all.front() : *found;
}

QStringList engineStrategies(const QStringList& wanted) {
    QStringList asked;
    for (const QString& id : wanted) {
        const StrategyInfo& info = strategyInfo(id);
        const QString name = info.rule ? info.lists : info.id;
        if (!asked.contains(name)) {
            asked << name;
        }
    }
    return asked;
}

void paintMark(QPainter& painter, QPointF centre, double size, Mark mark, const QColor& color) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const bool open = mark == Mark::OpenSquare || mark == Mark::OpenCircle || mark == Mark::OpenDiamond;
    painter.setPen(open ? QPen(color, 1.5) : Qt::NoPen);
    painter.setBrush(open ? Qt::NoBrush : QBrush(color));
    const double half = size / 2 - (open ? 0.75 : 0);
    const QPointF x(half, 0);
    const QPointF y(0, half);
    switch (mark) {
    case Mark::Square:
    case Mark::OpenSquare:
        painter.drawRect(QRectF(centre - x * 0.9 - y * 0.9, centre + x * 0.9 + y * 0.9));
        break;
    case Mark::Circle:
    case Mark::OpenCircle:
        painter.drawEllipse(centre, half, half);
        break;
    case Mark::Triangle:
        painter.drawPolygon(QPolygonF{{centre - y, centre + y * 0.85 + x, centre + y * 0.85 - x}});
        break;
    case Mark::Diamond:
    case Mark::OpenDiamond:
        painter.drawPolygon(QPolygonF{{centre - y * 1.1, centre + x * 1.1, centre + y * 1.1, centre - x * 1.1}});
        break;
    }
    painter.restore();
}

} // namespace fulgurite
