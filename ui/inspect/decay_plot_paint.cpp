// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/decay_plot.h"

#include "ui/base/format.h"
#include "ui/inspect/head_badge.h"

#include <QImage>
#include <QLocale>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kContours[] = {64, 1000};

} // namespace

void DecayPlot::paintPlot(QPainter& painter) {
    if (layers() == 0) {
        return;
    }
    painter.setRenderHint(QPainter::Antialiasing, false);
    paintCells(painter);
    painter.setRenderHint(QPainter::Antialiasing);
    for (const double tokens : kContours) {
        if (byReach()) {
            paintContour(painter, tokens);
        }
    }
    paintAxes(painter);
    paintRamp(painter);
}

void DecayPlot::paintCells(QPainter& painter) const {
    QImage image(map_.heads, layers(), QImage::Format_RGB32);
    for (int layer = 0; layer < layers(); ++layer) {
        const ColorScale scale = grid_.colors(themes().theme(), map_.layers[static_cast<std::size_t>(layer)]);
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(layer));
        for (int head = 0; head < map_.heads; ++head) {
            const double value = valueOf({layer, head});
            line[head] = std::isfinite(value) ? scale.at(value) : themes().color(Role::Panel).rgb();
        }
    }
    const QRectF plot = plotRect();
    painter.save();
    painter.setClipRect(plot);
    painter.drawImage(QRectF(toPixel({0, 0}), toPixel(QPointF(map_.heads, layers()))), image);
    for (int layer = 0; layer < layers(); ++layer) {
        if (map_.unbounded(layer) && byReach()) {
            // Nearly as thin as a cell in the large map: the line is what says "no half-life here".
            const double y = std::round(toPixel({0, layer + 0.5}).y());
            painter.fillRect(QRectF(plot.left(), y - 1, plot.width(), 2), themes().color(Role::Softmax));
        }
    }
    if (grid_.count == 0) {
        painter.setFont(themes().uiFont(12));
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(plot, Qt::AlignCenter | Qt::TextWordWrap,
                         byReach() ? tr("No layer decays") : tr("%1: not captured at this token").arg(grid_.title));
    }
    painter.restore();
    // By figure both kinds have cells: the bar beside the row says which is softmax.
    for (int layer = 0; layer < layers() && !byReach(); ++layer) {
        const double top = std::max(toPixel({0, layer * 1.0}).y(), plot.top());
        const double bottom = std::min(toPixel({0, layer + 1.0}).y(), plot.bottom());
        if (map_.unbounded(layer) && bottom > top) {
            painter.fillRect(QRectF(plot.left() - 3, top, 3, bottom - top), themes().color(Role::Softmax));
        }
    }
}

// Where heads pass `tokens` of reach, from layer to layer; only where reach rises with the head's number, as it
// does for powers of two.
void DecayPlot::paintContour(QPainter& painter, double tokens) const {
    if (!rising_) {
        return;
    }
    QPainterPath path;
    bool open = false;
    QPointF last;
    for (int layer = 0; layer < layers(); ++layer) {
        if (map_.unbounded(layer)) {
            continue;
        }
        std::optional<double> x;
        for (int head = 0; head + 1 < map_.heads && !x; ++head) {
            const double a = std::log(reachOf({layer, head}) / tokens);
            const double b = std::log(reachOf({layer, head + 1}) / tokens);
            if (a <= 0 && b > 0) {
                x = head + 0.5 + a / (a - b);
            }
        }
        if (!x) {
            open = false;
            continue;
        }
        last = toPixel({*x, layer + 0.5});
        if (open) {
            path.lineTo(last);
        } else {
            path.moveTo(last);
        }
        open = true;
    }
    if (path.elementCount() < 2) {
        return;
    }
    const QRectF plot = plotRect();
    painter.save();
    painter.setClipRect(plot);
    painter.setPen(QPen(themes().color(Role::Text, 0.75), 1));
    painter.drawPath(path);
    const QString text = tr("%1 tok").arg(grouped(static_cast<std::int64_t>(tokens)));
    const QFont font = themes().uiFont(10.5, QFont::DemiBold);
    const QPointF at = path.pointAtPercent(0.5);
    QRectF box = QFontMetricsF(font).boundingRect(text).adjusted(-4, -1, 4, 1);
    box.moveCenter(
        {std::clamp(at.x(), plot.left() + box.width() / 2 + 2, plot.right() - box.width() / 2 - 2), at.y()});
    painter.setPen(Qt::NoPen);
    painter.setBrush(themes().color(Role::Panel, 0.85));
    painter.drawRoundedRect(box, 3, 3);
    painter.setFont(font);
    painter.setPen(themes().color(Role::Text));
    painter.drawText(box, Qt::AlignCenter, text);
    painter.restore();
}

