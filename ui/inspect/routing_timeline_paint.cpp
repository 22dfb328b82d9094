// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/routing_timeline.h"

#include "ui/charts/scales.h"

#include <QLocale>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {

QRectF RoutingTimeline::marginRect() const {
    const QRectF plot = plotRect();
    return {plot.left(), plot.bottom() + themes().scaled(3), plot.width(), 1.0 * themes().scaled(24)};
}

void RoutingTimeline::paintTile(QPainter& painter, const Key& key, const Tile& tile) {
    const double first = static_cast<double>(key.index * spanOf(key));
    const double end = first + static_cast<double>(tile.strip.cells.width()) * static_cast<double>(key.per_column);
    const double left = std::max(first, range().left());
    const double right = std::min(end, range().right());
    if (right <= left) {
        return;
    }
    const QRectF to(toPixel({left, 0}), toPixel({right, fullRange().bottom()}));
    const auto column = [&](double token) { return (token - first) / static_cast<double>(key.per_column); };
    painter.drawImage(to, tile.strip.cells,
                      QRectF(column(left), 0, column(right) - column(left), tile.strip.cells.height()));
}

double RoutingTimeline::mostMargin() const {
    double most = 0;
    for (const Key& key : keysInSight(false)) {
        if (const auto found = tiles_.find(key); found != tiles_.end()) {
            for (const float margin : found->second.strip.margin_high) {
                most = std::max(most, static_cast<double>(margin));
            }
        }
    }
    for (const double round : {0.05, 0.1, 0.2, 0.5}) {
        if (most <= round) {
            return round;
        }
    }
    return 1;
}

void RoutingTimeline::paintMargin(QPainter& painter, const Key& key, const Tile& tile, double most) {
    const QRectF area = marginRect();
    const double first = static_cast<double>(key.index * spanOf(key));
    const auto y = [&](double margin) { return area.bottom() - std::clamp(margin / most, 0.0, 1.0) * area.height(); };
    const double step = static_cast<double>(key.per_column);
    QPolygonF line;
    QPolygonF low;
    for (std::size_t i = 0; i < tile.strip.margin_low.size(); ++i) {
        const double at = first + (static_cast<double>(i) + 0.5) * step;
        if (at + step < range().left() || at - step > range().right() ||
            tile.strip.margin_low[i] > tile.strip.margin_high[i]) {
            continue;
        }
        const double x = toPixel({at, 0}).x();
        line.append({x, y(tile.strip.margin_high[i])});
        low.append({x, y(tile.strip.margin_low[i])});
    }
    painter.setPen(QPen(themes().color(Role::Probability), 1));
    painter.setBrush(Qt::NoBrush);
    if (key.per_column == 1) {
        painter.drawPolyline(line);
        return;
    }
    // Several tokens a column: from the least to the greatest margin among them, so that none is lost.
    for (qsizetype i = 0; i < line.size(); ++i) {
        painter.drawLine(line[i], low[i] + QPointF(0, 0.5));
    }
}

void RoutingTimeline::paintLayers(QPainter& painter) {
    const QRectF plot = plotRect();
    painter.setFont(themes().uiFont(10.5));
    const double row = plot.height() / fullRange().height();
    const int line = themes().scaled(14);
    const int every = std::max(1, static_cast<int>(std::ceil(line / row)));
    const int step = every <= 1 ? 1 : every <= 2 ? 2 : (every + 3) / 4 * 4;
    double free = plot.top() - line;
    const auto label = [&](int layer) {
        const double y = plot.top() + (layer + 0.5) * row;
        if (y - line / 2.0 < free) {
            return;
        }
        painter.setPen(themes().color(
            layers_[static_cast<std::size_t>(layer)] == LayerKind::Softmax ? Role::Softmax : Role::Muted));
        painter.drawText(QRectF(0, y - line / 2.0, plot.left() - themes().scaled(10), line),
                         Qt::AlignRight | Qt::AlignVCenter, QStringLiteral("L%1").arg(layer));
        free = y + line / 2.0;
    };
    for (int layer = 0; layer < static_cast<int>(layers_.size()); ++layer) {
        if (layer % step == 0) {
            label(layer);
        }
        if (layers_[static_cast<std::size_t>(layer)] == LayerKind::Softmax) {
            const double y = plot.top() + (layer + 0.5) * row;
            painter.fillRect(QRectF(plot.left() - themes().scaled(7), y - 1, themes().scaled(6), 2),
                             themes().color(Role::Softmax));
        }
    }
    painter.setPen(themes().color(Role::Muted));
    painter.drawText(QRectF(0, marginRect().top() - 2, plot.left() - themes().scaled(4), marginRect().height() + 4),
                     Qt::AlignRight | Qt::AlignVCenter, tr("margin\n0–%1").arg(QLocale().toString(mostMargin())));
}

