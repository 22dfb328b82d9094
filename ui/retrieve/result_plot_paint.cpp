// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/charts/scales.h"
#include "ui/retrieve/result_plot.h"
#include "ui/retrieve/strategies.h"

#include <QPainter>
#include <QPolygonF>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

using retrieval::Figure;
using retrieval::FigureMark;
using retrieval::FigurePanel;
using retrieval::FigureSeries;

constexpr double kFill = 0.32;
constexpr double kWaist = 0.55; // of a box at its median
constexpr double kMean = 5;     // pixels, a pentagon's radius
constexpr double kCap = 3;      // pixels, half of an interval's ends

const StrategyInfo& infoOf(const FigureSeries& series) {
    return strategyInfo(QString::fromStdString(series.strategy));
}

// Two strategies may have one colour: dashed lines have hatched boxes.
bool isHatched(const StrategyInfo& info) {
    return info.line != Qt::SolidLine;
}

void fill(QPainter& painter, const QColor& color, bool hatched) {
    QColor pale = color;
    pale.setAlphaF(static_cast<float>(hatched ? 0.8 : kFill));
    painter.setBrush(QBrush(pale, hatched ? Qt::BDiagPattern : Qt::SolidPattern));
    painter.setPen(QPen(color, 1.2));
}

QPolygonF pentagon(QPointF centre) {
    QPolygonF points;
    for (int i = 0; i < 5; ++i) {
        const double angle = 2 * 3.14159265358979 * i / 5;
        points << centre + QPointF(kMean * std::sin(angle), -kMean * std::cos(angle));
    }
    return points;
}

} // namespace

// What it is at the left, which strategies at the right, as far as there is room.
void ResultPlot::paintHead(QPainter& painter) const {
    const QRectF row(themes().scaled(10), 2, width() - themes().scaled(20), margins().top() - 6);
    painter.setFont(themes().uiFont(10.5));
    const QFontMetricsF small(painter.font());
    double right = row.right();
    const std::vector<FigureSeries>& all = figure_->panels.front().series;
    for (std::size_t s = all.size(); s-- > 0;) {
        const StrategyInfo& info = infoOf(all[s]);
        const QColor color = themes().color(info.role);
        const double words = small.horizontalAdvance(info.title);
        right -= words;
        painter.setPen(themes().color(Role::Text));
        painter.drawText(QRectF(right, row.top(), words + 2, row.height()), Qt::AlignLeft | Qt::AlignVCenter,
                         info.title);
        const QPointF mark(right - 12, row.center().y());
        if (figure_->kind == Figure::Kind::Lines) {
            painter.setPen(QPen(color, 1.8, info.line));
            painter.drawLine(mark - QPointF(11, 0), mark + QPointF(7, 0));
            paintMark(painter, mark - QPointF(2, 0), 6, info.mark, color);
        } else {
            fill(painter, color, isHatched(info));
            painter.drawRect(QRectF(mark - QPointF(8, 5), QSizeF(11, 10)));
        }
        right -= 38;
    }
    const QFont bold = themes().uiFont(11.5, QFont::DemiBold);
    const QString title = QString::fromStdString(figure_->title);
    const double room = std::max(0.0, right - row.left());
    const double words = std::min(room, QFontMetricsF(bold).horizontalAdvance(title));
    painter.setFont(bold);
    painter.setPen(themes().color(Role::Text));
    painter.drawText(QRectF(row.left(), row.top(), words + 1, row.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetricsF(bold).elidedText(title, Qt::ElideRight, room));
    painter.setFont(themes().uiFont(10.5));
    painter.setPen(themes().color(Role::Muted));
    const QString more = QStringLiteral("%1 · %2").arg(QString::fromStdString(figure_->values), source_);
    painter.drawText(QRectF(row.left() + words + 10, row.top(), std::max(0.0, room - words - 10), row.height()),
                     Qt::AlignLeft | Qt::AlignVCenter,
                     small.elidedText(more, Qt::ElideRight, std::max(0.0, room - words - 10)));
}

void ResultPlot::paintAxes(QPainter& painter) const {
    const QRectF plot = plotRect();
    painter.setFont(themes().uiFont(10.5));
    const double text = QFontMetricsF(painter.font()).height();
    const int lines = std::clamp(static_cast<int>(plot.height() / (text * 1.6)), 1, 8);
    const std::vector<double> ticks = niceTicks(scale_.low, scale_.high, lines);
    const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : scale_.step;
    for (const double value : ticks) {
        const double y = toPixel({0, value}).y();
        const bool zero = std::abs(value) < step / 1000;
        painter.setPen(QPen(themes().color(zero ? Role::Faint : Role::Grid), 1));
        for (std::size_t i = 0; i < lefts_.size(); ++i) {
            const double wide = static_cast<double>(figure_->panels[i].ticks.size());
            const double from = std::max(plot.left(), toPixel({lefts_[i], 0}).x());
            const double to = std::min(plot.right(), toPixel({lefts_[i] + wide, 0}).x());
            if (from < to) {
                painter.drawLine(QPointF(from, y), QPointF(to, y));
            }
        }
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(0, y - text / 2, plot.left() - 6, text), Qt::AlignRight | Qt::AlignVCenter,
                         tickText(zero ? 0 : value, step));
    }
}