void DecayPlot::paintAxes(QPainter& painter) const {
    const QRectF plot = plotRect();
    const QFont font = themes().uiFont(10.5);
    const QFontMetricsF metrics(font);
    painter.setFont(font);
    const double line = metrics.height();
    double free_from = plot.top() - line;
    for (int layer = 0; layer < layers(); ++layer) {
        const double y = toPixel({0, layer + 0.5}).y();
        const bool room = y - line / 2 >= free_from && y >= plot.top() - 1 && y <= plot.bottom() + 1;
        // With many layers the softmax ones and the first carry names; with few all do.
        const bool named = map_.unbounded(layer) || layer == 0 || range().height() * line < plot.height();
        if (room && named) {
            painter.setPen(themes().color(map_.unbounded(layer) ? Role::Softmax : Role::Muted));
            painter.drawText(QRectF(0, y - line / 2, plot.left() - 5, line), Qt::AlignRight | Qt::AlignVCenter,
                             QStringLiteral("L%1").arg(layer));
            free_from = y + line / 2;
        }
    }
    const double column = metrics.horizontalAdvance(QStringLiteral("H000"));
    int step = 1;
    while (step * plot.width() / range().width() < column + 6) {
        step *= 2;
    }
    painter.setPen(themes().color(Role::Muted));
    for (int head = 0; head < map_.heads; head += step) {
        const double x = toPixel({head + 0.5, 0}).x();
        if (x >= plot.left() && x <= plot.right()) {
            painter.drawText(QRectF(x - column, plot.bottom() + 2, 2 * column, line),
                             Qt::AlignHCenter | Qt::AlignTop,
                             (head == 0 ? QStringLiteral("H%1") : QStringLiteral("%1")).arg(head));
        }
    }
}

void DecayPlot::paintRamp(QPainter& painter) const {
    const QRectF plot = plotRect();
    const QFont font = themes().uiFont(10.5);
    const double line = QFontMetricsF(font).height();
    // What the words beside the ramp leave of it.
    const double words = QFontMetricsF(font).horizontalAdvance(tr("%1 % below 64").arg(100)) + 14;
    const double width = std::max(40.0, std::round(plot.width() - words));
    const double top = plot.bottom() + line + 5;
    const double ramp_top = top + themes().scaled(20) + 2;
    const double ramp_height = themes().scaled(9);
    const std::vector<int>& histogram = grid_.histogram;
    const int most = histogram.empty() ? 0 : *std::max_element(histogram.begin(), histogram.end());
    painter.setRenderHint(QPainter::Antialiasing, false);
    for (std::size_t bin = 0; bin < histogram.size() && most > 0; ++bin) {
        const double left = std::round(plot.left() + width * static_cast<double>(bin) / HeadColouring::kBins);
        const double right = std::round(plot.left() + width * static_cast<double>(bin + 1) / HeadColouring::kBins);
        const double height = std::ceil(themes().scaled(20) * static_cast<double>(histogram[bin]) / most);
        painter.fillRect(QRectF(left, ramp_top - 2 - height, right - left - 1, height),
                         themes().color(Role::Faint));
    }
    // Of both kinds of head where both have cells, one above the other.
    const ColorScale lightning = grid_.colors(themes().theme(), LayerKind::Lightning);
    const ColorScale softmax =
        grid_.colors(themes().theme(), byReach() ? LayerKind::Lightning : LayerKind::Softmax);
    const double half = std::round(ramp_height / 2);
    for (double x = 0; x < width; ++x) {
        const double value = lightning.valueAt(x / width);
        painter.fillRect(QRectF(plot.left() + x, ramp_top, 1, half), QColor(lightning.at(value)));
        painter.fillRect(QRectF(plot.left() + x, ramp_top + half, 1, ramp_height - half),
                         QColor(softmax.at(value)));
    }
    painter.setFont(font);
    painter.setPen(themes().color(Role::Muted));
    double free_from = plot.left() - line;
    for (const double tick : grid_.ticks()) {
        const QString shown = grid_.tickLabel(tick);
        const double x = plot.left() + width * lightning.share(tick);
        const double room = QFontMetricsF(font).horizontalAdvance(shown) / 2;
        if (x - room >= free_from && x + room <= plot.left() + width + 14) {
            painter.drawText(QRectF(x - room, ramp_top + ramp_height + 1, 2 * room + 2, line), Qt::AlignCenter,
                             shown);
            free_from = x + room + 5;
        }
    }
    const QRectF side(plot.left() + width + 12, top, plot.right() - plot.left() - width - 10, line);
    paintRampWords(painter, side, std::round(ramp_top + ramp_height / 2), ramp_top + ramp_height + 1);
}

