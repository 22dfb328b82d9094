// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/token_map.h"

#include <QLocale>
#include <QPainter>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kOverview = 46; // pixels

} // namespace

void TokenMap::paintTile(QPainter& painter, const MapTiles::Tile& tile, const MapTileKey& over, bool coarse) {
    const double span = static_cast<double>(MapTiles::kSide * over.pool);
    const QRectF wanted(static_cast<double>(over.col) * span, static_cast<double>(over.row) * span, span, span);
    const auto cell = static_cast<double>(tile.data->pool);
    const QRectF held(static_cast<double>(tile.data->first_col), static_cast<double>(tile.data->first_row),
                      static_cast<double>(tile.data->cols) * cell, static_cast<double>(tile.data->rows) * cell);
    const QRectF part = wanted.intersected(held).intersected(range());
    if (part.isEmpty()) {
        return;
    }
    const QRectF from((part.left() - held.left()) / cell, (part.top() - held.top()) / cell, part.width() / cell,
                      part.height() / cell);
    painter.setOpacity(coarse ? 0.5 : 1);
    painter.drawImage(QRectF(toPixel(part.topLeft()), toPixel(part.bottomRight())), tile.image, from);
    painter.setOpacity(1);
}

void TokenMap::paintPlot(QPainter& painter) {
    if (!head_) {
        return;
    }
    const QRectF plot = plotRect();
    painter.fillRect(plot, themes().color(Role::Grid));
    painter.save();
    painter.setClipRect(plot);
    for (MapTileKey key : visibleKeys()) {
        const MapTileKey wanted = key;
        key.head = shown_.value_or(*head_);
        if (const MapTiles::Tile* tile = tiles_.nearest(key)) {
            paintTile(painter, *tile, wanted, tile != tiles_.find(key));
        } else {
            const double span = static_cast<double>(MapTiles::kSide * key.pool);
            const QPointF corner(static_cast<double>(key.col) * span, static_cast<double>(key.row) * span);
            painter.fillRect(QRectF(toPixel(corner), toPixel(corner + QPointF(span, span))),
                             themes().color(Role::Panel));
        }
    }
    painter.setPen(QPen(themes().color(Role::Faint), 1));
    painter.setRenderHint(QPainter::Antialiasing);
    const double end = static_cast<double>(tokens_);
    painter.drawLine(toPixel({1, 0}), toPixel({end + 1, end})); // right of it nothing is defined
    painter.restore();
    paintGutter(painter);
    paintLegend(painter);
}

void TokenMap::paintGutter(QPainter& painter) {
    const QRectF plot = plotRect();
    const int left = themes().scaled(kMapEdge);
    painter.setFont(themes().uiFont(11.5, QFont::DemiBold));
    painter.setPen(themes().color(Role::Text));
    const int line = themes().scaled(16);
    painter.drawText(QRectF(left, plot.top() - 2, themes().scaled(kMapGutter), line),
                     Qt::AlignLeft | Qt::AlignVCenter, tr("map"));
    const double room = plot.height() - 2 * line;
    const double side = std::min<double>(themes().scaled(kOverview), room);
    if (side >= 16) {
        const QRectF box(left, plot.top() + line, side, side);
        painter.fillRect(box, themes().color(Role::Grid));
        if (!overview_.isNull() && overview_data_) {
            const double cells =
                static_cast<double>(overview_data_->pool) * static_cast<double>(overview_data_->rows);
            const double scale = side / static_cast<double>(tokens_);
            painter.save();
            painter.setClipRect(box);
            painter.drawImage(QRectF(box.left(), box.top(), cells * scale, cells * scale), overview_);
            painter.restore();
        }
        painter.setPen(themes().color(Role::Line));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(box);
        const double scale = side / static_cast<double>(std::max<std::size_t>(tokens_, 1));
        QRectF frame(box.left() + range().left() * scale, box.top() + range().top() * scale,
                     std::max(4.0, range().width() * scale), std::max(4.0, range().height() * scale));
        frame.moveRight(std::min(frame.right(), box.right()));
        frame.moveBottom(std::min(frame.bottom(), box.bottom()));
        painter.setPen(QPen(themes().color(Role::Accent), 1.5));
        painter.drawRect(frame);
    }
    painter.setFont(themes().uiFont(10.5));
    painter.setPen(themes().color(Role::Muted));
    const double pixels = plot.width() / range().width();
    const QString zoom = pixels >= 0.95 ? tr("%1 px/tok").arg(QLocale().toString(pixels, 'f', pixels < 9.5 ? 1 : 0))
                                        : tr("%1 tok/px").arg(QLocale().toString(1 / pixels, 'f', 1));
    painter.drawText(QRectF(left, plot.bottom() - line, themes().scaled(kMapGutter), line),
                     Qt::AlignLeft | Qt::AlignVCenter, zoom);
}

void TokenMap::paintLegend(QPainter& painter) {
    const double most = colorRange();
    if (most <= 0) {
        return;
    }
    painter.setFont(themes().uiFont(10.5));
    const QFontMetricsF metrics(painter.font());
    const bool softmax = kind_ == LayerKind::Softmax;
    // Beyond the ends of the range colours are those of the ends.
    const bool cut = most < most_;
    const QString low =
        softmax ? QStringLiteral("0") : (cut ? QStringLiteral("≤ ") : QString()) + signedText(-most);
    const QString high =
        (cut ? QStringLiteral("≥ ") : QString()) + (softmax ? QLocale().toString(most, 'g', 3) : signedText(most));
    const double bar = themes().scaled(70);
    const double low_width = metrics.horizontalAdvance(low) + 5;
    const double width = low_width + bar + 5 + metrics.horizontalAdvance(high) + 12;
    // Over the part that is not defined where that is in sight: at the right.
    const QRectF box(plotRect().left() + 4, plotRect().top() + 4, width, themes().scaled(18));
    painter.fillRect(box, themes().color(Role::Panel, 0.85));
    painter.setPen(themes().color(Role::Text));
    painter.drawText(box.adjusted(6, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter, low);
    painter.drawText(box.adjusted(0, 0, -6, 0), Qt::AlignRight | Qt::AlignVCenter, high);
    const QRectF ramp(box.left() + 6 + low_width, box.center().y() - 4, bar, 8);
    for (int x = 0; x < static_cast<int>(ramp.width()); ++x) {
        const double value = tiles_.style().scale.valueAt(x / (ramp.width() - 1));
        painter.fillRect(QRectF(ramp.left() + x, ramp.top(), 1, ramp.height()),
                         QColor::fromRgb(tiles_.style().scale.at(value)));
    }
}

void TokenMap::paintMarks(QPainter& painter) {
    if (!head_) {
        return;
    }
    painter.save();
    painter.setClipRect(plotRect().adjusted(-2, -2, 2, 2));
    if (source_token_) {
        const double x = toPixel({static_cast<double>(*source_token_) + 0.5, 0}).x();
        painter.setPen(QPen(themes().color(Role::Focus), 1));
        painter.drawLine(QPointF(x, plotRect().top()), QPointF(x, plotRect().bottom()));
    }
    if (query_) {
        const double top = toPixel({0, static_cast<double>(*query_)}).y();
        const double bottom = toPixel({0, static_cast<double>(*query_) + 1}).y();
        const double grow = std::max(0.0, (4 - (bottom - top)) / 2);
        painter.setPen(QPen(themes().color(Role::Accent), 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(QRectF(plotRect().left(), top - grow, plotRect().width() - 1, bottom - top + 2 * grow)
                             .adjusted(0.5, 0, 0, 0));
    }
    painter.restore();
}

} // namespace fulgurite