void RoutingTimeline::paintAxis(QPainter& painter) {
    const QRectF plot = plotRect();
    painter.setFont(themes().uiFont(10.5));
    const QRectF margin = marginRect();
    painter.setPen(themes().color(Role::Line));
    painter.drawLine(margin.bottomLeft(), margin.bottomRight());
    const double end = std::min(range().right(), fullRange().right() - 1);
    const int wanted = std::max(2, static_cast<int>(plot.width() / themes().scaled(110)));
    const std::vector<double> ticks = niceTicks(range().left(), end, wanted);
    const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
    painter.setPen(themes().color(Role::Muted));
    for (const double tick : ticks) {
        if (std::abs(tick - std::round(tick)) > 1e-6) {
            continue;
        }
        const double x = toPixel({tick + 0.5, 0}).x();
        painter.drawText(QRectF(x - 50, margin.bottom() + 1, 100, themes().scaled(16)),
                         Qt::AlignHCenter | Qt::AlignTop, tickText(tick, step));
    }
}

void RoutingTimeline::paintPlot(QPainter& painter) {
    if (tokens_ == 0 || layers_.empty()) {
        return;
    }
    painter.fillRect(plotRect(), themes().color(Role::Background));
    painter.save();
    painter.setClipRect(plotRect().united(marginRect()));
    const double most_margin = mostMargin();
    for (const Key& key : keysInSight(false)) {
        // Another zoom's image stands in until this one is there.
        const auto found = tiles_.find(key);
        if (found != tiles_.end()) {
            paintTile(painter, key, found->second);
            paintMargin(painter, key, found->second, most_margin);
            continue;
        }
        for (const auto& [other, tile] : tiles_) {
            const std::size_t first = other.index * spanOf(other);
            if (first < (key.index + 1) * spanOf(key) && first + spanOf(other) > key.index * spanOf(key)) {
                painter.setOpacity(0.5);
                paintTile(painter, other, tile);
                painter.setOpacity(1);
            }
        }
    }
    painter.restore();
    paintLayers(painter);
    paintAxis(painter);
}

void RoutingTimeline::paintMarks(QPainter& painter) {
    if (tokens_ == 0 || layers_.empty()) {
        return;
    }
    const QRectF plot = plotRect();
    painter.save();
    painter.setClipRect(plot.adjusted(-themes().scaled(10), -3, 4, themes().scaled(28)));
    painter.setBrush(Qt::NoBrush);
    if (source_) {
        const double x = toPixel({static_cast<double>(*source_) + 0.5, 0}).x();
        painter.setPen(QPen(themes().color(Role::Text), 1.5));
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, marginRect().bottom()));
    }
    if (query_) {
        const double left = toPixel({static_cast<double>(*query_), 0}).x();
        const double right = toPixel({static_cast<double>(*query_) + 1, 0}).x();
        const double grow = std::max(0.0, (5 - (right - left)) / 2);
        painter.setPen(QPen(themes().color(Role::Accent), 2));
        painter.drawRect(
            QRectF(QPointF(left - grow, plot.top() - 1), QPointF(right + grow, marginRect().bottom())));
    }
    if (look_.layer) {
        const double top = toPixel({0, static_cast<double>(*look_.layer)}).y();
        const double bottom = toPixel({0, static_cast<double>(*look_.layer) + 1}).y();
        const double grow = std::max(0.0, (4 - (bottom - top)) / 2);
        painter.setPen(QPen(themes().color(Role::Focus), 1));
        painter.drawRect(QRectF(QPointF(plot.left() - 1, top - grow), QPointF(plot.right(), bottom + grow)));
    }
    painter.restore();
}

} // namespace fulgurite
