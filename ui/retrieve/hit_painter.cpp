// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/hit_painter.h"

#include "ui/retrieve/aspects.h"

#include <QFontMetricsF>
#include <QLocale>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kRankWidth = 22;
constexpr double kPad = 10;
constexpr double kEdge = 3;
constexpr double kDim = 0.4;

} // namespace

QString rankValue(const RankColumn& column, double value) {
    // Reciprocal ranks are all under a sixtieth and differ in the fourth digit.
    const double best = column.hits.empty() ? value : std::abs(column.hits.front().total);
    const int decimals = best < 0.2 ? 4 : best < 1000 ? 2 : 0;
    return QLocale().toString(value, 'f', decimals).replace(u'-', QChar(0x2212));
}

void HitPainter::paint(QPainter& painter, const QRectF& rect, const RankColumn& column, int place,
                       const HitLook& look) const {
    const retrieval::Ranked& hit = column.hits[static_cast<std::size_t>(place)];
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing, false);
    paintGround(painter, rect, hit.document, look);
    painter.setOpacity(look.dimmed ? kDim : 1);
    const double unit = rect.height() / 53; // everything grows with the text
    paintTitle(painter, {rect.left(), rect.top() + 4 * unit, rect.width(), 18 * unit}, column, place);

    const QRectF inside(rect.left() + kEdge + kRankWidth * unit + 4, rect.top(),
                        rect.width() - kEdge - kRankWidth * unit - 4 - kPad, rect.height());
    painter.setFont(themes_.uiFont(11));
    painter.setPen(themes_.color(Role::Muted));
    const QRectF words(inside.left(), rect.top() + 21 * unit, inside.width(), 15 * unit);
    painter.drawText(
        words, Qt::AlignLeft | Qt::AlignVCenter,
        QFontMetricsF(painter.font()).elidedText(session_.passage(hit.document), Qt::ElideRight, words.width()));
    if (column.lists != nullptr) {
        paintStrip(painter, {inside.left(), rect.top() + 37 * unit, inside.width(), 9 * unit}, column,
                   hit.document);
    }
    const double best = std::max(std::abs(column.hits.front().total), 1e-12);
    const QRectF bar(inside.left(), rect.top() + (column.lists != nullptr ? 47.5 : 41) * unit, inside.width(),
                     column.lists != nullptr ? 2 : 3);
    painter.fillRect(bar, themes_.color(Role::Line));
    painter.fillRect(
        QRectF(bar.left(), bar.top(), bar.width() * std::clamp(hit.total / best, 0.0, 1.0), bar.height()),
        themes_.color(strategyInfo(column.strategy).role));
    painter.restore();
}

void HitPainter::paintGround(QPainter& painter, const QRectF& rect, std::int32_t document,
                             const HitLook& look) const {
    painter.fillRect(rect, themes_.color(look.selected  ? Role::Selection
                                         : look.hovered ? Role::Raised
                                                        : Role::Panel));
    painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), themes_.color(Role::Grid));
    if (const int aspect = session_.aspect(document); aspect >= 0) {
        painter.fillRect(QRectF(rect.left(), rect.top(), kEdge, rect.height()), themes_.color(aspectRole(aspect)));
    }
    if (session_.brush().contains(document)) {
        painter.fillRect(QRectF(rect.right() - 3, rect.top(), 3, rect.height()), themes_.color(Role::Focus));
    }
}

void HitPainter::paintTitle(QPainter& painter, const QRectF& rect, const RankColumn& column, int place) const {
    const retrieval::Ranked& hit = column.hits[static_cast<std::size_t>(place)];
    const double unit = rect.height() / 18;
    painter.setFont(themes_.uiFont(12, QFont::DemiBold));
    painter.setPen(themes_.color(place < 3 ? Role::Text : Role::Muted));
    const QRectF rank(rect.left() + kEdge, rect.top(), kRankWidth * unit, rect.height());
    painter.drawText(rank, Qt::AlignRight | Qt::AlignVCenter, QString::number(place + 1));

    const QString value = rankValue(column, hit.total);
    const QFontMetricsF font(painter.font());
    const double value_width = font.horizontalAdvance(value);
    painter.setPen(themes_.color(Role::Text));
    const QRectF line(rank.right() + 4, rect.top(), rect.right() - kPad - rank.right() - 4, rect.height());
    painter.drawText(line, Qt::AlignRight | Qt::AlignVCenter, value);

    const int aspect = session_.aspect(hit.document);
    const double badge = aspect >= 0 ? 15 * unit + 6 : 0;
    const double room = line.width() - value_width - 8 - badge;
    const QString title = font.elidedText(session_.documents().title(hit.document), Qt::ElideRight, room);
    painter.drawText(QRectF(line.left(), line.top(), room, line.height()), Qt::AlignLeft | Qt::AlignVCenter, title);
    if (aspect >= 0) {
        const double at = line.left() + std::min(room, font.horizontalAdvance(title)) + 6;
        paintAspect(painter, {at, rect.center().y() - 7.5 * unit, 15 * unit, 15 * unit}, aspect, false, themes_);
    }
}

// One bar for each head: height is its score, brightness the document's rank in its list; a dash where it is off.
void HitPainter::paintStrip(QPainter& painter, const QRectF& rect, const RankColumn& column,
                            std::int32_t document) const {
    const retrieval::HeadLists& lists = *column.lists;
    const StrategyInfo& info = strategyInfo(column.strategy);
    if (lists.heads == 0) {
        return;
    }
    const bool scaled = info.rule == retrieval::VoteRule::Scaled;
    const double most = std::max(1e-12, *std::max_element(lists.scores.begin(), lists.scores.end()));
    const double step = std::min(rect.width() / static_cast<double>(lists.heads), 12.0);
    const double width = std::max(1.0, step - (step > 3 ? 1 : 0));
    const std::vector<retrieval::HeadVote> votes = retrieval::votesFor(lists, *info.rule, document, column.on);
    const QColor strong = themes_.color(info.role);
    for (std::size_t head = 0; head < lists.heads; ++head) {
        const double left = rect.left() + step * static_cast<double>(head);
        if (!column.on.empty() && column.on[head] == 0) {
            painter.fillRect(QRectF(left, rect.center().y(), width, 1), themes_.color(Role::Faint));
            continue;
        }
        const double share = scaled ? std::max(0.15, lists.scores[head] / most) : 1;
        const QRectF bar(left, rect.bottom() - rect.height() * share, width, rect.height() * share);
        QColor color = themes_.color(Role::Line);
        if (votes[head].rank >= 0) {
            color = strong;
            color.setAlphaF(static_cast<float>(std::max(0.22, std::pow(0.78, votes[head].rank))));
        }
        painter.fillRect(bar, color);
    }
}

} // namespace fulgurite