// Below the axis: numbers of documents, and under them which panel.
void ResultPlot::paintPanelNames(QPainter& painter) const {
    const QRectF plot = plotRect();
    painter.setFont(themes().uiFont(10.5));
    const QFontMetricsF small(painter.font());
    painter.setPen(themes().color(Role::Muted));
    // At the left end, clear of the lowest number of the other axis.
    painter.drawText(QRectF(themes().scaled(10), plot.bottom() + 2, plot.left(), small.height()),
                     Qt::AlignLeft | Qt::AlignTop, QString::fromStdString(figure_->across));
    double free_from = plot.left() - small.averageCharWidth();
    for (const Column& column : columns_) {
        const double x = toPixel({column.x, 0}).x();
        const QString tick = QString::fromStdString(figure_->panels[column.panel].ticks[column.tick]);
        const double half = small.horizontalAdvance(tick) / 2;
        if (x < plot.left() || x > plot.right() || x - half < free_from) {
            continue;
        }
        painter.drawText(QRectF(x - half, plot.bottom() + 2, 2 * half + 1, small.height()), Qt::AlignCenter, tick);
        free_from = x + half + small.averageCharWidth();
    }
    painter.setFont(themes().uiFont(10.5, QFont::DemiBold));
    painter.setPen(themes().color(Role::Text));
    for (std::size_t i = 0; i < lefts_.size(); ++i) {
        const double wide = static_cast<double>(figure_->panels[i].ticks.size());
        const double from = std::max(plot.left(), toPixel({lefts_[i], 0}).x());
        const double to = std::min(plot.right(), toPixel({lefts_[i] + wide, 0}).x());
        if (to - from > 20) {
            painter.drawText(QRectF(from, plot.bottom() + small.height() + 2, to - from, small.height()),
                             Qt::AlignHCenter | Qt::AlignTop, QString::fromStdString(figure_->panels[i].title));
        }
    }
}

// Where the mean lies with 95 percent.
void ResultPlot::paintInterval(QPainter& painter, const FigureMark& mark, double x, const QColor& color) const {
    painter.setPen(QPen(color, 1.2));
    const QPointF low(x, toPixel({0, mark.mean.low}).y());
    const QPointF high(x, toPixel({0, mark.mean.high}).y());
    painter.drawLine(low, high);
    for (const QPointF& end : {low, high}) {
        painter.drawLine(end - QPointF(kCap, 0), end + QPointF(kCap, 0));
    }
}