void DecayPlot::paintRampWords(QPainter& painter, const QRectF& side, double ramp_middle,
                               double ramp_bottom) const {
    const double line = side.height();
    const auto say = [&](double top, const QString& text, double indent = 0) {
        painter.drawText(QRectF(side.left() + indent, top, side.width(), line), Qt::AlignLeft | Qt::AlignVCenter,
                         text);
    };
    if (!byReach()) {
        say(side.top(), tr("%1 heads").arg(grouped(static_cast<std::int64_t>(grid_.count))));
        say(ramp_middle - line / 2, tr("at %1").arg(grouped(static_cast<std::int64_t>(table_->position))));
        say(ramp_bottom, grid_.unit);
        return;
    }
    say(side.top(), tr("%1 % below 64").arg(below_));
    if (std::find(map_.layers.begin(), map_.layers.end(), LayerKind::Softmax) != map_.layers.end()) {
        painter.fillRect(QRectF(side.left(), ramp_middle - 1, 14, 2), themes().color(Role::Softmax));
        say(ramp_middle - line / 2, tr("unbounded"), 19);
    }
    say(ramp_bottom, tr("tokens back"));
}

void DecayPlot::paintMarks(QPainter& painter) {
    if (layers() == 0) {
        return;
    }
    painter.save();
    painter.setClipRect(plotRect().adjusted(-1, -1, 1, 1));
    painter.setRenderHint(QPainter::Antialiasing, false);
    const auto square = [this](capture::HeadRef head) {
        const QRectF cell = cellRect(head);
        QRectF mark(0, 0, std::clamp(cell.width(), 8.0, 16.0), std::clamp(cell.height(), 8.0, 14.0));
        mark.moveCenter(cell.center());
        return mark;
    };
    for (const capture::HeadRef head : selection_.ticked()) {
        painter.setPen(QPen(themes().color(Role::Panel), 1));
        painter.setBrush(themes().color(Role::Accent));
        painter.drawRect(square(head).adjusted(-1, -1, 0, 0));
    }
    const std::optional<capture::HeadRef> head = selection_.state().head;
    if (head && headAt(QPointF(head->head, head->layer))) {
        const QPointF centre = cellRect(*head).center();
        const QRectF plot = plotRect();
        painter.setPen(QPen(themes().color(Role::Text, 0.8), 1, Qt::DashLine));
        painter.drawLine(QPointF(centre.x(), plot.top()), QPointF(centre.x(), plot.bottom()));
        painter.drawLine(QPointF(plot.left(), centre.y()), QPointF(plot.right(), centre.y()));
        painter.setPen(QPen(themes().color(Role::Accent), 2));
        painter.setBrush(themes().color(Role::Background, 0.6));
        painter.drawRect(square(*head));
    } else if (const std::optional<int> layer = selection_.state().layer; layer && *layer < layers()) {
        const QRectF row(toPixel({0, *layer * 1.0}), toPixel({map_.heads * 1.0, *layer + 1.0}));
        painter.setPen(QPen(themes().color(Role::Accent), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(row);
    }
    painter.restore();
}

} // namespace fulgurite