void ResultPlot::paintBox(QPainter& painter, const FigureMark& mark, double x, double half, const QColor& color,
                          bool hatched) const {
    const retrieval::BoxStatistics& box = mark.box;
    const auto y = [this](double value) { return toPixel({0, value}).y(); };
    painter.setPen(QPen(color, 1));
    painter.drawLine(QPointF(x, y(box.low)), QPointF(x, y(box.high)));
    for (const double end : {box.low, box.high}) {
        painter.drawLine(QPointF(x - half / 2, y(end)), QPointF(x + half / 2, y(end)));
    }
    // The notch narrows the box at the median; it ends at the box, however wide it is.
    const double above = std::min(box.third, box.median + box.notch);
    const double below = std::max(box.first, box.median - box.notch);
    const double waist = half * kWaist;
    QPolygonF outline;
    outline << QPointF(x - half, y(box.third)) << QPointF(x + half, y(box.third)) << QPointF(x + half, y(above))
            << QPointF(x + waist, y(box.median)) << QPointF(x + half, y(below)) << QPointF(x + half, y(box.first))
            << QPointF(x - half, y(box.first)) << QPointF(x - half, y(below)) << QPointF(x - waist, y(box.median))
            << QPointF(x - half, y(above));
    fill(painter, color, hatched);
    painter.drawPolygon(outline);
    painter.setPen(QPen(color, 2.2));
    painter.drawLine(QPointF(x - waist, y(box.median)), QPointF(x + waist, y(box.median)));
    paintInterval(painter, mark, x, themes().color(Role::Text));
    painter.setPen(QPen(themes().color(Role::Text), 1));
    painter.setBrush(themes().color(Role::Panel));
    painter.drawPolygon(pentagon({x, y(mark.mean.mean)}));
}

void ResultPlot::paintBar(QPainter& painter, const FigureMark& mark, double x, double half, const QColor& color,
                          bool hatched) const {
    fill(painter, color, hatched);
    painter.drawRect(
        QRectF(QPointF(x - half, toPixel({0, mark.mean.mean}).y()), QPointF(x + half, toPixel({0, 0}).y())));
    paintInterval(painter, mark, x, themes().color(Role::Text));
}

void ResultPlot::paintSeries(QPainter& painter, const FigurePanel& panel, std::size_t s, double left) const {
    const FigureSeries& series = panel.series[s];
    const StrategyInfo& info = infoOf(series);
    const QColor color = themes().color(info.role);
    const double tick = toPixel({1, 0}).x() - toPixel({0, 0}).x();
    const double half =
        std::min(0.36 * tick * std::abs(beside(0, panel.series.size()) - beside(1, panel.series.size())),
                 static_cast<double>(themes().scaled(26)));
    QPolygonF means;
    for (std::size_t i = 0; i < series.marks.size(); ++i) {
        const FigureMark& mark = series.marks[i];
        const double x = toPixel({left + static_cast<double>(i) + 0.5 + beside(s, panel.series.size()), 0}).x();
        means << QPointF(x, toPixel({0, mark.mean.mean}).y());
        switch (figure_->kind) {
        case Figure::Kind::Boxes:
            paintBox(painter, mark, x, half, color, isHatched(info));
            break;
        case Figure::Kind::Bars:
            paintBar(painter, mark, x, half, color, isHatched(info));
            break;
        case Figure::Kind::Lines: {
            QColor pale = color; // three ways to vote have one colour: the lines stand out from their intervals
            pale.setAlphaF(0.5f);
            paintInterval(painter, mark, x, pale);
            break;
        }
        }
    }
    if (figure_->kind == Figure::Kind::Lines) {
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(color, 1.8, info.line));
        painter.drawPolyline(means);
        for (const QPointF& point : std::as_const(means)) {
            paintMark(painter, point, 6.5, info.mark, color);
        }
    }
}

void ResultPlot::paintPlot(QPainter& painter) {
    if (!figure_) {
        return;
    }
    painter.setRenderHint(QPainter::Antialiasing);
    paintHead(painter);
    paintAxes(painter);
    paintPanelNames(painter);
    painter.save();
    painter.setClipRect(plotRect().adjusted(-2, -kMean, 2, kMean));
    for (std::size_t i = 0; i < figure_->panels.size(); ++i) {
        for (std::size_t s = 0; s < figure_->panels[i].series.size(); ++s) {
            paintSeries(painter, figure_->panels[i], s, lefts_[i]);
        }
    }
    painter.restore();
}

void ResultPlot::paintMarks(QPainter& painter) {
    const int shown = pointer() ? nearestColumn(toData(*pointer()).x()) : column_;
    if (shown < 0) {
        return;
    }
    const double x = columns_[static_cast<std::size_t>(shown)].x;
    const QRectF column(toPixel({x - 0.5, scale_.high}), toPixel({x + 0.5, scale_.low}));
    painter.setPen(QPen(themes().color(Role::Focus), 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(column.normalized().intersected(plotRect()).adjusted(0.5, 0.5, -0.5, -0.5));
}

} // namespace fulgurite
